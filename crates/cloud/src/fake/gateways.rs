//! All transit gateways of a world: their peerings, route tables, routes and associations.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;

use tokio::time::Instant;

use crate::{
    Association, AssociationState, GatewayRoute, GatewayRouteState, NewPeering, PeeringState, TransitGateway,
};

use super::connection::Side;
use super::peering::{GatewayPeering, PeeringRow};
use super::rules::{Quirk, Timing};
use super::world::World;

/// A static route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RouteRow {
    pub(super) attachment: Option<String>,
    /// Tells a route from one that was made in its place.
    serial: u32,
}

/// What an attachment is associated with, on its side.
#[derive(Clone, Debug)]
struct Tie {
    table: String,
    settled_at: Instant,
    is_leaving: bool,
}

#[derive(Debug, Default)]
pub(super) struct Gateways {
    /// The route table that the gateway associates by itself, if it does.
    pub(super) known: HashMap<TransitGateway, Option<String>>,
    pub(super) tables: BTreeMap<String, TransitGateway>,
    pub(super) routes: BTreeMap<(String, String), RouteRow>,
    pub(super) rows: Vec<PeeringRow>,
    pub(super) stalls_in: Option<PeeringState>,
    ties: HashMap<(String, String), Tie>,
    serial: u32,
}

impl Gateways {
    pub(super) fn advance(&mut self, now: Instant, timing: &Timing, quirks: &HashSet<Quirk>) {
        let Self { rows, known, stalls_in, .. } = self;
        for row in rows {
            let remote = &row.new.remote;
            let objection = (!known.contains_key(remote))
                .then(|| format!("Transit gateway {} does not exist in {}.", remote.id, remote.region));
            let is_refused = quirks.contains(&Quirk::LeaderRejects);
            row.advance(now, objection.as_deref(), is_refused, stalls_in.as_ref(), timing);
        }
    }

    /// A peering that was just requested, to be added to the rows.
    pub(super) fn requested(&mut self, new: NewPeering, now: Instant, timing: &Timing) -> PeeringRow {
        self.serial += 1;
        PeeringRow::requested(self.serial, new, now, timing)
    }

    /// The attachment as its side's account and Region knows it.
    pub(super) fn find(
        &self,
        id: &str,
        is_at: impl Fn(&TransitGateway) -> bool,
    ) -> Option<(&PeeringRow, Side)> {
        let sides = |row| [(row, Side::Follower), (row, Side::Leader)];
        self.rows.iter().flat_map(sides).find(|(row, side)| {
            let (gateway, its_id, _, state) = row.side(*side);
            its_id == id && is_at(gateway) && state.is_some()
        })
    }

    pub(super) fn route(&self, table: &str, cidr: &str) -> Option<GatewayRoute> {
        let route = self.routes.get(&(table.to_owned(), cidr.to_owned()))?;
        let gateway = self.tables.get(table)?;
        let works = route.attachment.as_deref().is_some_and(|id| {
            // Attachments of VPCs are none of this world's and always work.
            self.find(id, |its| its == gateway)
                .is_none_or(|(row, side)| row.side(side).3 == Some(&PeeringState::Available))
        });
        let state = if works { GatewayRouteState::Active } else { GatewayRouteState::Blackhole };
        Some(GatewayRoute { attachment: route.attachment.clone(), state })
    }

    pub(super) fn set_route(&mut self, table: &str, cidr: &str, attachment: Option<&str>) {
        self.serial += 1;
        let row = RouteRow { attachment: attachment.map(str::to_owned), serial: self.serial };
        self.routes.insert((table.to_owned(), cidr.to_owned()), row);
    }

    pub(super) fn association(
        &self,
        gateway: &TransitGateway,
        id: &str,
        now: Instant,
    ) -> Option<Association> {
        let (row, side) = self.find(id, |its| its == gateway)?;
        let is_gone = row.side(side).3 == Some(&PeeringState::Deleted);
        let tie = self.ties.get(&(gateway.id.clone(), id.to_owned())).filter(|_| !is_gone)?;
        let state = match (tie.is_leaving, now < tie.settled_at) {
            (false, true) => AssociationState::Associating,
            (false, false) => AssociationState::Associated,
            (true, true) => AssociationState::Disassociating,
            (true, false) => return None,
        };
        Some(Association { table: tie.table.clone(), state })
    }

    pub(super) fn tie(
        &mut self,
        gateway: &str,
        id: &str,
        table: &str,
        is_leaving: bool,
        settled_at: Instant,
    ) {
        let tie = Tie { table: table.to_owned(), settled_at, is_leaving };
        self.ties.insert((gateway.to_owned(), id.to_owned()), tie);
    }

