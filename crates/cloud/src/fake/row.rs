//! One connection: what each side shows, and what it will show when.

use std::time::Duration;

use tokio::time::Instant;

use crate::{Domain, InboundStatus, Mode, NewConnection, Outbound, OutboundStatus};

use super::connection::{Connection, Side};
use super::rules::Timing;

/// What happens to a connection at an instant.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// The service has looked at the domains.
    Validated,
    /// A side shows another status.
    Shows(Side, OutboundStatus),
    /// Listed no longer.
    Forgotten,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) new: NewConnection,
    pub(super) outbound: Option<OutboundStatus>,
    pub(super) inbound: Option<InboundStatus>,
    pub(super) message: Option<String>,
    /// When the sides list it.
    pub(super) outbound_from: Instant,
    pub(super) inbound_from: Instant,
    /// An Accept was taken, though neither side may show it yet.
    pub(super) is_accepted: bool,
    pub(super) deleted_at: Option<Instant>,
    /// How many calls through a port changed it.
    pub(super) touches: u32,
    schedule: Vec<(Instant, Change)>,
}

impl Row {
    pub(super) fn requested(id: String, new: NewConnection, now: Instant, timing: &Timing) -> Self {
        let mut row = Self::shown(id, new, OutboundStatus::Validating, now, timing);
        row.outbound_from = now + timing.outbound_visible;
        row
    }

    /// One that both sides list already.
    pub(super) fn shown(
        id: String,
        new: NewConnection,
        status: OutboundStatus,
        now: Instant,
        timing: &Timing,
    ) -> Self {
        let mut row = Self {
            id,
            new,
            outbound: None,
            inbound: None,
            message: None,
            outbound_from: now,
            inbound_from: now,
            is_accepted: false,
            deleted_at: None,
            touches: 0,
            schedule: Vec::new(),
        };
        let inbound = inbound(&status);
        row.set(status, inbound, now);
        row.proceed(now, timing);
        row
    }

    /// Shows these statuses from now on, and nothing follows by itself.
    pub(super) fn set(&mut self, outbound: OutboundStatus, inbound: Option<InboundStatus>, now: Instant) {
        let is_past_acceptance =
            |status: &OutboundStatus| rank(status) > rank(&OutboundStatus::PendingAcceptance);
        self.schedule.clear();
        self.outbound_from = self.outbound_from.min(now);
        self.inbound_from = self.inbound_from.min(now);
        self.is_accepted = is_past_acceptance(&outbound)
            || inbound.as_ref().map(outbound_of).is_some_and(|s| is_past_acceptance(&s));
        self.deleted_at = (outbound == OutboundStatus::Deleted).then_some(now);
        self.outbound = Some(outbound);
        self.inbound = inbound;
    }

    /// Lets happen what follows by itself: the side that is behind catches up, then both go on.
    pub(super) fn proceed(&mut self, now: Instant, timing: &Timing) {
        self.schedule.clear();
        let follower = self.outbound.clone();
        let leader = self.inbound.as_ref().map(outbound_of);
        let behind =
            if rank_of(follower.as_ref()) < rank_of(leader.as_ref()) { Side::Follower } else { Side::Leader };
        let furthest = match behind {
            Side::Follower => leader,
            Side::Leader => follower,
        };
        if let Some(stage) = furthest {
            self.plan(now + timing.lag, Change::Shows(behind, stage.clone()));
            self.follow(&stage, now, behind.other(), timing);
        }
    }

    /// Takes the leader's yes.
    pub(super) fn accept(&mut self, now: Instant, timing: &Timing) {
        self.is_accepted = true;
        self.enter(&OutboundStatus::Approved, now + timing.accepting, Side::Leader, timing);
    }

    /// Takes the leader's no.
    pub(super) fn reject(&mut self, now: Instant, timing: &Timing) {
        self.enter(&OutboundStatus::Rejecting, now, Side::Leader, timing);
    }

    /// Goes, because one side wants it.
    pub(super) fn delete(&mut self, now: Instant, side: Side, timing: &Timing) {
        self.enter(&OutboundStatus::Deleting, now, side, timing);
    }

    /// One side lists it no longer.
    pub(super) fn forget(&mut self, side: Side) {
        match side {
            Side::Follower => self.outbound = None,
            Side::Leader => self.inbound = None,
        }
    }

    /// Drops whatever was planned, and goes to `stage` at `at`, seen on side `first` before the other.
    fn enter(&mut self, stage: &OutboundStatus, at: Instant, first: Side, timing: &Timing) {
        self.schedule.clear();
        self.plan_both(stage, at, first, timing);
    }

    fn plan_both(&mut self, stage: &OutboundStatus, at: Instant, first: Side, timing: &Timing) {
        self.plan(at, Change::Shows(first, stage.clone()));
        self.plan(at + timing.lag, Change::Shows(first.other(), stage.clone()));
        self.follow(stage, at, first, timing);
    }

