//! Removing the entries that our claim says we added, then the claim. The mapping stays, even when it is empty: an
//! empty one grants nothing, and the API cannot delete one on condition that it still is.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud::{Caller, Cloud};
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, until};

use super::apply::recorded;
use super::plan::Change;
use super::side::Side;
use super::spec::Identity;
use crate::claim::{Holder, Ledger, Phase, Standing};
use crate::domain::Problem;

/// How long a change that was begun may still take effect. Longer than one call can take.
const SETTLE: Duration = Duration::from_secs(30);
/// What a claim says of a change that was begun.
const BEGUN: &str = "begun";

/// Removes what the claim covers. No claim: nothing of ours is there.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    caller: &Caller,
    context: &Context,
) -> Result<(), Failure> {
    let ledger = Ledger::new(cloud.claims(), identity.claim_name(context), Holder::of(context));
    let removal = Removal { cloud, identity, caller, ledger, settling: Mutex::default() };
    let log =
        |status: &str| tracing::info!("removing from the mapping of role `{}`: {status}", identity.role);
    until(context.deadline, &Pace::default(), log, || removal.look()).await.map_err(|error| {
        let awaited = format!("role `{}` on {} is still mapped", identity.role, identity.endpoint);
        Failure::of_wait(error, awaited, Failure::from)
    })
}

struct Removal<'a, C: Cloud> {
    cloud: &'a C,
    identity: &'a Identity,
    caller: &'a Caller,
    ledger: Ledger<'a, C::Claims>,
    settling: Mutex<Option<Deadline>>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one change.
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
        let side = Side::open(self.cloud, self.identity, self.caller).await?;
        let mapping = side.read().await?;
        let change = Change::between(mapping.as_ref(), &BTreeSet::new(), &recorded(&self.ledger.parts()));
        if change.is_nothing() {
            if is_begun && self.is_settling() {
                return Ok(Probe::NotYet("removed; a change may still be on its way".to_owned()));
            }
            return self.let_go().await;
        }
        let (operations, _) = change.patch(&self.identity.role, mapping.as_ref());
        let refused = side.patch(operations).await?;
        Ok(Probe::NotYet(refused.unwrap_or_else(|| "removed".to_owned())))
    }

    /// True for a while from the first time it was asked.
    fn is_settling(&self) -> bool {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        !settling.get_or_insert_with(|| Deadline::after(SETTLE)).has_passed()
    }

    /// Records that the removal has begun, so that a Create that still runs stops.
    async fn release(&self, targets: Vec<String>) -> Result<bool, Problem> {
        let is_begun = !targets.is_empty();
        let id = Some(self.identity.role.clone());
        let releasing = Phase::Releasing { id, targets, because: None };
        self.ledger.write(releasing).await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(is_begun)
    }

    async fn let_go(&self) -> Result<Probe<()>, Problem> {
        self.ledger.remove().await.map_err(Problem::ledger(self.ledger.name()))?;
        Ok(Probe::Ready(()))
    }
}
