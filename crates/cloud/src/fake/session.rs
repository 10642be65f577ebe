//! Connections as one account and Region of the world sees them.

use tokio::time::Instant;

use crate::{Code, Connections, Domain, Error, Filter, Inbound, NewConnection, Outbound, OutboundStatus};

use super::connection::Side;
use super::operation;
use super::row::Row;
use super::rules::Quirk;
use super::state::{Caller, State, error};
use super::world::World;

/// A session in an account and Region of a [`World`].
#[derive(Clone, Debug)]
pub struct Session {
    pub(super) world: World,
    pub(super) caller: Caller,
}

impl Connections for Session {
    async fn request(&self, new: &NewConnection) -> Result<Outbound, Error> {
        let effect = |state: &mut State, now| request(state, &self.caller, new, now);
        self.world.call(&self.caller, operation::REQUEST, &new.alias, effect).await
    }

    async fn outbound(&self, filter: Filter<'_>) -> Result<Vec<Outbound>, Error> {
        let effect = |state: &mut State, now| Ok(outbound(state, &self.caller, filter, now));
        self.world.call(&self.caller, operation::OUTBOUND, subject(filter), effect).await
    }

    async fn inbound(&self, filter: Filter<'_>) -> Result<Vec<Inbound>, Error> {
        let effect = |state: &mut State, now| Ok(inbound(state, &self.caller, filter, now));
        self.world.call(&self.caller, operation::INBOUND, subject(filter), effect).await
    }

    async fn accept(&self, id: &str) -> Result<(), Error> {
        let effect = |state: &mut State, now| accept(state, &self.caller, id, now);
        self.world.call(&self.caller, operation::ACCEPT, id, effect).await
    }

    async fn reject(&self, id: &str) -> Result<(), Error> {
        let effect = |state: &mut State, now| reject(state, &self.caller, id, now);
        self.world.call(&self.caller, operation::REJECT, id, effect).await
    }

    async fn delete_outbound(&self, id: &str) -> Result<(), Error> {
        let effect = |state: &mut State, now| delete(state, &self.caller, Side::Follower, id, now);
        self.world.call(&self.caller, operation::DELETE_OUTBOUND, id, effect).await
    }

    async fn delete_inbound(&self, id: &str) -> Result<(), Error> {
        let effect = |state: &mut State, now| delete(state, &self.caller, Side::Leader, id, now);
        self.world.call(&self.caller, operation::DELETE_INBOUND, id, effect).await
    }
}

fn subject(filter: Filter<'_>) -> &str {
    match filter {
        Filter::Id(text) | Filter::LocalDomain(text) => text,
    }
}

fn is_at(domain: &Domain, caller: &Caller) -> bool {
    domain.account == caller.account && domain.region == caller.region
}

fn matches(row: &Row, filter: Filter<'_>) -> bool {
    match filter {
        Filter::Id(id) => row.id == id,
        Filter::LocalDomain(name) => row.new.local.name == name,
    }
}

fn request(state: &mut State, caller: &Caller, new: &NewConnection, now: Instant) -> Result<Outbound, Error> {
    let refuse = |code, message: String| Err(error(operation::REQUEST, code, message));
    if let Some(wrong) = malformed(new) {
        return refuse(Code::Validation, wrong);
    }
    if !is_at(&new.local, caller) || !state.domains.contains_key(&new.local) {
        return refuse(Code::ResourceNotFound, format!("Domain not found: {}", new.local.name));
    }
    if let Some(message) = collision(state, new, now) {
        return refuse(Code::ResourceAlreadyExists, message);
    }
    let connected =
        state.rows.iter().filter(|row| row.new.local == new.local && row.as_connection().is_live());
    if connected.count() >= state.connections_per_domain {
        return refuse(Code::LimitExceeded, format!("Too many connections of domain {}", new.local.name));
    }
    Ok(state.request(new.clone(), now))
}

fn malformed(new: &NewConnection) -> Option<String> {
    let is_alias = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_alphabetic())
            && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
            && (2..=100).contains(&text.len())
    };
    let is_name = |text: &str| {
        text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
            && (3..=28).contains(&text.len())
    };
    if !is_alias(&new.alias) {
        return Some(format!("Value '{}' at 'connectionAlias' failed to satisfy constraint", new.alias));
    }
    [&new.local, &new.remote].into_iter().find(|domain| !is_name(&domain.name)).map(|domain| {
        format!("Value '{}' at 'aWSDomainInformation.domainName' failed to satisfy constraint", domain.name)
    })
}

/// What stands in the way of another connection.
fn collision(state: &State, new: &NewConnection, now: Instant) -> Option<String> {
    let failed_frees = state.has(Quirk::FailedFreesTheAlias);
    let sees_only_listed = state.has(Quirk::AliasCheckSeesOnlyWhatIsListed);
    let others = || {
        let is_seen = move |row: &&Row| !sees_only_listed || row.outbound_from <= now;
        state.rows.iter().filter(|row| row.new.local == new.local).filter(is_seen)
    };
    let holder = others()
        .filter(|row| row.new.alias == new.alias)
        .find(|row| row.holds_alias(now, failed_frees, &state.timing));
    if holder.is_some() {
        return Some(format!("Connection alias {} already exists", new.alias));
    }
    let same_pair = others().any(|row| row.new.remote == new.remote && row.as_connection().is_live());
    (same_pair && state.has(Quirk::OneConnectionPerPair))
        .then(|| format!("A connection from {} to {} already exists", new.local.name, new.remote.name))
}