    /// Plans what comes after `stage`, which was reached at `at`.
    fn follow(&mut self, stage: &OutboundStatus, at: Instant, first: Side, timing: &Timing) {
        use OutboundStatus as Status;
        let mut then = |next: Status, after: Duration| self.plan_both(&next, at + after, first, timing);
        match stage {
            Status::Validating => self.plan(at + timing.validating, Change::Validated),
            Status::Approved => then(Status::Provisioning, timing.approved),
            Status::Provisioning => then(Status::Active, timing.provisioning),
            Status::Rejecting => then(Status::Rejected, timing.rejecting),
            Status::Deleting => then(Status::Deleted, timing.deleting),
            Status::Deleted => self.plan(at + timing.deleted_stays, Change::Forgotten),
            Status::ValidationFailed
            | Status::PendingAcceptance
            | Status::Active
            | Status::Rejected
            | Status::Unknown(_) => {}
        }
    }

    fn plan(&mut self, at: Instant, change: Change) {
        self.schedule.push((at, change));
        self.schedule.sort_by_key(|(at, _)| *at);
    }

    /// Takes the next change that is due.
    pub(super) fn due(&mut self, now: Instant) -> Option<(Instant, Change)> {
        let is_due = self.schedule.first().is_some_and(|(at, _)| *at <= now);
        is_due.then(|| self.schedule.remove(0))
    }

    /// Nothing follows `status` by itself; the other side still gets there.
    pub(super) fn stall(&mut self, status: &OutboundStatus) {
        self.schedule.retain(|(_, change)| matches!(change, Change::Shows(_, shown) if shown == status));
    }

    /// Shows a status on one side; a side that never had the connection does not get it now.
    pub(super) fn show(&mut self, side: Side, status: OutboundStatus, at: Instant) {
        if status == OutboundStatus::Deleted {
            self.deleted_at = Some(at);
        }
        match side {
            Side::Leader => self.inbound = self.inbound.take().and_then(|_| inbound(&status)),
            Side::Follower => self.outbound = self.outbound.take().map(|_| status),
        }
    }

    /// True while it holds its alias.
    pub(super) fn holds_alias(&self, now: Instant, failed_frees: bool, timing: &Timing) -> bool {
        match &self.outbound {
            None | Some(OutboundStatus::Deleted) => {
                self.deleted_at.is_some_and(|at| now < at + timing.alias_stays)
            }
            Some(OutboundStatus::Rejected | OutboundStatus::ValidationFailed) => !failed_frees,
            Some(_) => true,
        }
    }

    /// What one side knows: whose it is there, since when it is listed, and its status, if it has one there.
    pub(super) fn side(&self, side: Side) -> (&Domain, Instant, Option<OutboundStatus>) {
        match side {
            Side::Follower => (&self.new.local, self.outbound_from, self.outbound.clone()),
            Side::Leader => (&self.new.remote, self.inbound_from, self.inbound.as_ref().map(outbound_of)),
        }
    }

    /// What the follower's side says of it.
    pub(super) fn as_outbound(&self, status: OutboundStatus) -> Outbound {
        let is_set_up = self.is_accepted && self.new.mode == Mode::VpcEndpoint;
        let endpoint = is_set_up
            .then(|| format!("vpc-{}.{}.es.amazonaws.com", self.new.remote.name, self.new.remote.region));
        Outbound {
            id: self.id.clone(),
            alias: self.new.alias.clone(),
            local: self.new.local.clone(),
            remote: self.new.remote.clone(),
            status,
            message: self.message.clone(),
            mode: Some(self.new.mode),
            skip_unavailable: Some(self.new.skip_unavailable),
            endpoint,
        }
    }

    /// It as it is.
    pub(super) fn as_connection(&self) -> Connection {
        Connection {
            id: self.id.clone(),
            alias: self.new.alias.clone(),
            local: self.new.local.clone(),
            remote: self.new.remote.clone(),
            outbound: self.outbound.clone(),
            inbound: self.inbound.clone(),
            message: self.message.clone(),
        }
    }
}

/// The leader's word for the follower's status; none where the leader has not heard of it.
pub(super) fn inbound(status: &OutboundStatus) -> Option<InboundStatus> {
    let is_heard_of = !matches!(status, OutboundStatus::Validating | OutboundStatus::ValidationFailed);
    is_heard_of.then(|| InboundStatus::parse(&status.to_string()))
}

fn outbound_of(status: &InboundStatus) -> OutboundStatus {
    OutboundStatus::parse(&status.to_string())
}

/// How far a status lies in the life of a connection.
fn rank(status: &OutboundStatus) -> Option<usize> {
    OutboundStatus::ALL.iter().position(|known| known == status)
}

fn rank_of(status: Option<&OutboundStatus>) -> Option<usize> {
    status.and_then(rank)
}
