//! Making the connection: Create and Update.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cloud::{Claimed, Cloud, Code, Mode, Outbound, OutboundStatus};
use custom_resource::{Applied, Change, Context, Failure};
use wait::{Deadline, Pace, Probe, Retry, Retryable, WaitError, until};

use super::cleanup::cleanup;
use super::next::{DeadEnd, Goal, Observed, Step, next};
use super::problem::Problem;
use super::sides::{FollowerSide, LeaderSide, is_live, ledger, twins};
use super::spec::Spec;
use crate::claim::{Holder, Ledger, Phase, Standing};

/// How long what was requested may stay unlisted, and how long the service may call an alias taken that no look shows.
const VISIBILITY: Duration = Duration::from_mins(1);

/// How long a role may be refused because IAM has not spread it yet: the accepter role is often seconds old.
const ROLE_SPREADS: Duration = Duration::from_secs(15);

/// Makes the connection what the spec says.
pub(crate) async fn apply<C: Cloud>(cloud: &C, spec: &Spec, context: &Context) -> Result<Applied, Failure> {
    let identity = spec.identity();
    let alias = &spec.connection.alias;
    let work = Work {
        cloud,
        spec,
        context,
        ledger: Ledger::new(cloud.claims(), identity.claim_name(), Holder::of(context)),
        is_held: AtomicBool::new(false),
        unlisted_until: Mutex::new(None),
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
    ledger: Ledger<'a, C::Claims>,
    /// This invocation has seen the claim as ours: should it vanish now, somebody is undoing the work.
    is_held: AtomicBool,
    /// Until when it may be that the service knows a connection and does not list it; set when that was first seen.
    unlisted_until: Mutex<Option<Deadline>>,
    role_spread_by: Deadline,
}

/// What the claim and the follower's list say together.
enum Place {
    /// Nothing stands where the connection shall be.
    Empty,
    /// It was requested and is not listed yet.
    Unlisted,
    /// This one is ours.
    Ours(Box<Outbound>),
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
                return Ok(not_yet(format!("role `{role}` cannot be assumed yet")));
            }
            leader => leader?,
        };
        let Some(phase) = self.claim().await? else { return Ok(not_yet("claiming the alias")) };
        let rows = follower.list().await?;
        let is_fresh = matches!(&phase, Phase::Made { by: Some(by), .. } if *by == self.context.request_id);
        let place = self.place(&phase, &rows).await?;
        let ours = match &place {
            Place::Ours(row) => Some(row.as_ref()),
            Place::Unlisted if self.may_be_unlisted() => return Ok(not_yet("requested, not listed yet")),
            Place::Empty | Place::Unlisted => None,
        };
        if let Some(twin) = ours.and_then(|row| twins(&rows, row).next()) {
            follower.delete(&twin.id).await?;
            return Ok(not_yet(format!("removing its twin `{}`", twin.id)));
        }
        let inbound = match ours {
            Some(row) if row.status == OutboundStatus::PendingAcceptance => leader.find(&row.id).await?,
            Some(_) | None => None,
        };
        let observed = Observed {
            outbound: ours.map(|row| &row.status),
            inbound: inbound.as_ref().map(|row| &row.status),
            is_as_wanted: ours.is_some_and(|row| self.is_as_wanted(row)),
            is_fresh,
        };
        match (next(&observed, Goal::Active), ours) {
            (Step::Done, Some(row)) => Ok(Probe::Ready(row.clone())),
            (Step::Request, _) => self.request(&follower, &rows, &phase).await,
            (Step::Accept, Some(row)) => {
                let refused = leader.accept(&row.id).await?;
                Ok(not_yet(refused.map_or("accepted".to_owned(), |why| format!("PENDING_ACCEPTANCE; {why}"))))
            }
            (Step::Delete, Some(row)) => {
                let refused = follower.delete(&row.id).await?;
                let status = &row.status;
                let why = refused.map(|why| format!(": {why}")).unwrap_or_default();
                Ok(not_yet(format!("{status}, being replaced{why}")))
            }
            (Step::Wait, Some(row)) => Ok(not_yet(waiting(row, inbound.is_some()))),
            (Step::Fail(end), row) => Err(self.dead(end, row, &phase)),
            (Step::Done | Step::Accept | Step::Delete | Step::Wait, None) => Ok(not_yet("not listed")),
        }
    }

    /// The claim as ours, claiming it if it is free. `None`: look again.
    async fn claim(&self) -> Result<Option<Phase>, Problem> {
        let name = self.ledger.name();
        let was_held = self.is_held.load(Ordering::Relaxed);
        let phase = match self.ledger.read().await.map_err(ledger(name))? {
            Standing::Free if was_held => return Err(Problem::Revoked { claim: name.to_owned() }),
            Standing::Free => match self.ledger.create().await.map_err(ledger(name))? {
                Claimed::New => Phase::Looking,
                Claimed::Taken => return Ok(None),
            },
            Standing::Theirs(holder) => {
                let (alias, follower) =
                    (self.spec.connection.alias.clone(), self.spec.connection.local.clone());
                return Err(Problem::Held { alias, follower, holder });
            }
            Standing::Ours(Phase::Releasing { .. }) if was_held => {
                return Err(Problem::Revoked { claim: name.to_owned() });
            }
            // A deletion that gave up long ago: CloudFormation asks for the resource again.
            Standing::Ours(Phase::Releasing { id: Some(id) }) => Phase::Made { id, by: None },
            Standing::Ours(Phase::Releasing { id: None }) => Phase::Requesting,
            Standing::Ours(phase) => phase,
        };
        self.is_held.store(true, Ordering::Relaxed);
        Ok(Some(phase))
    }

    /// Whose is what the follower lists under our alias?
    async fn place(&self, phase: &Phase, rows: &[Outbound]) -> Result<Place, Problem> {
        let made = match phase {
            Phase::Made { id, .. } => rows.iter().find(|row| row.id == *id),
            Phase::Looking | Phase::Requesting | Phase::Releasing { .. } => None,
        };
        if let Some(row) = made.filter(|row| is_live(row)) {
            return Ok(Place::Ours(Box::new(row.clone())));
        }
        let Some(row) = rows.iter().find(|row| is_live(row) && row.alias == self.spec.connection.alias)
        else {
            return Ok(match (phase, made) {
                (Phase::Made { .. }, None) => Place::Unlisted,
                (Phase::Made { .. }, Some(deleted)) => Place::Ours(Box::new(deleted.clone())),
                (Phase::Looking | Phase::Requesting | Phase::Releasing { .. }, _) => Place::Empty,
            });
        };
        let leads_where_wanted = row.remote == self.spec.connection.remote;
        // Nothing stood under the alias when we went to request, so this came of it: its answer was lost.
        let is_answer_lost = *phase == Phase::Requesting && leads_where_wanted;
        let is_adopted = self.spec.adopt_existing && leads_where_wanted;
        if !is_answer_lost && !is_adopted {
            let (alias, follower) = (row.alias.clone(), row.local.clone());
            return Err(Problem::AliasTaken {
                alias,
                follower,
                row: Box::new(row.clone()),
                leads_where_wanted,
            });
        }
        let by = is_answer_lost.then(|| self.context.request_id.clone());
        if by.is_none() {
            tracing::info!("connection `{}` ({}) is taken over, as AdoptExisting says", row.alias, row.id);
        }
        let made = Phase::Made { id: row.id.clone(), by };
        self.ledger.write(made).await.map_err(ledger(self.ledger.name()))?;
        Ok(Place::Ours(Box::new(row.clone())))
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
        let name = self.ledger.name();
        self.ledger.write(Phase::Requesting).await.map_err(ledger(name))?;
        match follower.request(self.spec).await {
            Ok(row) => {
                let made = Phase::Made { id: row.id.clone(), by: Some(self.context.request_id.clone()) };
                self.ledger.write(made).await.map_err(ledger(name))?;
                Ok(not_yet(format!("{} as `{}`", row.status, row.id)))
            }
            // The answer to an earlier try was lost, or the pair is connected under another alias.
            Err(error) if error.code == Code::ResourceAlreadyExists => {
                let wanted = &self.spec.connection;
                let is_connected = rows.iter().any(|row| is_live(row) && row.remote == wanted.remote);
                if is_connected || !self.may_be_unlisted() {
                    let (follower, leader) = (wanted.local.clone(), wanted.remote.clone());
                    return Err(Problem::Connected { follower, leader, source: error });
                }
                Ok(not_yet("the service says it exists, but does not list it yet"))
            }
            Err(source) => {
                // A clear refusal of the first try: nothing was made, and the claim says so again.
                if source.retry() == Retry::Never && *phase != Phase::Requesting {
                    self.ledger.write(Phase::Looking).await.map_err(ledger(name))?;
                }
                let wanted = &self.spec.connection;
                let context = format!("cannot request connection `{}` from {}", wanted.alias, wanted.local);
                Err(Problem::Call { context, source })
            }
        }
    }

    fn dead(&self, end: DeadEnd, row: Option<&Outbound>, phase: &Phase) -> Problem {
        let wanted = &self.spec.connection;
        let made = match phase {
            Phase::Made { id, .. } => id.clone(),
            Phase::Looking | Phase::Requesting | Phase::Releasing { .. } => wanted.alias.clone(),
        };
        Problem::Dead {
            id: made,
            follower: wanted.local.clone(),
            leader: wanted.remote.clone(),
            end,
            message: row.and_then(|row| row.message.clone()),
        }
    }

    /// True for a while from the first time it was asked.
    fn may_be_unlisted(&self) -> bool {
        let mut until = self.unlisted_until.lock().unwrap_or_else(PoisonError::into_inner);
        !until.get_or_insert_with(|| Deadline::after(VISIBILITY)).has_passed()
    }

    /// Says why it cannot be, after taking back what this request made for nothing.
    ///
    /// What a failed Create left beside a dead end is CloudFormation's Delete to remove, and a failed Update in place
    /// keeps its claim, because the rollback needs it.
    async fn give_up(&self, problem: Problem) -> Failure {
        let is_ours = self.is_held.load(Ordering::Relaxed);
        let takes_back = match self.context.change {
            Change::Create => problem.is_final(),
            Change::Replacement => true,
            Change::InPlace | Change::Delete => false,
        };
        if is_ours && takes_back {
            let undone = cleanup(self.cloud, &self.spec.identity(), Some(self.spec), self.context).await;
            if let Err(failure) = undone {
                tracing::warn!("not taken back yet: {}", failure.reason());
            }
        }
        Failure::from(problem)
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

fn not_yet<T>(status: impl Into<String>) -> Probe<T> {
    Probe::NotYet(status.into())
}