    /// Everything about them that a call can change, one line each, for comparisons.
    fn text(&self, now: Instant) -> String {
        let mut text = String::new();
        for row in &self.rows {
            for side in [Side::Follower, Side::Leader] {
                let (gateway, id, _, state) = row.side(side);
                let table = self.association(gateway, id, now).map(|it| it.table);
                writeln!(text, "{id} at {} is {state:?}, associated with {table:?}", gateway.id).ok();
            }
        }
        for ((table, cidr), route) in &self.routes {
            writeln!(text, "{cidr} in {table} goes to {:?}", route.attachment).ok();
        }
        text
    }
}

/// Transit gateways, built and looked at.
impl World {
    /// With a transit gateway; one that associates what is attached with a route table by itself, if a table is given.
    #[must_use]
    pub fn with_transit_gateway(self, gateway: TransitGateway, associates_by_default: Option<&str>) -> Self {
        let default = associates_by_default.map(str::to_owned);
        self.now().gateways.known.insert(gateway, default);
        self
    }

    /// With a route table of a transit gateway.
    #[must_use]
    pub fn with_gateway_table(self, id: &str, gateway: TransitGateway) -> Self {
        self.now().gateways.tables.insert(id.to_owned(), gateway);
        self
    }

    /// Where every peering stays in this state until somebody does something about it.
    #[must_use]
    pub fn with_peerings_stalling_in(self, state: PeeringState) -> Self {
        self.now().gateways.stalls_in = Some(state);
        self
    }

    /// Every peering, on both sides, listed or not, deleted ones included.
    pub fn peerings_everywhere(&self) -> Vec<GatewayPeering> {
        self.now().gateways.rows.iter().map(PeeringRow::seen_from_above).collect()
    }

    /// The peerings that somebody still has to delete.
    pub fn live_peerings(&self) -> Vec<GatewayPeering> {
        self.peerings_everywhere().into_iter().filter(GatewayPeering::is_live).collect()
    }

    /// The static route of a table for exactly this range.
    pub fn gateway_route(&self, table: &str, cidr: &str) -> Option<GatewayRoute> {
        self.now().gateways.route(table, cidr)
    }

    /// The static routes, as table and range.
    pub fn gateway_routes(&self) -> Vec<(String, String)> {
        self.now().gateways.routes.keys().cloned().collect()
    }

    /// The route table that an attachment is associated with at a gateway.
    pub fn gateway_association(&self, gateway: &TransitGateway, attachment: &str) -> Option<Association> {
        self.now().gateways.association(gateway, attachment, Instant::now())
    }

    /// All that can be seen of peerings, routes and associations, for comparisons.
    pub fn gateways_text(&self) -> String {
        self.now().gateways.text(Instant::now())
    }

    /// Somebody else's peering, listed on both sides, in this state, and staying there. Returns its id.
    pub fn hand_made_peering(&self, new: NewPeering, state: PeeringState) -> String {
        let mut world = self.now();
        let (now, timing) = (Instant::now(), world.timing);
        let mut row = world.gateways.requested(new, now, &timing);
        row.hold(state.clone(), Some(state), now);
        let id = row.id.clone();
        world.gateways.rows.push(row);
        id
    }

    /// Puts the two sides into these states, where they stay until a call changes them.
    ///
    /// # Panics
    /// When there is no such peering.
    pub fn hold_peering(&self, id: &str, near: PeeringState, far: Option<PeeringState>) {
        self.change_peering(id, |row, now, _| row.hold(near, far, now));
    }

    /// The owner of one side deletes the peering.
    ///
    /// # Panics
    /// When there is no such peering.
    pub fn delete_peering_by_hand(&self, id: &str, side: Side) {
        self.change_peering(id, |row, now, timing| row.delete(now, side, timing));
    }

    /// One side lists the peering no longer.
    ///
    /// # Panics
    /// When there is no such peering.
    pub fn forget_peering(&self, id: &str, side: Side) {
        self.change_peering(id, |row, _, _| row.forget(side));
    }

    /// Somebody's static route; one that drops if there is no attachment.
    pub fn route_by_hand(&self, table: &str, cidr: &str, attachment: Option<&str>) {
        self.now().gateways.set_route(table, cidr, attachment);
    }

    /// Somebody removes a static route.
    pub fn remove_route_by_hand(&self, table: &str, cidr: &str) {
        self.now().gateways.routes.remove(&(table.to_owned(), cidr.to_owned()));
    }

    fn change_peering(&self, id: &str, change: impl FnOnce(&mut PeeringRow, Instant, &Timing)) {
        let mut state = self.now();
        let (now, timing) = (Instant::now(), state.timing);
        let found = state.gateways.rows.iter_mut().find(|row| row.id == id);
        assert!(found.is_some(), "there is no peering `{id}` in this world");
        if let Some(row) = found {
            change(row, now, &timing);
        }
        state.advance(now);
    }
}
