//! Removing the connection: only what our claim covers, then the claim.

use std::time::Duration;

use cloud::{Cloud, Outbound};
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, until};

use super::next::{Goal, Observed, Step, next};
use super::problem::Problem;
use super::sides::{FollowerSide, is_live, ledger};
use super::spec::Identity;
use crate::claim::{Holder, Ledger, Phase, Standing};

/// How long a request that went out may stay unlisted before it counts as never made.
/// Longer than one call can take, so that a request in flight is seen.
const SETTLE: Duration = Duration::from_secs(30);

/// Removes what the claim covers. No claim, or somebody else's: nothing of ours is there, which is success.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    context: &Context,
) -> Result<(), Failure> {
    let ledger = Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context));
    let settled = Deadline::after(SETTLE);
    let log = |status: &str| tracing::info!("removing connection `{}`: {status}", identity.alias);
    let look = || look(cloud, identity, &ledger, settled);
    until(context.deadline, &Pace::default(), log, look).await.map_err(|error| {
        let awaited = format!("connection `{}` of {} is not gone", identity.alias, identity.follower);
        Failure::of_wait(error, awaited, Failure::from)
    })
}

async fn look<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    ledger_of: &Ledger<'_, C::Claims>,
    settled: Deadline,
) -> Result<Probe<()>, Problem> {
    let name = ledger_of.name();
    let phase = match ledger_of.read().await.map_err(ledger(name))? {
        Standing::Free | Standing::Theirs(_) => return Ok(Probe::Ready(())),
        Standing::Ours(phase) => phase,
    };
    let id = match phase {
        // Claimed, and nothing made under the claim.
        Phase::Looking => {
            ledger_of.remove().await.map_err(ledger(name))?;
            return Ok(Probe::Ready(()));
        }
        Phase::Releasing { id } => id,
        Phase::Made { id, .. } => release(ledger_of, Some(id)).await?,
        Phase::Requesting => release(ledger_of, None).await?,
    };
    let follower = FollowerSide::open(cloud, identity).await?;
    let rows = follower.list().await?;
    let ours = covered(&rows, identity, id.as_deref());
    let observed = Observed {
        outbound: ours.map(|row| &row.status),
        inbound: None,
        is_as_wanted: true,
        is_fresh: false,
    };
    match (next(&observed, Goal::Gone), ours) {
        (Step::Delete, Some(row)) => {
            let refused = follower.delete(&row.id).await?;
            Ok(Probe::NotYet(
                refused.map_or_else(|| row.status.to_string(), |why| format!("{}; {why}", row.status)),
            ))
        }
        (Step::Wait, Some(row)) => Ok(Probe::NotYet(row.status.to_string())),
        // Listed as deleted: certain. Not listed: perhaps not yet.
        (_, None) if !settled.has_passed() => {
            Ok(Probe::NotYet("not listed; waiting whether it will be".to_owned()))
        }
        (Step::Done | Step::Request | Step::Accept | Step::Fail(_) | Step::Delete | Step::Wait, _) => {
            ledger_of.remove().await.map_err(ledger(name))?;
            Ok(Probe::Ready(()))
        }
    }
}

/// Records that the removal has begun, so that a Create that still runs stops.
async fn release<C: cloud::Claims>(
    ledger_of: &Ledger<'_, C>,
    id: Option<String>,
) -> Result<Option<String>, Problem> {
    ledger_of.write(Phase::Releasing { id: id.clone() }).await.map_err(ledger(ledger_of.name()))?;
    Ok(id)
}

/// The connection that our claim covers: the one we know the id of, or, when the answer to our request was lost, the
/// one that came to stand under the alias we had claimed.
fn covered<'a>(rows: &'a [Outbound], identity: &Identity, id: Option<&str>) -> Option<&'a Outbound> {
    match id {
        Some(id) => rows.iter().find(|row| row.id == id),
        None => rows.iter().find(|row| is_live(row) && row.alias == identity.alias),
    }
}
