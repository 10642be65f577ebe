//! Letting go of an index: it stops following, and goes only where the properties say so.

use cloud::Cloud;
use custom_resource::{Context, Failure};
use wait::{Pace, Probe, until};

use super::marks::follows;
use super::spec::{Identity, Spec, WhenDeleted};
use crate::claim::{Barred, Begun, Release};
use crate::domain::Problem;
use crate::replication::{Ended, Following, Plugin, Status};

/// What a claim says of an index of ours that still followed when its removal began: only that one is deleted.
const FOLLOWED: &str = "followed";

/// Stops what the claim covers. No claim, or somebody else's: nothing of ours is there.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    spec: Option<&Spec>,
    context: &Context,
) -> Result<(), Failure> {
    // The properties may be of another resource than the id: a replacement.
    let spec = spec.filter(|spec| spec.identity() == *identity);
    let removal = Removal {
        cloud,
        identity,
        following: spec.map_or_else(|| identity.following(), |spec| spec.following.clone()),
        deletes: spec.is_some_and(|spec| spec.when_deleted == WhenDeleted::StopAndDelete),
        release: Release::new(cloud.claims(), identity.claim_name(), &identity.index, context),
    };
    let log = |status: &str| tracing::info!("letting go of index `{}`: {status}", identity.index);
    until(context.deadline, &Pace::default(), log, || removal.look()).await.map_err(|error| {
        let awaited = format!("index `{}` on {} still follows", identity.index, identity.endpoint);
        Failure::of_wait(error, awaited, Failure::from)
    })
}

struct Removal<'a, C: Cloud> {
    cloud: &'a C,
    identity: &'a Identity,
    following: Following,
    deletes: bool,
    release: Release<'a, C::Claims>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let mut marks = match self.release.begin().await.map_err(|barred| self.barred(barred))? {
            Begun::Nothing => return Ok(Probe::Ready(())),
            Begun::NotYet => {
                return Ok(Probe::NotYet("nothing is made; a request may still be at work".to_owned()));
            }
            Begun::Covered(marks) => marks,
        };
        let plugin = Plugin::open(self.cloud, &self.following).await?;
        let index = &self.identity.index;
        // The leader may be silent for good: what stops is the follower's business alone.
        let status = plugin.status(index).await?;
        // The status says nothing of one whose leader's index or connection is gone.
        let source = match &status {
            Status::Follows { source, .. } => Ok(Some(source.clone())),
            Status::Idle | Status::Unknown(_) | Status::LeaderSilent(_) => plugin.source(index).await,
        };
        let (source, is_known) = match source {
            // The roles that replication needs do not allow to look at settings: then it stops, and nothing is deleted.
            Err(problem) if problem.is_forbidden() => (None, false),
            source => (source?, true),
        };
        if let Some(source) = source.filter(|source| !self.release.parts().contains(&follows(source))) {
            tracing::warn!(
                "index `{index}` follows `{source}`, which this resource did not ask for: it is left alone"
            );
            self.release.let_go().await.map_err(Problem::ledger(self.release.claim()))?;
            return Ok(Probe::Ready(()));
        }
        if is_known && status != Status::Idle && !marks.iter().any(|mark| mark == FOLLOWED) {
            marks.push(FOLLOWED.to_owned());
            marks = self.release.mark(marks).await.map_err(|barred| self.barred(barred))?;
        }
        // Idle is also what follows something that is gone: only the plugin's answer to a stop tells.
        let has_stopped = match plugin.stop(index).await {
            Ok(()) => true,
            Err(Ended::NotInProgress) => false,
            Err(Ended::Dead(problem) | Ended::Failed(problem) | Ended::NoConnection(problem)) => {
                return Err(problem);
            }
            Err(other) => return Ok(Probe::NotYet(format!("not stopped yet: {other:?}"))),
        };
        // In the same look: a Create that is taken back at the same time lets go of what it finds stopped.
        if self.deletes && ((has_stopped && is_known) || marks.iter().any(|mark| mark == FOLLOWED)) {
            plugin.delete_index(index).await?;
            // What has the name from now on is another's.
            if marks.iter().any(|mark| mark == FOLLOWED) {
                marks.retain(|mark| mark != FOLLOWED);
                marks = self.release.mark(marks).await.map_err(|barred| self.barred(barred))?;
            }
        }
        if has_stopped {
            return Ok(Probe::NotYet(format!("stopped ({status})")));
        }
        if self.release.is_settling(&marks) {
            return Ok(Probe::NotYet("stopped; a start may still be on its way".to_owned()));
        }
        self.release.let_go().await.map_err(Problem::ledger(self.release.claim()))?;
        Ok(Probe::Ready(()))
    }

    fn barred(&self, barred: Barred) -> Problem {
        Problem::barred(barred, self.release.claim(), &self.identity.to_string())
    }
}
