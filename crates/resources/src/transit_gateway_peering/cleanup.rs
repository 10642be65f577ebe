//! Removing the peering: its routes on both sides, the attachment, then the claim; only what is ours.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cloud::{Claimed, Cloud, Peering, PeeringState, Place};
use custom_resource::{Context, Failure};
use wait::{Deadline, Pace, Probe, Retry, Retryable, until};

use super::links::{Part, Side};
use super::next::{Goal, Observed, Step, next};
use super::ownership::{is_live, is_tagged, twins};
use super::problem::Problem;
use super::sides::{GatewaySide, ledger};
use super::spec::{Identity, Spec};
use crate::claim::{Holder, Ledger, Phase, Standing};

/// How long a request that went out may stay unlisted before it counts as never made.
/// Longer than one call can take, so that a request in flight is seen.
const SETTLE: Duration = Duration::from_secs(30);

/// How long the leader's side is tried. Its routes go first if they can; a leader that cannot be reached any more never
/// blocks a deletion: without the attachment its routes drop what they match, and only that.
const LEADER_PATIENCE: Duration = Duration::from_mins(1);

/// Removes what the claim covers. No claim, or somebody else's: nothing of ours is there, which is success.
///
/// The spec, when there is one, says how to reach the leader's side.
pub(crate) async fn cleanup<C: Cloud>(
    cloud: &C,
    identity: &Identity,
    spec: Option<&Spec>,
    context: &Context,
) -> Result<(), Failure> {
    let holder = Holder::of(context);
    let removal = Removal {
        cloud,
        identity,
        spec,
        context,
        ledger: Ledger::new(cloud.claims(), identity.claim_name(), holder.clone()),
        holder,
        settled: Deadline::after(SETTLE),
        leader_until: Deadline::after(LEADER_PATIENCE),
        is_leader_given_up: AtomicBool::new(false),
    };
    let name = format!("`{}` and `{}`", identity.local.id, identity.remote_id);
    let log = |status: &str| tracing::info!("removing the peering of {name}: {status}");
    let gone = until(context.deadline, &Pace::default(), log, || removal.look()).await.map_err(|error| {
        let awaited = format!("the peering from {} to {} is not gone", identity.local, identity.remote_id);
        Failure::of_wait(error, awaited, Failure::from)
    })?;
    if let Some(row) = gone {
        removal.await_leader(&row, context.deadline).await;
    }
    Ok(())
}

struct Removal<'a, C: Cloud> {
    cloud: &'a C,
    identity: &'a Identity,
    spec: Option<&'a Spec>,
    context: &'a Context,
    ledger: Ledger<'a, C::Claims>,
    holder: Holder,
    settled: Deadline,
    leader_until: Deadline,
    /// The leader's side could not be reached, and the log says so.
    is_leader_given_up: AtomicBool,
}

