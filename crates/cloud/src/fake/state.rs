//! All there is in a world, and how it moves on when somebody looks.

use std::collections::{BTreeMap, HashMap, HashSet};

use tokio::time::Instant;

use crate::{Code, Domain, Error, NewConnection, Outbound, OutboundStatus, StackResource};

use super::connection::Side;
use super::domains::{DomainFeatures, objection};
use super::gateways::Gateways;
use super::nat::Machine;
use super::peers::Handler;
use super::row::{Change, Row, inbound};
use super::rules::{Quirk, Timing};
use super::search::Nodes;
use super::world::{Call, Invocation};

/// A role that somebody may assume.
#[derive(Debug)]
pub(super) struct Role {
    pub(super) account: String,
    pub(super) external_id: String,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) home: (String, String),
    pub(super) began: Instant,
    pub(super) timing: Timing,
    pub(super) quirks: HashSet<Quirk>,
    pub(super) connections_per_domain: usize,
    pub(super) calls_per_second: Option<u32>,
    pub(super) stalls_in: Option<OutboundStatus>,
    pub(super) denied: HashSet<String>,
    pub(super) domains: HashMap<Domain, DomainFeatures>,
    pub(super) roles: HashMap<String, Role>,
    pub(super) rows: Vec<Row>,
    pub(super) nat: Option<Machine>,
    /// Regions without an endpoint.
    pub(super) unreachable: HashSet<String>,
    pub(super) gateways: Gateways,
    pub(super) nodes: Nodes,
    /// Functions elsewhere, by their ARNs.
    pub(super) peers: HashMap<String, Handler>,
    pub(super) claims: BTreeMap<String, String>,
    /// Every text of a claim since it was created.
    pub(super) claim_versions: HashMap<String, Vec<String>>,
    pub(super) stacks: HashMap<(String, String), StackResource>,
    pub(super) invocations: Vec<Invocation>,
    pub(super) journal: Vec<Call>,
    windows: HashMap<(String, String), (Instant, u32)>,
    ids: u32,
}

impl State {
    pub(super) fn new(account: &str, region: &str) -> Self {
        Self {
            home: (account.to_owned(), region.to_owned()),
            began: Instant::now(),
            timing: Timing::default(),
            quirks: HashSet::new(),
            connections_per_domain: 20,
            calls_per_second: None,
            stalls_in: None,
            denied: HashSet::new(),
            domains: HashMap::new(),
            roles: HashMap::new(),
            rows: Vec::new(),
            nat: None,
            unreachable: HashSet::new(),
            gateways: Gateways::default(),
            nodes: Nodes::default(),
            peers: HashMap::new(),
            claims: BTreeMap::new(),
            claim_versions: HashMap::new(),
            stacks: HashMap::new(),
            invocations: Vec::new(),
            journal: Vec::new(),
            windows: HashMap::new(),
            ids: 0,
        }
    }

    /// Writes a claim; its version.
    pub(super) fn write_claim(&mut self, name: &str, text: &str) -> u64 {
        self.claims.insert(name.to_owned(), text.to_owned());
        let versions = self.claim_versions.entry(name.to_owned()).or_default();
        versions.push(text.to_owned());
        versions.len() as u64
    }

    pub(super) fn has(&self, quirk: Quirk) -> bool {
        self.quirks.contains(&quirk)
    }

    /// Writes the call down and lets it in, or not.
    pub(super) fn admit(
        &mut self,
        operation: &'static str,
        place: &Caller,
        subject: &str,
    ) -> Result<(), Error> {
        let now = Instant::now();
        self.journal.push(Call {
            operation,
            account: place.account.clone(),
            region: place.region.clone(),
            subject: subject.to_owned(),
            at: now - self.began,
        });
        if self.denied.contains(operation) {
            let message =
                format!("User is not authorized to perform: {operation} in account {}", place.account);
            return Err(error(operation, Code::AccessDenied, message));
        }
        if place.is_throttled && self.is_too_fast(place, now) {
            return Err(error(operation, Code::Throttled, "Rate exceeded"));
        }
        Ok(())
    }

    /// Counts a call against the rate of its account and Region, as the service does: all operations together.
    fn is_too_fast(&mut self, place: &Caller, now: Instant) -> bool {
        let Some(most) = self.calls_per_second else { return false };
        let window = self.windows.entry((place.account.clone(), place.region.clone())).or_insert((now, 0));
        if (now - window.0).as_secs() >= 1 {
            *window = (now, 0);
        }
        window.1 += 1;
        window.1 > most
    }

    /// Adds a connection that was just requested.
    pub(super) fn request(&mut self, new: NewConnection, now: Instant) -> Outbound {
        let row = Row::requested(self.next_id(), new, now, &self.timing);
        let requested = row.as_outbound(OutboundStatus::Validating);
        self.add(row);
        requested
    }

    /// Adds a connection that somebody else made earlier. Returns its id.
    pub(super) fn hand_made(&mut self, new: NewConnection, status: OutboundStatus, now: Instant) -> String {
        let id = self.next_id();
        self.add(Row::shown(id.clone(), new, status, now, &self.timing));
        id
    }

    fn add(&mut self, mut row: Row) {
        if let Some(status) = self.stalls_in.as_ref().filter(|status| row.outbound.as_ref() == Some(status)) {
            row.stall(status);
        }
        self.rows.push(row);
    }

    fn next_id(&mut self) -> String {
        self.ids += 1;
        format!("connection-{:04}", self.ids)
    }

    /// Lets everything happen that is due.
    pub(super) fn advance(&mut self, now: Instant) {
        if let Some(machine) = &mut self.nat {
            machine.advance(now);
        }
        self.nodes.advance(now);
        let Self { rows, gateways, domains, timing, quirks, stalls_in, .. } = self;
        gateways.advance(now, timing, quirks);
        for row in rows {
            while let Some((at, change)) = row.due(now) {
                match change {
                    Change::Validated => {
                        let rejects = quirks.contains(&Quirk::LeaderRejects);
                        validated(row, objection(domains, &row.new), at, rejects, timing);
                    }
                    Change::Shows(side, status) => row.show(side, status, at),
                    Change::Forgotten => {
                        row.forget(Side::Follower);
                        row.forget(Side::Leader);
                    }
                }
                if let Some(status) =
                    stalls_in.as_ref().filter(|status| row.outbound.as_ref() == Some(status))
                {
                    row.stall(status);
                }
            }
        }
    }
}

fn validated(row: &mut Row, objection: Option<String>, at: Instant, rejects: bool, timing: &Timing) {
    if let Some(message) = objection {
        row.message = Some(message);
        row.show(Side::Follower, OutboundStatus::ValidationFailed, at);
        return;
    }
    row.show(Side::Follower, OutboundStatus::PendingAcceptance, at);
    row.inbound = inbound(&OutboundStatus::PendingAcceptance);
    row.inbound_from = at + timing.inbound_visible;
    if rejects {
        row.reject(row.inbound_from, timing);
    }
}

/// Who calls from where.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) account: String,
    pub(super) region: String,
    /// Whether the rate applies: it is the one of the connections' service.
    pub(super) is_throttled: bool,
}

pub(super) fn error(operation: &'static str, code: Code, message: impl Into<String>) -> Error {
    Error { operation, code, message: message.into(), request_id: Some("of-a-world-in-memory".to_owned()) }
}
