//! Making the connection: Create and Update.

use std::time::Duration;

use cloud::{Cloud, Code, Mode, Outbound, OutboundStatus};
use custom_resource::{Applied, Change, Context, Failure};
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::cleanup::cleanup;
use super::next::{DeadEnd, Goal, Observed, Step, next};
use super::ownership::{Whose, is_live, twins, whose};
use super::problem::Problem;
use super::sides::{FollowerSide, LeaderSide, ledger};
use super::spec::Spec;
use crate::claim::{Barred, Fate, Hold, Holder, Ledger, Phase};
use crate::far::ROLE_SPREADS;
use crate::shared::Grace;

/// How long what was requested may stay unlisted, and how long the service may call an alias taken that no look shows.
const VISIBILITY: Duration = Duration::from_mins(1);

/// Makes the connection what the spec says.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let identity = spec.identity();
    let alias = &spec.connection.alias;
    let work = Work {
        cloud,
        spec,
        context,
        hold: Hold::new(Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context)), context),
        unlisted: Grace::default(),
        role_spread_by: Deadline::after(ROLE_SPREADS),
    };
    let log = |status: &str| tracing::info!("connection `{alias}`: {status}");
    match until(context.deadline, &Pace::default(), log, || work.look()).await {
        Ok(row) => Ok(attributes(&row)),
        Err(WaitError::Failed(problem)) => Err(work.give_up(problem).await),
        Err(error) => Err(Failure::of_wait(
            error,
            format!(
                "connection `{alias}` from {} to {} is not ACTIVE",
                identity.follower, spec.connection.remote
            ),
            Failure::from,
        )),
    }
}

fn attributes(row: &Outbound) -> Applied {
    Applied::new()
        .attribute("ConnectionId", &row.id)
        .attribute("Status", row.status.to_string())
        .attribute("Endpoint", row.endpoint.clone().unwrap_or_default())
        .attribute(
            "ReturnMsg",
            format!("Connection {} ({}) to {} is {}", row.alias, row.id, row.remote, row.status),
        )
}

struct Work<'a, C: Cloud> {
    cloud: &'a C,
    spec: &'a Spec,
    context: &'a Context,
    hold: Hold<'a, C::Claims>,
    /// Until when it may be that the service knows a connection and does not list it; set when that was first seen.
    unlisted: Grace,
    role_spread_by: Deadline,
}

