//! What an operation left behind, and what it touched that was not its own.

use std::collections::BTreeMap;
use std::fmt;

use super::connection::Connection;
use super::gateways::RouteRow;
use super::peering::GatewayPeering;
use super::state::State;

/// What there was at an instant.
#[derive(Clone, Debug)]
pub struct Snapshot {
    connections: BTreeMap<String, u32>,
    claims: BTreeMap<String, String>,
    peerings: BTreeMap<String, u32>,
    routes: BTreeMap<(String, String), RouteRow>,
    clusters: String,
}

impl Snapshot {
    pub(super) fn of(state: &State) -> Self {
        let connections = state.rows.iter().map(|row| (row.id.clone(), row.touches)).collect();
        let gateways = &state.gateways;
        let peerings = gateways.rows.iter().map(|row| (row.id.clone(), row.touches)).collect();
        Self {
            connections,
            claims: state.claims.clone(),
            peerings,
            routes: gateways.routes.clone(),
            clusters: state.nodes.text(),
        }
    }
}

/// What differs from a [`Snapshot`]. What time alone did to a connection is no difference; what a call did is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftovers {
    /// Connections made since, and not deleted since.
    pub connections: Vec<Connection>,
    /// Claims made since, and not removed since.
    pub claims: BTreeMap<String, String>,
    /// Connections that were there and that a call changed since.
    pub touched: Vec<Connection>,
    /// Claims that were there and were changed or removed since, as they were.
    pub lost_claims: BTreeMap<String, String>,
    /// Peerings made since, and not deleted since.
    pub peerings: Vec<GatewayPeering>,
    /// Peerings that were there and that a call changed since.
    pub touched_peerings: Vec<GatewayPeering>,
    /// Routes that were made since or replaced others, as table and range.
    pub routes: Vec<(String, String)>,
    /// Routes that were there and are not, as table and range.
    pub lost_routes: Vec<(String, String)>,
    /// What there is on the domains now, and was not, or the other way round, a line each.
    pub on_domains: Vec<String>,
}

impl Leftovers {
    pub(super) fn since(snapshot: &Snapshot, state: &State) -> Self {
        let mut leftovers = Self {
            connections: Vec::new(),
            claims: state.claims.clone(),
            touched: Vec::new(),
            lost_claims: snapshot.claims.clone(),
            peerings: Vec::new(),
            touched_peerings: Vec::new(),
            routes: differing(&state.gateways.routes, &snapshot.routes),
            lost_routes: differing(&snapshot.routes, &state.gateways.routes),
            on_domains: on_domains(&snapshot.clusters, &state.nodes.text()),
        };
        for row in &state.gateways.rows {
            match snapshot.peerings.get(&row.id) {
                Some(touches) if *touches != row.touches => {
                    leftovers.touched_peerings.push(row.seen_from_above());
                }
                None if row.seen_from_above().is_live() => leftovers.peerings.push(row.seen_from_above()),
                Some(_) | None => {}
            }
        }
        for row in &state.rows {
            match snapshot.connections.get(&row.id) {
                Some(touches) if *touches != row.touches => leftovers.touched.push(row.as_connection()),
                None if row.as_connection().is_live() => leftovers.connections.push(row.as_connection()),
                Some(_) | None => {}
            }
        }
        leftovers.claims.retain(|name, _| !snapshot.claims.contains_key(name));
        leftovers.lost_claims.retain(|name, text| state.claims.get(name) != Some(text));
        leftovers
    }

    /// True when nothing was left and nothing of others was touched.
    pub fn is_nothing(&self) -> bool {
        self.connections.is_empty()
            && self.claims.is_empty()
            && self.touched.is_empty()
            && self.lost_claims.is_empty()
            && self.peerings.is_empty()
            && self.touched_peerings.is_empty()
            && self.routes.is_empty()
            && self.lost_routes.is_empty()
            && self.on_domains.is_empty()
    }
}

fn on_domains(before: &str, now: &str) -> Vec<String> {
    let without = |one: &str, other: &str, what: &str| -> Vec<String> {
        one.lines()
            .filter(|line| !other.lines().any(|known| known == *line))
            .map(|line| format!("{what} {line}"))
            .collect()
    };
    let mut lines = without(now, before, "left:");
    lines.extend(without(before, now, "lost:"));
    lines
}

/// The routes of the one that the other one has not, or has otherwise.
fn differing(
    one: &BTreeMap<(String, String), RouteRow>,
    other: &BTreeMap<(String, String), RouteRow>,
) -> Vec<(String, String)> {
    one.iter().filter(|(key, row)| other.get(*key) != Some(row)).map(|(key, _)| key.clone()).collect()
}

/// One line per finding, for the message of an assertion.
impl fmt::Display for Leftovers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_nothing() {
            return formatter.write_str("nothing");
        }
        let mut list = |what: &str, connections: &[Connection]| {
            connections.iter().try_for_each(|it| {
                writeln!(formatter, "{what} {} ({}): {:?} / {:?}", it.id, it.alias, it.outbound, it.inbound)
            })
        };
        list("connection left:", &self.connections)?;
        list("connection of others touched:", &self.touched)?;
        let mut peerings = |what: &str, peerings: &[GatewayPeering]| {
            peerings
                .iter()
                .try_for_each(|it| writeln!(formatter, "{what} {}: {:?} / {:?}", it.id, it.near, it.far))
        };
        peerings("peering left:", &self.peerings)?;
        peerings("peering of others touched:", &self.touched_peerings)?;
        let mut routes = |what: &str, routes: &[(String, String)]| {
            routes.iter().try_for_each(|(table, cidr)| writeln!(formatter, "{what} {cidr} in {table}"))
        };
        routes("route left:", &self.routes)?;
        routes("route of others lost:", &self.lost_routes)?;
        self.on_domains.iter().try_for_each(|line| writeln!(formatter, "{line}"))?;
        self.claims.iter().try_for_each(|(name, text)| writeln!(formatter, "claim left: {name} = {text}"))?;
        self.lost_claims
            .iter()
            .try_for_each(|(name, text)| writeln!(formatter, "claim of others lost: {name} = {text}"))
    }
}
