//! One peering of two transit gateways: what each side shows, and what it will show when.

use std::time::Duration;

use tokio::time::Instant;

use crate::{NewPeering, Peering, PeeringState, TransitGateway};

use super::connection::Side;
use super::rules::Timing;

/// A peering as a test sees it: from above, with both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayPeering {
    /// The id of the requester's attachment.
    pub id: String,
    /// The gateway that requested.
    pub local: TransitGateway,
    /// The gateway that accepts.
    pub remote: TransitGateway,
    /// The requester's side; none once it is no longer listed.
    pub near: Option<PeeringState>,
    /// The accepter's side; none before `pendingAcceptance` and once it is no longer listed.
    pub far: Option<PeeringState>,
}

impl GatewayPeering {
    /// True until both sides are over or gone: what was refused or failed goes by itself.
    pub fn is_live(&self) -> bool {
        let is_over = |state: &PeeringState| {
            matches!(state, PeeringState::Deleted | PeeringState::Failed | PeeringState::Rejected)
        };
        [&self.near, &self.far].into_iter().flatten().any(|state| !is_over(state))
    }
}

/// What happens to a peering at an instant.
#[derive(Clone, Debug)]
enum Change {
    Validated,
    Shows(Side, PeeringState),
    Forgotten,
}

#[derive(Debug)]
pub(super) struct PeeringRow {
    pub(super) id: String,
    /// The accepter's attachment: within one Region it has an id of its own.
    pub(super) accepter_id: String,
    pub(super) new: NewPeering,
    pub(super) near: Option<PeeringState>,
    pub(super) far: Option<PeeringState>,
    pub(super) message: Option<String>,
    pub(super) near_from: Instant,
    pub(super) far_from: Instant,
    pub(super) is_accepted: bool,
    /// How many calls through a port changed it.
    pub(super) touches: u32,
    schedule: Vec<(Instant, Change)>,
}

impl PeeringRow {
    pub(super) fn requested(number: u32, new: NewPeering, now: Instant, timing: &Timing) -> Self {
        let id = format!("tgw-attach-{number:04}");
        let is_in_one_region = new.local.region == new.remote.region;
        let mut row = Self {
            accepter_id: if is_in_one_region { format!("{id}-far") } else { id.clone() },
            id,
            new,
            near: Some(PeeringState::InitiatingRequest),
            far: None,
            message: None,
            near_from: now + timing.outbound_visible,
            far_from: now,
            is_accepted: false,
            touches: 0,
            schedule: Vec::new(),
        };
        row.plan(now + timing.validating, Change::Validated);
        row
    }

    /// Shows these states from now on, and nothing follows by itself.
    pub(super) fn hold(&mut self, near: PeeringState, far: Option<PeeringState>, now: Instant) {
        self.schedule.clear();
        self.near_from = self.near_from.min(now);
        self.far_from = self.far_from.min(now);
        self.is_accepted = !matches!(near, PeeringState::InitiatingRequest | PeeringState::PendingAcceptance);
        (self.near, self.far) = (Some(near), far);
    }

    pub(super) fn accept(&mut self, now: Instant, timing: &Timing) {
        self.is_accepted = true;
        let at = now + timing.accepting;
        self.enter(
            Side::Leader,
            &[(at, PeeringState::Pending), (at + timing.provisioning, PeeringState::Available)],
            timing.lag,
        );
    }

    pub(super) fn reject(&mut self, at: Instant, timing: &Timing) {
        let states = [(at, PeeringState::Rejecting), (at + timing.rejecting, PeeringState::Rejected)];
        self.enter(Side::Leader, &states, timing.lag);
    }

    pub(super) fn delete(&mut self, now: Instant, first: Side, timing: &Timing) {
        let gone = now + timing.deleting;
        self.enter(first, &[(now, PeeringState::Deleting), (gone, PeeringState::Deleted)], timing.lag);
        self.plan(gone + timing.deleted_stays, Change::Forgotten);
    }