impl<C: Cloud> Removal<'_, C> {
    /// One look and at most one step. Ready with what was removed, if anything was.
    async fn look(&self) -> Result<Probe<Option<Peering>>, Problem> {
        let name = self.ledger.name();
        let phase = match self.ledger.read().await.map_err(ledger(name))? {
            Standing::Free => return self.reclaim().await,
            Standing::Theirs(_) => return Ok(Probe::Ready(None)),
            Standing::OursUnreadable => return Err(Problem::Unreadable { claim: name.to_owned() }),
            // A Delete of long ago, delivered again.
            Standing::Ours(_) if self.ledger.has_later_turn(&self.context.request_id, self.context.sent) => {
                return Err(Problem::Overtaken);
            }
            Standing::Ours(phase) => phase,
        };
        let id = match phase {
            // Claimed, and nothing made under the claim.
            Phase::Looking | Phase::Adopting { .. } => return self.let_go(None).await,
            Phase::Releasing { id, .. } => id,
            Phase::Made { id, .. } => self.release(Some(id)).await?,
            Phase::Requesting { .. } => self.release(None).await?,
        };
        let follower = GatewaySide::follower(self.cloud, self.identity).await?;
        let rows = follower.list(self.identity).await?;
        let ours = match &id {
            Some(id) => rows.iter().find(|row| row.id == *id),
            // The answer to our request was lost, and what it made carries our tags.
            None => rows.iter().find(|row| is_live(row) && is_tagged(row, &self.holder)),
        };
        if let Some(twin) = ours.and_then(|row| twins(&rows, row, &self.holder).next()) {
            follower.delete(&twin.id).await?;
            return Ok(Probe::NotYet(format!("removing its twin `{}`", twin.id)));
        }
        if let Some(status) = self.unlink(&follower, ours).await? {
            return Ok(Probe::NotYet(status));
        }
        let observed =
            Observed { near: ours.map(|row| &row.state), far: None, is_as_wanted: true, is_fresh: false };
        match (next(&observed, Goal::Gone), ours) {
            (Step::Delete, Some(row)) => {
                let refused = follower.delete(&row.id).await?;
                let state = &row.state;
                Ok(Probe::NotYet(refused.map_or_else(|| state.to_string(), |why| format!("{state}; {why}"))))
            }
            (Step::Sweep, Some(row)) => match follower.delete(&row.id).await? {
                None => Ok(Probe::NotYet(row.state.to_string())),
                // It is over, and the service removes it by itself.
                Some(_) => self.let_go(ours).await,
            },
            (Step::Wait, Some(row)) => Ok(Probe::NotYet(row.state.to_string())),
            // Listed as deleted: certain. Not listed: perhaps not yet.
            (_, None) if !self.settled.has_passed() => {
                Ok(Probe::NotYet("not listed; waiting whether it will be".to_owned()))
            }
            (
                Step::Done
                | Step::Request
                | Step::Accept
                | Step::Link
                | Step::Fail(_)
                | Step::Delete
                | Step::Sweep
                | Step::Wait,
                _,
            ) => self.let_go(ours).await,
        }
    }

    /// Without a claim nothing is ours but what carries our tags: an invocation died between its request and its notes,
    /// while a deletion removed the claim.
    async fn reclaim(&self) -> Result<Probe<Option<Peering>>, Problem> {
        let listed =
            async { GatewaySide::follower(self.cloud, self.identity).await?.list(self.identity).await };
        let rows = match listed.await {
            Ok(rows) => rows,
            Err(problem) if problem.retry() == Retry::Later && !self.settled.has_passed() => {
                return Err(problem);
            }
            // A deletion is blocked neither by a permission that it does not need nor by a service that is unwell.
            Err(problem) => {
                tracing::warn!("cannot see whether anything was left: {}", wait::chain(&problem));
                return Ok(Probe::Ready(None));
            }
        };
        let Some(lost) = rows.into_iter().find(|row| is_live(row) && is_tagged(row, &self.holder)) else {
            return Ok(Probe::Ready(None));
        };
        let name = self.ledger.name();
        if self.ledger.create().await.map_err(ledger(name))? == Claimed::New {
            self.release(Some(lost.id)).await?;
        }
        Ok(Probe::NotYet("found by its tags".to_owned()))
    }

    /// What the claim says was made beside the attachment.
    fn parts(&self) -> Vec<Part> {
        self.ledger.parts().iter().filter_map(|text| text.parse().ok()).collect()
    }

    /// Records that the removal has begun, so that a Create that still runs stops.
    async fn release(&self, id: Option<String>) -> Result<Option<String>, Problem> {
        let phase = Phase::Releasing { id: id.clone(), targets: Vec::new(), because: None };
        self.ledger.write(phase).await.map_err(ledger(self.ledger.name()))?;
        Ok(id)
    }

    /// The last step: nothing of ours is there any more.
    async fn let_go(&self, row: Option<&Peering>) -> Result<Probe<Option<Peering>>, Problem> {
        self.ledger.remove().await.map_err(ledger(self.ledger.name()))?;
        Ok(Probe::Ready(row.cloned()))
    }

    /// Removes our routes on both sides, one at a time; none when there are none left, or none that can be reached.
    /// Associations go with the attachment.
    async fn unlink(
        &self,
        follower: &GatewaySide<C::TransitGateways>,
        row: Option<&Peering>,
    ) -> Result<Option<String>, Problem> {
        let mut parts = self.parts();
        // What is wanted may have been made by a delivery whose note another one has overwritten.
        if let (Some(spec), Some(row)) = (self.spec, row) {
            let far = row.accepter_id.as_deref().unwrap_or(&row.id);
            let wanted = spec.wanted(&row.id, far).into_iter().map(|wanted| wanted.route());
            parts.extend(wanted.filter(|part| !self.parts().contains(part)));
        }
        let (near, far): (Vec<_>, Vec<_>) = parts.into_iter().partition(|part| part.side == Side::Follower);
        for part in &near {
            if let Some(status) = drop_route(follower, part).await? {
                return Ok(Some(status));
            }
        }
        if far.is_empty() { Ok(None) } else { self.unlink_leader(&far, row).await }
    }

    async fn unlink_leader(&self, parts: &[Part], row: Option<&Peering>) -> Result<Option<String>, Problem> {
        if self.is_leader_given_up.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let Some(place) = self.leader_place(row) else {
            self.give_leader_up("the properties do not say how to reach it");
            return Ok(None);
        };
        let leader = match GatewaySide::leader(self.cloud, &place, &self.identity.remote_id).await {
            Ok(leader) => leader,
            Err(problem) => return Ok(self.unreachable(&problem)),
        };
        for part in parts {
            match drop_route(&leader, part).await {
                Ok(None) => {}
                Ok(status) => return Ok(status),
                Err(problem) if problem.retry() == Retry::Later => return Ok(self.unreachable(&problem)),
                Err(problem) => return Err(problem),
            }
        }
        Ok(None)
    }

    /// Tries again for a while, then does without.
    fn unreachable(&self, problem: &Problem) -> Option<String> {
        let why = wait::chain(problem);
        if self.leader_until.has_passed() {
            self.give_leader_up(&why);
            return None;
        }
        Some(format!("the leader's side cannot be reached: {why}"))
    }

    fn give_leader_up(&self, why: &str) {
        self.is_leader_given_up.store(true, Ordering::Relaxed);
        let parts = self.parts().into_iter().filter(|part| part.side == Side::Leader);
        let routes: Vec<_> =
            parts.filter_map(|part| Some(format!("{} in {}", part.cidr?, part.table))).collect();
        tracing::warn!(
            "the leader's side cannot be reached ({why}): its routes stay, and drop what they match once the peering is \
             deleted; delete them there by hand: {}",
            routes.join(", ")
        );
    }

    /// Where the leader's side is asked; without the properties, only if no role is needed.
    fn leader_place(&self, row: Option<&Peering>) -> Option<Place> {
        let from_row = || {
            let remote = &row.filter(|row| row.remote.account == self.identity.local.account)?.remote;
            Some(Place { account: remote.account.clone(), region: remote.region.clone(), role: None })
        };
        self.spec.map(Spec::leader_place).or_else(from_row)
    }

    /// Waits until the leader's side does not show the peering either, if it can be asked: its gateway cannot be deleted
    /// before (gruntwork-io/cloud-nuke#744).
    async fn await_leader(&self, near: &Peering, deadline: Deadline) {
        let Some(place) = self.leader_place(Some(near)) else { return };
        if self.is_leader_given_up.load(Ordering::Relaxed) {
            return;
        }
        let look = async || {
            let leader = GatewaySide::leader(self.cloud, &place, &self.identity.remote_id).await?;
            let row = leader.find(near).await?;
            Ok::<_, Problem>(match row.map(|row| row.state) {
                None | Some(PeeringState::Deleted | PeeringState::Failed | PeeringState::Rejected) => {
                    Probe::Ready(())
                }
                Some(state) => Probe::NotYet(format!("{state} on the leader's side")),
            })
        };
        let log = |status: &str| tracing::info!("removing peering `{}`: {status}", near.id);
        let deadline = deadline.min(Deadline::after(LEADER_PATIENCE));
        if let Err(error) = until(deadline, &Pace::default(), log, look).await {
            tracing::warn!("the leader's side may still show peering `{}` for a while: {error}", near.id);
        }
    }
}

/// Removes a route of ours; none when it is gone.
async fn drop_route<S: cloud::TransitGateways>(
    side: &GatewaySide<S>,
    part: &Part,
) -> Result<Option<String>, Problem> {
    let Some(cidr) = &part.cidr else { return Ok(None) };
    if side.route_of(part).await?.is_none() {
        return Ok(None);
    }
    let refused = side.delete_route(&part.table, cidr).await?;
    let why = refused.map(|why| format!(": {why}")).unwrap_or_default();
    Ok(Some(format!("removing the route to {cidr} on the {}'s side{why}", part.side)))
}
