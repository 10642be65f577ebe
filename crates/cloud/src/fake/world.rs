//! The world, as a test builds it, and looks at it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::{Domain, Error, OutboundStatus};

use super::connection::Connection;
use super::domains::DomainFeatures;
use super::leftovers::{Leftovers, Snapshot};
use super::row::Row;
use super::rules::{Quirk, Timing};
use super::state::{Caller, Role, State};

/// A call that reached the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The API operation, `CreateOutboundConnection`.
    pub operation: &'static str,
    /// The account it was made in.
    pub account: String,
    /// The Region it was made in.
    pub region: String,
    /// What it was about: an id, an alias, a filter's value, a claim's name, a role's or function's ARN.
    pub subject: String,
    /// When, since the world began.
    pub at: Duration,
}

/// An asynchronous invocation of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// The function.
    pub function_arn: String,
    /// What it gets.
    pub payload: String,
}

/// Accounts, Regions, domains, connections, claims and stacks in memory. Clones are the same world.
#[derive(Clone, Debug)]
pub struct World {
    state: Arc<Mutex<State>>,
}

/// Building.
impl World {
    /// A world whose function runs in this account and Region, without domains, roles or connections.
    pub fn new(home_account: &str, home_region: &str) -> Self {
        Self { state: Arc::new(Mutex::new(State::new(home_account, home_region))) }
    }

    /// With a domain.
    #[must_use]
    pub fn with_domain(self, domain: Domain, features: DomainFeatures) -> Self {
        self.with(|state| state.domains.insert(domain, features))
    }

    /// With a role in `account` that the function may assume with this external id.
    #[must_use]
    pub fn with_role(self, arn: &str, account: &str, external_id: &str) -> Self {
        let role = Role { account: account.to_owned(), external_id: external_id.to_owned() };
        self.with(|state| state.roles.insert(arn.to_owned(), role))
    }

    /// Where things take this long.
    #[must_use]
    pub fn with_timing(self, timing: Timing) -> Self {
        self.with(|state| state.timing = timing)
    }

    /// Where the service has this quirk.
    #[must_use]
    pub fn with_quirk(self, quirk: Quirk) -> Self {
        self.with(|state| state.quirks.insert(quirk))
    }

    /// Where a domain has at most this many connections, 20 otherwise.
    #[must_use]
    pub fn with_limit(self, connections_per_domain: usize) -> Self {
        self.with(|state| state.connections_per_domain = connections_per_domain)
    }

    /// Where the service of the connections takes this many calls per second, account and Region, and throttles the rest.
    #[must_use]
    pub fn with_rate(self, calls_per_second: u32) -> Self {
        self.with(|state| state.calls_per_second = Some(calls_per_second))
    }

    /// Where every connection stays in this state until somebody does something about it.
    #[must_use]
    pub fn stalling_in(self, status: OutboundStatus) -> Self {
        self.with(|state| state.stalls_in = Some(status))
    }

    fn with<T>(self, change: impl FnOnce(&mut State) -> T) -> Self {
        change(&mut self.lock());
        self
    }
}

/// Looking.
impl World {
    /// Every connection, on both sides, listed or not, deleted ones included.
    pub fn connections_everywhere(&self) -> Vec<Connection> {
        self.now().rows.iter().map(Row::as_connection).collect()
    }

    /// The connections that somebody still has to delete.
    pub fn live_connections(&self) -> Vec<Connection> {
        self.connections_everywhere().into_iter().filter(Connection::is_live).collect()
    }

    /// One connection.
    pub fn connection(&self, id: &str) -> Option<Connection> {
        self.connections_everywhere().into_iter().find(|connection| connection.id == id)
    }

    /// The claims, by name.
    pub fn claims_left(&self) -> Vec<(String, String)> {
        self.now().claims.clone().into_iter().collect()
    }

    /// Every call that reached the world so far, refused ones included.
    pub fn calls(&self) -> Vec<Call> {
        self.now().journal.clone()
    }

    /// How many calls of this operation reached the world so far.
    pub fn calls_of(&self, operation: &str) -> usize {
        self.now().journal.iter().filter(|call| call.operation == operation).count()
    }

    /// The asynchronous invocations so far.
    pub fn invocations(&self) -> Vec<Invocation> {
        self.now().invocations.clone()
    }

    /// What there is now, to compare with later.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.now())
    }

    /// What differs from the snapshot.
    pub fn leftovers(&self, since: &Snapshot) -> Leftovers {
        Leftovers::since(since, &self.now())
    }

    /// True when nothing lives here: no connection or peering that is not deleted, and no claim.
    pub fn is_clean(&self) -> bool {
        self.live_connections().is_empty() && self.live_peerings().is_empty() && self.claims_left().is_empty()
    }
}

/// The way in for the ports.
impl World {
    pub(super) fn home(&self) -> (String, String) {
        self.lock().home.clone()
    }

    /// One call: half of its time, its effect or a refusal, the other half. Whoever drops it in the second half has
    /// changed the world without knowing.
    pub(super) async fn call<T: Send>(
        &self,
        caller: &Caller,
        operation: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut State, Instant) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.get_out(operation).await?;
        let half = self.lock().timing.call / 2;
        super::pause(half).await;
        let result = self.perform(caller, operation, subject, effect);
        super::pause(half).await;
        result
    }

    fn perform<T>(
        &self,
        caller: &Caller,
        operation: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut State, Instant) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let mut state = self.now();
        state.admit(operation, caller, subject)?;
        effect(&mut state, Instant::now())
    }

    /// The state as it is now.
    pub(super) fn now(&self) -> MutexGuard<'_, State> {
        let mut state = self.lock();
        state.advance(Instant::now());
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A test that failed while it held the lock has said why; the others may go on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
