//! Removing a rule; what follows because of it goes on following, or stops, as the properties say.

use cloud::{Claims, Cloud, Search};
use custom_resource::{Context, Failure};
use wait::{Pace, Probe, until};

use super::before;
use super::spec::{Identity, Spec, WhenDeleted};
use crate::claim::{Barred, Begun, Release};
use crate::domain::Problem;
use crate::follower_index::Identity as Index;
use crate::replication::{Ended, Following, Plugin, overlap};

/// Removes what the claim covers. No claim, or somebody else's: nothing of ours is there.
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
        stops: spec.filter(|spec| spec.when_deleted == WhenDeleted::Stop),
        release: Release::new(cloud.claims(), identity.claim_name(), &identity.name, context),
    };
    let log = |status: &str| tracing::info!("removing replication rule `{}`: {status}", identity.name);
    until(context.deadline, &Pace::default(), log, || removal.look()).await.map_err(|error| {
        let awaited = format!("rule `{}` on {} is not gone", identity.name, identity.endpoint);
        Failure::of_wait(error, awaited, Failure::from)
    })
}

struct Removal<'a, C: Cloud> {
    cloud: &'a C,
    identity: &'a Identity,
    following: Following,
    /// What says which indexes stop; none when they go on.
    stops: Option<&'a Spec>,
    release: Release<'a, C::Claims>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step, or one for each index that stops.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let marks = match self.release.begin().await.map_err(|barred| self.barred(barred))? {
            Begun::Nothing => return Ok(Probe::Ready(())),
            Begun::NotYet => {
                return Ok(Probe::NotYet("nothing is made; a request may still be at work".to_owned()));
            }
            Begun::Covered(marks) => marks,
        };
        let plugin = Plugin::open(self.cloud, &self.following).await?;
        // The rule first: it would make follow again what is stopped.
        match plugin.delete_rule(&self.identity.name).await {
            Ok(()) => return Ok(Probe::NotYet("deleted".to_owned())),
            Err(Ended::NoSuchRule) => {}
            Err(other) => return Err(other.into_problem("cannot delete the rule")),
        }
        if let Some(spec) = self.stops
            && let Some(stopped) = self.stop(&plugin, spec).await?
        {
            return Ok(Probe::NotYet(format!("`{stopped}` stopped")));
        }
        if self.release.is_settling(&marks) {
            return Ok(Probe::NotYet("deleted; one may still be on its way".to_owned()));
        }
        self.release.let_go().await.map_err(Problem::ledger(self.release.claim()))?;
        Ok(Probe::Ready(()))
    }

    /// Stops what follows by this connection and matches, except what followed before the rule was made, what is another
    /// resource's, and what matches another rule too: that one could not make it follow again. The last one's name.
    async fn stop<S: Search>(&self, plugin: &Plugin<'_, S>, spec: &Spec) -> Result<Option<String>, Problem> {
        let (mut stopped, others) = (None, plugin.other_patterns(&self.identity.name).await?);
        let parts = self.release.parts();
        for index in plugin.matching(&spec.naming.of(&spec.pattern)).await? {
            let source = match plugin.followed(&index).await {
                Err(problem) if problem.is_forbidden() => {
                    tracing::warn!(
                        "`{index}` is left alone, because what it follows is not to be seen: {problem}"
                    );
                    continue;
                }
                source => source?,
            };
            let Some(source) = source else { continue };
            let is_of_another = others.iter().any(|pattern| overlap(pattern, &source.index));
            if !spec.would_bring(&source, &index) || is_of_another || self.is_claimed(&index).await? {
                continue;
            }
            if before::is_recorded(&parts, &index) {
                tracing::info!("`{index}` goes on following: it did before the rule was made, or may have");
                continue;
            }
            match plugin.stop(&index).await {
                Ok(()) => stopped = Some(index),
                Err(Ended::NotInProgress) => {}
                Err(other) => return Err(other.into_problem("cannot stop what the rule made follow")),
            }
        }
        Ok(stopped)
    }

    /// True for an index that a `Custom::FollowerIndex` looks after.
    async fn is_claimed(&self, index: &str) -> Result<bool, Problem> {
        let Identity { endpoint, region, .. } = self.identity.clone();
        let name = Index { endpoint, region, index: index.to_owned() }.claim_name();
        let claim = self.cloud.claims().read(&name).await.map_err(Problem::ledger(&name))?;
        Ok(claim.is_some())
    }

    fn barred(&self, barred: Barred) -> Problem {
        Problem::barred(barred, self.release.claim(), &self.identity.to_string())
    }
}