    /// Drops whatever was planned, and goes through these states, seen on side `first` before the other.
    fn enter(&mut self, first: Side, states: &[(Instant, PeeringState)], lag: Duration) {
        self.schedule.clear();
        for (at, state) in states {
            self.plan(*at, Change::Shows(first, state.clone()));
            self.plan(*at + lag, Change::Shows(first.other(), state.clone()));
        }
    }

    fn plan(&mut self, at: Instant, change: Change) {
        self.schedule.push((at, change));
        self.schedule.sort_by_key(|(at, _)| *at);
    }

    /// Lets everything happen that is due. `objection` says why these gateways cannot be peered.
    pub(super) fn advance(
        &mut self,
        now: Instant,
        objection: Option<&str>,
        is_refused: bool,
        stalls_in: Option<&PeeringState>,
        timing: &Timing,
    ) {
        if stalls_in.is_some_and(|state| self.near.as_ref() == Some(state)) {
            self.schedule.retain(|(_, change)| !matches!(change, Change::Validated));
        }
        while self.schedule.first().is_some_and(|(at, _)| *at <= now) {
            match self.schedule.remove(0) {
                (at, Change::Validated) => self.validated(at, objection, is_refused, timing),
                (_, Change::Shows(side, state)) => self.show(side, state),
                (_, Change::Forgotten) => (self.near, self.far) = (None, None),
            }
            self.stall(stalls_in);
        }
    }

    /// In this state nothing follows by itself; the other side still gets there.
    fn stall(&mut self, state: Option<&PeeringState>) {
        if let Some(stalled) = state.filter(|state| self.near.as_ref() == Some(state)) {
            self.schedule.retain(|(_, change)| matches!(change, Change::Shows(_, shown) if shown == stalled));
        }
    }

    fn validated(&mut self, at: Instant, objection: Option<&str>, is_refused: bool, timing: &Timing) {
        if let Some(objection) = objection {
            self.message = Some(objection.to_owned());
            self.near = Some(PeeringState::Failing);
            return self.plan(at + timing.rejecting, Change::Shows(Side::Follower, PeeringState::Failed));
        }
        self.near = Some(PeeringState::PendingAcceptance);
        self.far = Some(PeeringState::PendingAcceptance);
        self.far_from = at + timing.inbound_visible;
        if is_refused {
            self.reject(self.far_from, timing);
        }
    }

    /// A side that never had the peering does not get it now.
    fn show(&mut self, side: Side, state: PeeringState) {
        let shown = match side {
            Side::Follower => &mut self.near,
            Side::Leader => &mut self.far,
        };
        if shown.is_some() {
            *shown = Some(state);
        }
    }

    pub(super) fn forget(&mut self, side: Side) {
        match side {
            Side::Follower => self.near = None,
            Side::Leader => self.far = None,
        }
    }

    /// One side: its gateway, the id of its attachment, since when it is listed, and its state.
    pub(super) fn side(&self, side: Side) -> (&TransitGateway, &str, Instant, Option<&PeeringState>) {
        match side {
            Side::Follower => (&self.new.local, &self.id, self.near_from, self.near.as_ref()),
            Side::Leader => (&self.new.remote, &self.accepter_id, self.far_from, self.far.as_ref()),
        }
    }

    /// What this side says of it.
    pub(super) fn as_peering(&self, side: Side) -> Option<Peering> {
        let (_, id, _, state) = self.side(side);
        let tags = match side {
            Side::Follower => self.new.tags.clone(),
            Side::Leader => std::collections::BTreeMap::new(),
        };
        Some(Peering {
            id: id.to_owned(),
            accepter_id: (self.accepter_id != id).then(|| self.accepter_id.clone()),
            local: self.new.local.clone(),
            remote: self.new.remote.clone(),
            state: state?.clone(),
            message: self.message.clone(),
            tags,
        })
    }

    /// It as it is.
    pub(super) fn seen_from_above(&self) -> GatewayPeering {
        GatewayPeering {
            id: self.id.clone(),
            local: self.new.local.clone(),
            remote: self.new.remote.clone(),
            near: self.near.clone(),
            far: self.far.clone(),
        }
    }
}
