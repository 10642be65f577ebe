//! Removing a rule; what follows because of it goes on following, or stops, as the properties say.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud::{Claims, Cloud, Search};
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, until};

use super::spec::{Identity, Spec, WhenDeleted};
use crate::claim::{Holder, Ledger, Phase, Standing};
use crate::domain::Problem;
use crate::follower_index::Identity as Index;
use crate::replication::{Ended, Following, Plugin, Status};

/// How long a rule that was asked for may still come to be. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);
/// What a claim says of one that may be on its way.
const BEGUN: &str = "begun";

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
        stops: spec.filter(|spec| spec.when_deleted == WhenDeleted::Stop).map(|spec| spec.pattern.as_str()),
        ledger: Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context)),
        settling: Mutex::default(),
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
    /// The pattern of what stops.
    stops: Option<&'a str>,
    ledger: Ledger<'a, C::Claims>,
    settling: Mutex<Option<Deadline>>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step, or one for each index that stops.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let claim = self.ledger.name();
        let phase = match self.ledger.read().await.map_err(Problem::ledger(claim))? {
            Standing::Free => return Ok(Probe::Ready(())),
            Standing::Theirs(holder) => {
                tracing::warn!(?holder, "the claim `{claim}` is somebody else's: nothing is removed");
                return Ok(Probe::Ready(()));
            }
            Standing::OursUnreadable => return Err(Problem::Unreadable { claim: claim.to_owned() }),
            Standing::Ours(phase) => phase,
        };
        let is_begun = match phase {
            Phase::Looking | Phase::Adopting { .. } => return self.let_go().await,
            Phase::Releasing { targets, .. } => !targets.is_empty(),
            Phase::Made { .. } => self.release(Vec::new()).await?,
            Phase::Requesting { .. } => self.release(vec![BEGUN.to_owned()]).await?,
        };
        let plugin = Plugin::open(self.cloud, &self.following).await?;
        // The rule first: it would make follow again what is stopped.
        match plugin.delete_rule(&self.identity.name).await {
            Ok(()) => return Ok(Probe::NotYet("deleted".to_owned())),
            Err(Ended::NoSuchRule) => {}
            Err(other) => return Err(other.into_problem("cannot delete the rule")),
        }
        if let Some(pattern) = self.stops
            && let Some(stopped) = self.stop(&plugin, pattern).await?
        {
            return Ok(Probe::NotYet(format!("`{stopped}` stopped")));
        }
        if is_begun && self.is_settling() {
            return Ok(Probe::NotYet("deleted; one may still be on its way".to_owned()));
        }
        self.let_go().await
    }

    /// Stops what follows by this connection and matches, except what is another resource's. The last one's name.
    async fn stop<S: Search>(
        &self,
        plugin: &Plugin<'_, S>,
        pattern: &str,
    ) -> Result<Option<String>, Problem> {
        let mut stopped = None;
        for index in plugin.matching(pattern).await? {
            let Status::Follows { source, .. } = plugin.status(&index).await? else { continue };
            if source.alias != self.identity.alias || source.index != index || self.is_claimed(&index).await?
            {
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

    /// True for a while from the first time it was asked.
    fn is_settling(&self) -> bool {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        !settling.get_or_insert_with(|| Deadline::after(SETTLE)).has_passed()
    }

    /// Records that the removal has begun, so that a Create that still runs stops.
    async fn release(&self, targets: Vec<String>) -> Result<bool, Problem> {
        let is_begun = !targets.is_empty();
        let id = Some(self.identity.name.clone());
        let releasing = Phase::Releasing { id, targets, because: None };
        self.ledger.write(releasing).await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(is_begun)
    }

    async fn let_go(&self) -> Result<Probe<()>, Problem> {
        self.ledger.remove().await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(Probe::Ready(()))
    }
}
