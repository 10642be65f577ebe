//! Removing the entries that our claim says we added, then the claim. The mapping stays, even when it is empty: an
//! empty one grants nothing, and the API cannot delete one on condition that it still is.

use std::collections::BTreeSet;

use cloud::{Caller, Cloud};
use custom_resource::{Context, Failure};
use wait::{Pace, Probe, until};

use super::apply::recorded;
use super::plan::Change;
use super::side::Side;
use super::spec::Identity;
use crate::claim::{Barred, Begun, Release};
use crate::domain::Problem;

/// Removes what the claim covers. No claim: nothing of ours is there.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    caller: &Caller,
    context: &Context,
) -> Result<(), Failure> {
    let release = Release::new(cloud.claims(), identity.claim_name(context), &identity.role, context);
    let removal = Removal { cloud, identity, caller, release };
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
    release: Release<'a, C::Claims>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one change.
    async fn look(&self) -> Result<Probe<()>, Problem> {
        let marks = match self.release.begin().await.map_err(|barred| self.barred(barred))? {
            Begun::Nothing => return Ok(Probe::Ready(())),
            Begun::NotYet => {
                return Ok(Probe::NotYet("nothing is made; a request may still be at work".to_owned()));
            }
            Begun::Covered(marks) => marks,
        };
        let side = Side::open(self.cloud, self.identity, self.caller).await?;
        let mapping = side.read().await?;
        let change = Change::between(mapping.as_ref(), &BTreeSet::new(), &recorded(&self.release.parts()));
        if change.is_nothing() {
            if self.release.is_settling(&marks) {
                return Ok(Probe::NotYet("removed; a change may still be on its way".to_owned()));
            }
            self.release.let_go().await.map_err(Problem::ledger(self.release.claim()))?;
            return Ok(Probe::Ready(()));
        }
        let (operations, _) = change.patch(&self.identity.role, mapping.as_ref());
        let refused = side.patch(operations).await?;
        Ok(Probe::NotYet(refused.unwrap_or_else(|| "removed".to_owned())))
    }

    fn barred(&self, barred: Barred) -> Problem {
        Problem::barred(barred, self.release.claim(), &self.identity.to_string())
    }
}