/// What stands under the alias that is ours.
enum Ours<'r> {
    Nothing,
    /// Look again, in this state.
    Later(&'static str),
    /// It, and the request that made it.
    Row(&'r Outbound, Option<String>),
}

impl<C: Cloud> Work<'_, C> {
    /// One look and at most one step.
    async fn look(&self) -> Result<Probe<Outbound>, Problem> {
        // Both sides first: what cannot be reached is found before anything is made.
        let follower = FollowerSide::open(self.cloud, &self.spec.identity()).await?;
        let leader = match LeaderSide::open(self.cloud, self.spec).await {
            Err(Problem::Role { role, source, .. })
                if source.code == Code::AccessDenied && !self.role_spread_by.has_passed() =>
            {
                return Ok(Probe::not_yet(format!("role `{role}` cannot be assumed yet")));
            }
            leader => leader?,
        };
        if !self.hold.is_held() && self.claim().await?.is_none() {
            return Ok(Probe::not_yet("claiming the alias"));
        }
        // The list before the claim: whoever requests writes the claim first, so every connection of ours that the list
        // shows is known to the claim that is read after it.
        let rows = follower.list().await?;
        let Some(phase) = self.claim().await? else { return Ok(Probe::not_yet("claiming the alias")) };
        let (ours, made_by) = match self.ours(&phase, &rows).await? {
            Ours::Row(row, made_by) => (Some(row), made_by),
            Ours::Nothing => (None, maker(&phase)),
            Ours::Later(status) => return Ok(Probe::not_yet(status)),
        };
        if let Some(twin) = ours.and_then(|row| twins(&rows, row).next()) {
            follower.delete(&twin.id).await?;
            return Ok(Probe::not_yet(format!("removing its twin `{}`", twin.id)));
        }
        let inbound = match ours {
            Some(row) if row.status == OutboundStatus::PendingAcceptance => leader.find(&row.id).await?,
            Some(_) | None => None,
        };
        let observed = Observed {
            outbound: ours.map(|row| &row.status),
            inbound: inbound.as_ref().map(|row| &row.status),
            is_as_wanted: ours.is_some_and(|row| self.is_as_wanted(row)),
            is_fresh: made_by.as_deref() == Some(self.context.request_id.as_str()),
        };
        self.ensure_fresh().await?;
        match (next(&observed, Goal::Active), ours) {
            (Step::Done, Some(row)) if !self.hold.is_settled() => {
                Ok(Probe::not_yet(format!("{}; an earlier request may still be at work", row.status)))
            }
            (Step::Done, Some(row)) => {
                let phase = match phase {
                    Phase::Adopting { id } => Phase::Made { id, by: None },
                    Phase::Looking
                    | Phase::Requesting { .. }
                    | Phase::Made { .. }
                    | Phase::Releasing { .. } => phase,
                };
                if !self.hold.finish(phase).await.map_err(|barred| self.barred(barred))? {
                    return Ok(Probe::not_yet("another request was at work"));
                }
                Ok(Probe::Ready(row.clone()))
            }
            (Step::Request, _) => self.request(&follower, &rows, &phase).await,
            (Step::Accept, Some(row)) => {
                let refused = leader.accept(&row.id).await?;
                Ok(Probe::not_yet(
                    refused.map_or("accepted".to_owned(), |why| format!("PENDING_ACCEPTANCE; {why}")),
                ))
            }
            (Step::Delete, Some(row)) => {
                let refused = follower.delete(&row.id).await?;
                let status = &row.status;
                let why = refused.map(|why| format!(": {why}")).unwrap_or_default();
                Ok(Probe::not_yet(format!("{status}, being replaced{why}")))
            }
            (Step::Wait, Some(row)) => Ok(Probe::not_yet(waiting(row, inbound.is_some()))),
            (Step::Fail(end), row) => Err(self.dead(end, row, &phase)),
            (Step::Done | Step::Accept | Step::Delete | Step::Wait, None) => Ok(Probe::not_yet("not listed")),
        }
    }

    /// The claim as ours, claiming it if it is free. `None`: look again.
    async fn claim(&self) -> Result<Option<Phase>, Problem> {
        self.hold.take().await.map_err(|barred| self.barred(barred))
    }

    /// Asked before every change.
    async fn ensure_fresh(&self) -> Result<(), Problem> {
        self.hold.ensure_fresh().await.map_err(|barred| self.barred(barred))
    }

    async fn note(&self, phase: Phase) -> Result<(), Problem> {
        self.hold.note(phase).await.map_err(|barred| self.barred(barred))
    }

    fn barred(&self, barred: Barred) -> Problem {
        let claim = self.hold.ledger.name().to_owned();
        match barred {
            Barred::Held(holder) => {
                let (alias, follower) =
                    (self.spec.connection.alias.clone(), self.spec.connection.local.clone());
                Problem::Held { alias, follower, holder }
            }
            Barred::Unreadable => Problem::Unreadable { claim },
            Barred::TakenBack(reason) => Problem::TakenBack { reason },
            Barred::Overtaken => Problem::Overtaken,
            Barred::Revoked => Problem::Revoked { claim },
            Barred::Call(error) => ledger(&claim)(error),
        }
    }

    /// The connection that is ours, taking over what the claim or the spec says is ours to take. The error names whose
    /// it is otherwise.
    async fn ours<'r>(&self, phase: &Phase, rows: &'r [Outbound]) -> Result<Ours<'r>, Problem> {
        let wanted = &self.spec.connection;
        let leads_where_wanted = |row: &Outbound| row.remote == wanted.remote;
        let (row, by) = match whose(phase, rows, &wanted.alias, &self.context.request_id) {
            Whose::Unlisted if self.may_be_unlisted() => return Ok(Ours::Later("requested, not listed yet")),
            // Whoever asked for it may have died before it was to be seen.
            Whose::Nobodys if !self.hold.is_settled() && self.was_asked_by_another(phase) => {
                return Ok(Ours::Later("an earlier request may have asked for it"));
            }
            Whose::Nobodys | Whose::Unlisted => return Ok(Ours::Nothing),
            Whose::Ours(row) => return Ok(Ours::Row(row, maker(phase))),
            // One that leads elsewhere came of an earlier request, and is only in the way of this one.
            Whose::Found(row) => (row, leads_where_wanted(row).then(|| self.context.request_id.clone())),
            Whose::Adopted(row) => return Ok(Ours::Row(row, None)),
            Whose::Theirs(row) if self.spec.adopt_existing && self.can_be_adopted(row) => {
                tracing::info!(
                    "connection `{}` ({}) is taken over, as AdoptExisting says",
                    row.alias,
                    row.id
                );
                let adopting = Phase::Adopting { id: row.id.clone() };
                self.note(adopting).await?;
                return Ok(Ours::Later("taking it over"));
            }
            // What an overtaken request made, it is taking back.
            Whose::Theirs(row)
                if !self.hold.is_settled()
                    || (self.hold.has_overtaken() && row.status == OutboundStatus::Deleting) =>
            {
                return Ok(Ours::Later("an earlier request is taking back what it made"));
            }
            Whose::Theirs(row) => {
                return Err(Problem::AliasTaken {
                    alias: row.alias.clone(),
                    follower: row.local.clone(),
                    can_be_adopted: self.can_be_adopted(row),
                    row: Box::new(row.clone()),
                });
            }
        };
        self.note(Phase::Made { id: row.id.clone(), by: by.clone() }).await?;
        Ok(Ours::Row(row, by))
    }

    fn was_asked_by_another(&self, phase: &Phase) -> bool {
        matches!(phase, Phase::Requesting { by, .. } if *by != self.context.request_id)
    }

    /// Taking over never takes down what works: one that leads elsewhere or has other settings stays whose it is.
    fn can_be_adopted(&self, row: &Outbound) -> bool {
        let is_dead = matches!(row.status, OutboundStatus::ValidationFailed | OutboundStatus::Rejected);
        self.is_as_wanted(row) || (is_dead && row.remote == self.spec.connection.remote)
    }

    fn is_as_wanted(&self, row: &Outbound) -> bool {
        let wanted = &self.spec.connection;
        // The setting means something for searches only, and rows older than it do not carry it.
        let is_search_setting_right = wanted.mode == Mode::VpcEndpoint
            || row.skip_unavailable.is_none_or(|skip| skip == wanted.skip_unavailable);
        row.alias == wanted.alias
            && row.remote == wanted.remote
            && row.mode.is_none_or(|mode| mode == wanted.mode)
            && is_search_setting_right
    }

    async fn request(
        &self,
        follower: &FollowerSide<C::Connections>,
        rows: &[Outbound],
        phase: &Phase,
    ) -> Result<Probe<Outbound>, Problem> {
        let earlier = match phase {
            Phase::Requesting { targets, .. } => targets.as_slice(),
            Phase::Looking | Phase::Adopting { .. } | Phase::Made { .. } | Phase::Releasing { .. } => &[],
        };
        let mut targets = earlier.to_vec();
        targets.push(self.spec.connection.remote.to_string());
        targets.sort();
        targets.dedup();
        self.note(Phase::Requesting { targets, by: self.context.request_id.clone() }).await?;
        self.ensure_fresh().await?;
        match follower.request(self.spec).await {
            Ok(row) => {
                self.unlisted.clear();
                self.hold.record_made(&row.id).await.map_err(|barred| self.barred(barred))?;
                Ok(Probe::not_yet(format!("{} as `{}`", row.status, row.id)))
            }
            // The answer to an earlier try was lost, or the pair is connected under another alias.
            Err(error) if error.code == Code::ResourceAlreadyExists => {
                let wanted = &self.spec.connection;
                let is_connected = rows.iter().any(|row| is_live(row) && row.remote == wanted.remote);
                if is_connected || !self.may_be_unlisted() {
                    let (follower, leader) = (wanted.local.clone(), wanted.remote.clone());
                    return Err(Problem::Connected { follower, leader, source: error });
                }
                Ok(Probe::not_yet("the service says it exists, but does not list it yet"))
            }
            Err(source) => {
                // A clear refusal of the first try: nothing was made, and the claim says so again.
                if source.retry() == Retry::Never && earlier.is_empty() {
                    self.note(Phase::Looking).await?;
                }
                let wanted = &self.spec.connection;
                let context = format!("cannot request connection `{}` from {}", wanted.alias, wanted.local);
                Err(Problem::Call { context, source })
            }
        }
    }

    fn dead(&self, end: DeadEnd, row: Option<&Outbound>, phase: &Phase) -> Problem {
        let wanted = &self.spec.connection;
        let id = match (row, phase) {
            (Some(row), _) => &row.id,
            (None, Phase::Made { id, .. }) => id,
            (
                None,
                Phase::Looking | Phase::Requesting { .. } | Phase::Adopting { .. } | Phase::Releasing { .. },
            ) => &wanted.alias,
        };
        Problem::Dead {
            id: id.clone(),
            follower: wanted.local.clone(),
            leader: wanted.remote.clone(),
            end,
            message: row.and_then(|row| row.message.clone()),
        }
    }

    /// True for a while from the first time it was asked.
    fn may_be_unlisted(&self) -> bool {
        !self.unlisted.has_passed(VISIBILITY)
    }

    /// Says why it cannot be.
    ///
    /// What a failed Create made is CloudFormation's Delete to remove, and what a failed Update in place made is in the
    /// way of the rollback, which removes it. A failed replacement takes back what it made, because CloudFormation may
    /// never mention its id again; and whoever lost its claim takes back what it made, because nobody else knows of it.
    async fn give_up(&self, problem: Problem) -> Failure {
        let is_ours = self.hold.is_held();
        let takes_back = match problem {
            Problem::TakenBack { .. } | Problem::Overtaken => false,
            Problem::Revoked { .. } => self.hold.made().is_some(),
            Problem::Call { .. }
            | Problem::Role { .. }
            | Problem::Held { .. }
            | Problem::Unreadable { .. }
            | Problem::AliasTaken { .. }
            | Problem::Connected { .. }
            | Problem::Dead { .. } => is_ours && self.context.change == Change::Replacement,
        };
        let failure = Failure::from(problem);
        if matches!(failure, Failure::Overtaken) {
            self.drop_forgotten().await;
        } else if !takes_back {
            self.hold.finish_where_it_is().await;
        } else if let Err(error) = self.take_back(&failure).await {
            tracing::warn!("not taken back yet: {}", error.reason());
        }
        failure
    }

    /// Removes what this invocation made and whoever overtook it does not know of.
    async fn drop_forgotten(&self) {
        let log = |status: &str| tracing::info!("overtaken by a later request: {status}");
        let target = self.spec.connection.remote.to_string();
        let fate = async || self.hold.made_meanwhile(&target).await.map_err(ledger(self.hold.ledger.name()));
        let look = async || match fate().await? {
            Fate::Known => Ok(Probe::Ready(())),
            Fate::Open => Ok(Probe::not_yet("it may find what was made here")),
            Fate::Forgotten(id) => self.drop_by_id(&id).await,
        };
        if let Err(error) = until(self.context.deadline, &Pace::default(), log, look).await {
            tracing::warn!("a connection of this request may be left: {}", wait::chain(&error));
        }
    }

    async fn drop_by_id(&self, id: &str) -> Result<Probe<()>, Problem> {
        let follower = FollowerSide::open(self.cloud, &self.spec.identity()).await?;
        let rows = follower.list().await?;
        match rows.iter().find(|row| row.id == id) {
            Some(row) if is_live(row) => {
                follower.delete(id).await?;
                Ok(Probe::not_yet(format!("`{id}` is being removed")))
            }
            None if self.may_be_unlisted() => Ok(Probe::not_yet(format!("`{id}` is not listed"))),
            Some(_) | None => Ok(Probe::Ready(())),
        }
    }

    /// Removes what this request made. The claim says why meanwhile, so that a duplicate gives the same answer.
    async fn take_back(&self, failure: &Failure) -> Result<(), Failure> {
        let begun = self.hold.begin_taking_back(failure.reason()).await;
        if !begun.map_err(ledger(self.hold.ledger.name()))? {
            return Ok(());
        }
        cleanup(self.cloud, &self.spec.identity(), Some(self.spec), self.context).await
    }
}

/// The request that made what the claim names.
fn maker(phase: &Phase) -> Option<String> {
    match phase {
        Phase::Made { by, .. } => by.clone(),
        Phase::Looking | Phase::Requesting { .. } | Phase::Adopting { .. } | Phase::Releasing { .. } => None,
    }
}

fn waiting(row: &Outbound, is_seen_by_leader: bool) -> String {
    if row.status == OutboundStatus::PendingAcceptance && !is_seen_by_leader {
        return format!(
            "PENDING_ACCEPTANCE, but the leader's side does not show it; is the leader {}?",
            row.remote
        );
    }
    row.status.to_string()
}
