//! Removing the connection: only what our claim covers, then the claim.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud::{Cloud, InboundStatus, Outbound};
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, until};

use super::next::{Goal, Observed, Step, next};
use super::ownership::{is_live, twins};
use super::problem::Problem;
use super::sides::{FollowerSide, LeaderSide, ledger};
use super::spec::{Identity, Spec};
use crate::claim::{Holder, Ledger, Phase, Standing};

/// How long a request that went out may stay unlisted before it counts as never made.
/// Longer than one call can take, so that a request in flight is seen.
const SETTLE: Duration = Duration::from_secs(30);

/// How long the leader's side may lag behind the follower's. Its domain cannot be deleted before it has caught up, but
/// a leader that cannot be asked any more never blocks a deletion.
const LEADER_LAG: Duration = Duration::from_mins(1);

/// Removes what the claim covers. No claim, or somebody else's: nothing of ours is there, which is success.
///
/// The spec, when there is one, says how to ask the leader's side whether it has let go as well.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    spec: Option<&Spec>,
    context: &Context,
) -> Result<(), Failure> {
    let ledger = Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context));
    let removal = Removal { cloud, identity, spec, context, ledger, settling: Mutex::default() };
    let log = |status: &str| tracing::info!("removing connection `{}`: {status}", identity.alias);
    let gone = until(context.deadline, &Pace::default(), log, || removal.look()).await.map_err(|error| {
        let awaited = format!("connection `{}` of {} is not gone", identity.alias, identity.follower);
        Failure::of_wait(error, awaited, Failure::from)
    })?;
    if let Some(id) = gone {
        removal.await_leader(&id, context.deadline).await;
    }
    Ok(())
}

struct Removal<'a, C: Cloud> {
    cloud: &'a C,
    identity: &'a Identity,
    spec: Option<&'a Spec>,
    context: &'a Context,
    ledger: Ledger<'a, C::Claims>,
    /// The id that is not listed, and until when it may still come to be.
    settling: Mutex<Option<(Option<String>, Deadline)>>,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step. Ready with the id of what was removed, if anything was.
    async fn look(&self) -> Result<Probe<Option<String>>, Problem> {
        let name = self.ledger.name();
        let phase = match self.ledger.read().await.map_err(ledger(name))? {
            Standing::Free => return Ok(Probe::Ready(None)),
            Standing::Theirs(holder) => {
                tracing::warn!(?holder, "the claim `{name}` is somebody else's: nothing is removed");
                return Ok(Probe::Ready(None));
            }
            Standing::OursUnreadable => return Err(Problem::Unreadable { claim: name.to_owned() }),
            // A Delete of long ago, delivered again.
            Standing::Ours(_) if self.ledger.has_later_turn(&self.context.request_id, self.context.sent) => {
                return Err(Problem::Overtaken);
            }
            Standing::Ours(phase) => phase,
        };
        let (id, targets) = match phase {
            // Claimed, and nothing made under the claim; what was not wholly taken over is still somebody else's.
            Phase::Looking | Phase::Adopting { .. } => return self.let_go(None).await,
            Phase::Releasing { id, targets, .. } => (id, targets),
            Phase::Made { id, .. } => self.release(Some(id), Vec::new()).await?,
            Phase::Requesting { targets, .. } => self.release(None, targets).await?,
        };
        let follower = FollowerSide::open(self.cloud, self.identity).await?;
        let rows = follower.list().await?;
        let ours = covered(&rows, self.identity, id.as_deref(), &targets);
        if let Some(twin) = ours.and_then(|row| twins(&rows, row).next()) {
            follower.delete(&twin.id).await?;
            return Ok(Probe::NotYet(format!("removing its twin `{}`", twin.id)));
        }
        let observed = Observed {
            outbound: ours.map(|row| &row.status),
            inbound: None,
            is_as_wanted: true,
            is_fresh: false,
        };
        match (next(&observed, Goal::Gone), ours) {
            (Step::Delete, Some(row)) => {
                let refused = follower.delete(&row.id).await?;
                let status = &row.status;
                Ok(Probe::NotYet(
                    refused.map_or_else(|| status.to_string(), |why| format!("{status}; {why}")),
                ))
            }
            (Step::Wait, Some(row)) => Ok(Probe::NotYet(row.status.to_string())),
            // Listed as deleted: certain. Not listed: perhaps not yet.
            (_, None) if self.may_come_to_be_listed(id.as_deref()) => {
                Ok(Probe::NotYet("not listed; waiting whether it will be".to_owned()))
            }
            (Step::Done | Step::Request | Step::Accept | Step::Fail(_) | Step::Delete | Step::Wait, _) => {
                self.let_go(ours.map(|row| row.id.clone()).or(id)).await
            }
        }
    }

    /// True for a while from the first time it was asked about this id: the claim may change hands meanwhile, and what
    /// another invocation has just made deserves its own time.
    fn may_come_to_be_listed(&self, id: Option<&str>) -> bool {
        let mut settling = self.settling.lock().unwrap_or_else(PoisonError::into_inner);
        match settling.as_ref() {
            Some((asked, until)) if asked.as_deref() == id => !until.has_passed(),
            Some(_) | None => {
                *settling = Some((id.map(str::to_owned), Deadline::after(SETTLE)));
                true
            }
        }
    }

    /// Records that the removal has begun, so that a Create that still runs stops.
    async fn release(
        &self,
        id: Option<String>,
        targets: Vec<String>,
    ) -> Result<(Option<String>, Vec<String>), Problem> {
        let phase = Phase::Releasing { id: id.clone(), targets: targets.clone(), because: None };
        self.ledger.write(phase).await.map_err(ledger(self.ledger.name()))?;
        Ok((id, targets))
    }

    /// The last step: nothing of ours is there any more.
    async fn let_go(&self, id: Option<String>) -> Result<Probe<Option<String>>, Problem> {
        self.ledger.remove().await.map_err(ledger(self.ledger.name()))?;
        Ok(Probe::Ready(id))
    }

    /// Waits until the leader's side does not show the connection either, if it can be asked.
    async fn await_leader(&self, id: &str, deadline: Deadline) {
        let Some(spec) = self.spec else { return };
        let look = async || {
            let leader = LeaderSide::open(self.cloud, spec).await?;
            let row = leader.find(id).await?;
            Ok::<_, Problem>(match row.map(|row| row.status) {
                None | Some(InboundStatus::Deleted) => Probe::Ready(()),
                Some(status) => Probe::NotYet(format!("{status} on the leader's side")),
            })
        };
        let log = |status: &str| tracing::info!("removing connection `{}`: {status}", self.identity.alias);
        if let Err(error) =
            until(deadline.min(Deadline::after(LEADER_LAG)), &Pace::default(), log, look).await
        {
            tracing::warn!("the leader's side may still show connection `{id}` for a while: {error}");
        }
    }
}

/// The connection that our claim covers: the one we know the id of, or, when the answer to our request was lost, the
/// one that came to stand under the alias we had claimed and leads where we had asked for.
fn covered<'a>(
    rows: &'a [Outbound],
    identity: &Identity,
    id: Option<&str>,
    targets: &[String],
) -> Option<&'a Outbound> {
    match id {
        Some(id) => rows.iter().find(|row| row.id == id),
        None => rows.iter().find(|row| {
            is_live(row) && row.alias == identity.alias && targets.contains(&row.remote.to_string())
        }),
    }
}
