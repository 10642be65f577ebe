//! Making the peering: Create and Update.

use std::time::Duration;

use cloud::{Cloud, Code, Peering, PeeringState};
use custom_resource::{Applied, Change, Context, Failure};
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::cleanup::cleanup;
use super::links::{Side, is_free};
use super::next::{DeadEnd, Goal, Observed, Step, next};
use super::ownership::{Whose, tags, twins, whose};
use super::problem::Problem;
use super::sides::{GatewaySide, ledger};
use super::spec::Spec;
use crate::claim::{Barred, Hold, Holder, Ledger, Phase};
use crate::far::ROLE_SPREADS;
use crate::shared::Grace;

/// How long what was requested may stay unlisted, and how long the service may say that there is a peering which no look
/// shows.
const VISIBILITY: Duration = Duration::from_mins(1);

/// Makes the peering what the spec says.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let identity = spec.identity();
    let (local, remote) = (&spec.local.gateway, &spec.remote.gateway);
    let holder = Holder::of(context);
    let work = Work {
        cloud,
        spec,
        context,
        hold: Hold::new(Ledger::new(cloud.claims(), identity.claim_name(), holder.clone()), context),
        holder,
        unlisted: Grace::default(),
        role_spread_by: Deadline::after(ROLE_SPREADS),
    };
    let log = |status: &str| tracing::info!("peering of `{}` and `{}`: {status}", local.id, remote.id);
    match until(context.deadline, &Pace::default(), log, || work.look()).await {
        Ok(row) => {
            Ok(Applied::new().attribute("AttachmentId", &row.id).attribute("Status", row.state.to_string()))
        }
        Err(WaitError::Failed(problem)) => Err(work.give_up(problem).await),
        Err(error) => {
            let awaited = format!("the peering from {local} to {remote} is not usable");
            Err(Failure::of_wait(error, awaited, Failure::from))
        }
    }
}

pub(super) struct Work<'a, C: Cloud> {
    cloud: &'a C,
    spec: &'a Spec,
    context: &'a Context,
    pub(super) hold: Hold<'a, C::Claims>,
    holder: Holder,
    /// Until when it may be that the service knows a peering and does not list it; set when that was first seen.
    unlisted: Grace,
    role_spread_by: Deadline,
}

/// What is under our claim.
enum Ours<'r> {
    Nothing,
    /// Not to be told yet, for this reason.
    NotYet(String),
    Row(&'r Peering),
}

/// The follower's and the leader's.
pub(super) type Sides<C> = [GatewaySide<<C as Cloud>::TransitGateways>; 2];