fn outbound(state: &State, caller: &Caller, filter: Filter<'_>, now: Instant) -> Vec<Outbound> {
    state
        .rows
        .iter()
        .filter(|row| is_at(&row.new.local, caller) && row.outbound_from <= now && matches(row, filter))
        .filter_map(|row| row.outbound.clone().map(|status| row.as_outbound(status)))
        .collect()
}

fn inbound(state: &State, caller: &Caller, filter: Filter<'_>, now: Instant) -> Vec<Inbound> {
    state
        .rows
        .iter()
        .filter(|row| is_at(&row.new.remote, caller) && row.inbound_from <= now && matches(row, filter))
        .filter_map(|row| {
            let status = row.inbound.clone()?;
            let (local, remote) = (row.new.local.clone(), row.new.remote.clone());
            Some(Inbound { id: row.id.clone(), local, remote, status, message: row.message.clone() })
        })
        .collect()
}

fn accept(state: &mut State, caller: &Caller, id: &str, now: Instant) -> Result<(), Error> {
    let operation = operation::ACCEPT;
    let leader = waiting_for_leader(state, caller, id, now, operation)?.new.remote.clone();
    let is_taken = |row: &&Row| row.new.remote == leader && row.is_accepted && row.as_connection().is_live();
    if state.rows.iter().filter(is_taken).count() >= state.connections_per_domain {
        let message = format!("Too many connections of domain {}", leader.name);
        return Err(error(operation, Code::LimitExceeded, message));
    }
    let timing = state.timing;
    let row = waiting_for_leader(state, caller, id, now, operation)?;
    row.accept(now, &timing);
    row.touches += 1;
    state.advance(now);
    Ok(())
}

fn reject(state: &mut State, caller: &Caller, id: &str, now: Instant) -> Result<(), Error> {
    let timing = state.timing;
    let row = waiting_for_leader(state, caller, id, now, operation::REJECT)?;
    row.reject(now, &timing);
    row.touches += 1;
    state.advance(now);
    Ok(())
}

fn delete(state: &mut State, caller: &Caller, side: Side, id: &str, now: Instant) -> Result<(), Error> {
    let operation = match side {
        Side::Follower => operation::DELETE_OUTBOUND,
        Side::Leader => operation::DELETE_INBOUND,
    };
    let (is_settling_refused, is_deleting_refused) =
        (state.has(Quirk::RefusesDeleteWhileSettling), state.has(Quirk::RefusesDeleteWhileDeleting));
    let listed_by = state.has(Quirk::DeletesOnlyWhatIsListed).then_some(now);
    let timing = state.timing;
    let (status, row) = seen(state, caller, side, id, listed_by).ok_or_else(|| not_found(operation, id))?;
    match status {
        OutboundStatus::Deleted => return Err(not_found(operation, id)),
        OutboundStatus::Deleting if is_deleting_refused => return Err(disabled(operation, id, &status)),
        OutboundStatus::Deleting => return Ok(()),
        OutboundStatus::Validating | OutboundStatus::Approved | OutboundStatus::Provisioning
            if is_settling_refused =>
        {
            return Err(disabled(operation, id, &status));
        }
        OutboundStatus::Validating
        | OutboundStatus::ValidationFailed
        | OutboundStatus::PendingAcceptance
        | OutboundStatus::Approved
        | OutboundStatus::Provisioning
        | OutboundStatus::Active
        | OutboundStatus::Rejecting
        | OutboundStatus::Rejected
        | OutboundStatus::Unknown(_) => {}
    }
    row.delete(now, side, &timing);
    row.touches += 1;
    state.advance(now);
    Ok(())
}

/// The connection, while the leader has it to decide on.
fn waiting_for_leader<'a>(
    state: &'a mut State,
    caller: &Caller,
    id: &str,
    now: Instant,
    operation: &'static str,
) -> Result<&'a mut Row, Error> {
    let found = seen(state, caller, Side::Leader, id, Some(now));
    let (status, row) = found.ok_or_else(|| not_found(operation, id))?;
    if status != OutboundStatus::PendingAcceptance || row.is_accepted {
        return Err(disabled(operation, id, &status));
    }
    Ok(row)
}

/// The connection as this side's account and Region sees it, from anywhere else it does not exist; where an instant is
/// given, only if it is listed by then.
fn seen<'a>(
    state: &'a mut State,
    caller: &Caller,
    side: Side,
    id: &str,
    listed_by: Option<Instant>,
) -> Option<(OutboundStatus, &'a mut Row)> {
    let row = state.rows.iter_mut().find(|row| row.id == id)?;
    let (home, from, status) = row.side(side);
    let is_seen = is_at(home, caller) && listed_by.is_none_or(|now| from <= now);
    status.filter(|_| is_seen).map(|status| (status, row))
}

fn not_found(operation: &'static str, id: &str) -> Error {
    error(operation, Code::ResourceNotFound, format!("Connection not found: {id}"))
}

fn disabled(operation: &'static str, id: &str, status: &OutboundStatus) -> Error {
    error(operation, Code::DisabledOperation, format!("Connection {id} is in state {status}"))
}
