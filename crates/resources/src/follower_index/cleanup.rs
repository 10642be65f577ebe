//! Letting go of an index: it stops following, and goes only where the properties say so.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud::Cloud;
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, until};

use super::spec::{Identity, Spec, WhenDeleted};
use crate::claim::{Holder, Ledger, Phase, Standing};
use crate::domain::Problem;
use crate::replication::{Ended, Following, Plugin, Status};

/// How long a start that was sent may still take effect. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);
/// What a claim says of an index of ours that still followed when its removal began: only that one is deleted.
const FOLLOWED: &str = "followed";
/// What it says of a start that may be on its way.
const BEGUN: &str = "begun";

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
        ledger: Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context)),
        settling: Mutex::default(),
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
    ledger: Ledger<'a, C::Claims>,
    settling: Mutex<Option<Deadline>>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let claim = self.ledger.name();
        let phase = match self.ledger.read().await.map_err(Problem::ledger(claim))? {
            Standing::Free => return Ok(Probe::Ready(())),
            Standing::Theirs(holder) => {
                tracing::warn!(?holder, "the claim `{claim}` is somebody else's: nothing is stopped");
                return Ok(Probe::Ready(()));
            }
            Standing::OursUnreadable => return Err(Problem::Unreadable { claim: claim.to_owned() }),
            Standing::Ours(phase) => phase,
        };
        let mut marks = match phase {
            Phase::Looking | Phase::Adopting { .. } => return self.let_go().await,
            Phase::Releasing { targets, .. } => targets,
            Phase::Made { .. } => self.release(Vec::new()).await?,
            Phase::Requesting { .. } => self.release(vec![BEGUN.to_owned()]).await?,
        };
        let plugin = Plugin::open(self.cloud, &self.following).await?;
        let index = &self.identity.index;
        // The leader may be silent for good: what stops is the follower's business alone.
        let status = plugin.status(index).await?;
        if status != Status::Idle && !marks.iter().any(|mark| mark == FOLLOWED) {
            marks.push(FOLLOWED.to_owned());
            marks = self.release(marks).await?;
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
        if self.deletes && (has_stopped || marks.iter().any(|mark| mark == FOLLOWED)) {
            plugin.delete_index(index).await?;
        }
        if has_stopped {
            return Ok(Probe::NotYet(format!("stopped ({status})")));
        }
        if marks.iter().any(|mark| mark == BEGUN) && self.is_settling() {
            return Ok(Probe::NotYet("stopped; a start may still be on its way".to_owned()));
        }
        self.let_go().await
    }

    /// True for a while from the first time it was asked.
    fn is_settling(&self) -> bool {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        !settling.get_or_insert_with(|| Deadline::after(SETTLE)).has_passed()
    }

    /// Records that the removal has begun, so that a Create that still runs stops.
    async fn release(&self, targets: Vec<String>) -> Result<Vec<String>, Problem> {
        let id = Some(self.identity.index.clone());
        let releasing = Phase::Releasing { id, targets: targets.clone(), because: None };
        self.ledger.write(releasing).await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(targets)
    }

    async fn let_go(&self) -> Result<Probe<()>, Problem> {
        self.ledger.remove().await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(Probe::Ready(()))
    }
}