impl<C: Cloud> Work<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<Peering>, Problem> {
        // Both sides first: what cannot be reached is found before anything is made.
        let identity = self.spec.identity();
        let follower = GatewaySide::follower(self.cloud, &identity).await?;
        let place = self.spec.leader_place();
        let leader = match GatewaySide::leader(self.cloud, &place, &identity.remote_id).await {
            Err(Problem::Role { role, source, .. })
                if source.code == Code::AccessDenied && !self.role_spread_by.has_passed() =>
            {
                return Ok(Probe::not_yet(format!("role `{role}` cannot be assumed yet")));
            }
            leader => leader?,
        };
        if !self.hold.is_held() && self.claim().await?.is_none() {
            return Ok(Probe::not_yet("claiming the peering"));
        }
        // The list before the claim, as ownership demands.
        let rows = follower.list(&identity).await?;
        let Some(phase) = self.claim().await? else { return Ok(Probe::not_yet("claiming the peering")) };
        let is_fresh = matches!(&phase, Phase::Made { by: Some(by), .. } if *by == self.context.request_id);
        let ours = match self.ours(&phase, &rows).await? {
            Ours::Row(row) => Some(row),
            Ours::Nothing => None,
            Ours::NotYet(why) => return Ok(Probe::not_yet(why)),
        };
        if let Some(twin) = ours.and_then(|row| twins(&rows, row, &self.holder).next()) {
            follower.delete(&twin.id).await?;
            return Ok(Probe::not_yet(format!("removing its twin `{}`", twin.id)));
        }
        let far = match ours {
            Some(row) if matches!(row.state, PeeringState::PendingAcceptance | PeeringState::Available) => {
                leader.find(row).await?
            }
            Some(_) | None => None,
        };
        let observed = Observed {
            near: ours.map(|row| &row.state),
            far: far.as_ref().map(|row| &row.state),
            is_as_wanted: ours.is_some_and(|row| self.is_as_wanted(row)),
            is_fresh,
        };
        self.ensure_fresh().await?;
        match (next(&observed, Goal::Available), ours, far) {
            (Step::Link, Some(row), Some(far)) => {
                let status = self.link(&[follower, leader], &self.spec.wanted(&row.id, &far.id)).await?;
                match status {
                    Some(status) => Ok(Probe::not_yet(status)),
                    None if !self.hold.is_settled() => {
                        Ok(Probe::not_yet(format!("{}; an earlier request may still be at work", row.state)))
                    }
                    None => {
                        if !self.hold.finish(phase).await.map_err(|barred| self.barred(barred))? {
                            return Ok(Probe::not_yet("another request was at work"));
                        }
                        Ok(Probe::Ready(row.clone()))
                    }
                }
            }
            (Step::Request, _, _) => self.request(&[follower, leader], &phase).await,
            (Step::Accept, Some(_), Some(far)) => {
                let refused = leader.accept(&far.id).await?;
                Ok(Probe::not_yet(
                    refused.map_or("accepted".to_owned(), |why| format!("pendingAcceptance; {why}")),
                ))
            }
            (Step::Delete, Some(row), _) => {
                let why = follower.delete(&row.id).await?.map(|why| format!(": {why}")).unwrap_or_default();
                Ok(Probe::not_yet(format!("{}, being replaced{why}", row.state)))
            }
            (Step::Fail(end), row, _) => Err(self.dead(end, row, &phase)),
            (Step::Wait, Some(row), far) => Ok(Probe::not_yet(waiting(row, far.as_ref()))),
            (Step::Done | Step::Sweep | Step::Link | Step::Accept | Step::Delete | Step::Wait, _, _) => {
                Ok(Probe::not_yet("not listed"))
            }
        }
    }

    /// The claim as ours, claiming it if it is free. `None`: look again.
    pub(super) async fn claim(&self) -> Result<Option<Phase>, Problem> {
        self.hold.take().await.map_err(|barred| self.barred(barred))
    }

    /// Before every change: whoever has overtaken this request may have written over its notes, and then nothing may be
    /// made that only this invocation knows of.
    pub(super) async fn ensure_fresh(&self) -> Result<(), Problem> {
        self.hold.ensure_fresh().await.map_err(|barred| self.barred(barred))
    }

    pub(super) async fn note(&self, phase: Phase) -> Result<(), Problem> {
        self.hold.note(phase).await.map_err(|barred| self.barred(barred))
    }

    fn barred(&self, barred: Barred) -> Problem {
        let claim = self.hold.ledger.name().to_owned();
        match barred {
            Barred::Held(holder) => {
                let (local, remote) = (self.spec.local.gateway.clone(), self.spec.remote.gateway.clone());
                Problem::Held { local, remote, holder }
            }
            Barred::Unreadable => Problem::Unreadable { claim },
            Barred::TakenBack(reason) => Problem::TakenBack { reason },
            Barred::Overtaken => Problem::Overtaken,
            Barred::Revoked => Problem::Revoked { claim },
            Barred::Call(error) => ledger(&claim)(error),
        }
    }

    /// The peering that is ours, taking over what our tags say is ours. The error names it otherwise.
    async fn ours<'r>(&self, phase: &Phase, rows: &'r [Peering]) -> Result<Ours<'r>, Problem> {
        match whose(phase, rows, &self.holder, &self.context.request_id) {
            Whose::Unlisted if self.may_be_unlisted() => {
                Ok(Ours::NotYet("requested, not listed yet".to_owned()))
            }
            Whose::Nobodys | Whose::Unlisted => Ok(Ours::Nothing),
            Whose::Ours(row) => Ok(Ours::Row(row)),
            Whose::Found(row) => {
                let by = self.is_as_wanted(row).then(|| self.context.request_id.clone());
                self.note(Phase::Made { id: row.id.clone(), by }).await?;
                Ok(Ours::Row(row))
            }
            Whose::Theirs(row) if row.state == PeeringState::Deleting => {
                Ok(Ours::NotYet(format!("another peering, `{}`, is being deleted", row.id)))
            }
            Whose::Theirs(row) => Err(Problem::Peered { row: Box::new(row.clone()) }),
        }
    }

    fn is_as_wanted(&self, row: &Peering) -> bool {
        (&row.local, &row.remote) == (&self.spec.local.gateway, &self.spec.remote.gateway)
    }

    async fn request(&self, sides: &Sides<C>, phase: &Phase) -> Result<Probe<Peering>, Problem> {
        // What stands in the way of the routes is found before anything is made; there is no attachment to lead to yet.
        for (side, wanted) in sides.iter().zip(self.spec.wanted("", "")) {
            let route = side.route(&wanted.table, &wanted.cidr).await?;
            if let Some(route) = route.filter(|route| !is_free(&wanted, &self.parts(), Some(route))) {
                return Err(Problem::RouteTaken { wanted: Box::new(wanted), attachment: route.attachment });
            }
        }
        let is_first = !matches!(phase, Phase::Requesting { .. });
        let (targets, by) = (vec![self.spec.remote.gateway.to_string()], self.context.request_id.clone());
        self.note(Phase::Requesting { targets, by }).await?;
        self.ensure_fresh().await?;
        let [follower, _] = sides;
        let (local, remote) = (self.spec.local.gateway.clone(), self.spec.remote.gateway.clone());
        match follower.request(self.spec, tags(&self.holder)).await {
            Ok(row) => {
                self.unlisted.clear();
                self.hold.record_made(&row.id).await.map_err(|barred| self.barred(barred))?;
                Ok(Probe::not_yet(format!("{} as `{}`", row.state, row.id)))
            }
            // The answer to an earlier try was lost, or one is being deleted.
            Err(error) if error.code == Code::ResourceAlreadyExists && self.may_be_unlisted() => {
                Ok(Probe::not_yet("the service says there is one, but does not list it yet"))
            }
            Err(source) if source.code == Code::ResourceAlreadyExists => {
                Err(Problem::Refused { local, remote, source })
            }
            Err(source) => {
                // A clear refusal of the first try: nothing was made, and the claim says so again, unless routes are left of
                // an attachment before.
                if source.retry() == Retry::Never && is_first && self.parts().is_empty() {
                    self.note(Phase::Looking).await?;
                }
                let context =
                    format!("cannot request the peering from {local} to {remote} on the follower's side");
                Err(Problem::Call { context, side: Some(Side::Follower), source })
            }
        }
    }

    fn dead(&self, end: DeadEnd, row: Option<&Peering>, phase: &Phase) -> Problem {
        let id = match phase {
            Phase::Made { id, .. } => id.clone(),
            Phase::Looking | Phase::Requesting { .. } | Phase::Adopting { .. } | Phase::Releasing { .. } => {
                String::new()
            }
        };
        Problem::Dead {
            id,
            local: self.spec.local.gateway.clone(),
            remote: self.spec.remote.gateway.clone(),
            end,
            message: row.and_then(|row| row.message.clone()),
        }
    }

    /// True for a while from the first time it was asked.
    fn may_be_unlisted(&self) -> bool {
        !self.unlisted.has_passed(VISIBILITY)
    }

    /// Says why it cannot be, and takes back what nobody else would remove: see the connection's.
    async fn give_up(&self, problem: Problem) -> Failure {
        let is_ours = self.hold.is_held();
        let takes_back = match problem {
            Problem::TakenBack { .. } | Problem::Overtaken => false,
            Problem::Revoked { .. } => self.hold.made().is_some(),
            Problem::Call { .. }
            | Problem::Role { .. }
            | Problem::Held { .. }
            | Problem::Unreadable { .. }
            | Problem::Peered { .. }
            | Problem::Refused { .. }
            | Problem::RouteTaken { .. }
            | Problem::Dead { .. } => is_ours && self.context.change == Change::Replacement,
        };
        let failure = Failure::from(problem);
        if !takes_back {
            self.hold.finish_where_it_is().await;
        } else if let Err(error) = self.take_back(&failure).await {
            tracing::warn!("not taken back yet: {}", error.reason());
        }
        failure
    }

    async fn take_back(&self, failure: &Failure) -> Result<(), Failure> {
        let begun = self.hold.begin_taking_back(failure.reason()).await;
        if !begun.map_err(ledger(self.hold.ledger.name()))? {
            return Ok(());
        }
        cleanup(self.cloud, &self.spec.identity(), Some(self.spec), self.context).await
    }
}

fn waiting(row: &Peering, far: Option<&Peering>) -> String {
    match (&row.state, far) {
        (PeeringState::PendingAcceptance | PeeringState::Available, None) => format!(
            "{}, but the leader's side does not show it; is the leader's gateway {}?",
            row.state, row.remote
        ),
        (PeeringState::PendingAcceptance | PeeringState::Available, Some(far)) => {
            format!("{}, {} on the leader's side", row.state, far.state)
        }
        (state, _) => state.to_string(),
    }
}
