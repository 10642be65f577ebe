//! Transit gateways as one account and Region of the world sees them.

use tokio::time::Instant;

use crate::{
    Association, Code, Error, GatewayRoute, NewPeering, Peering, PeeringState, TransitGateway,
    TransitGateways,
};

use super::connection::Side;
use super::operation;
use super::rules::Quirk;
use super::state::{Caller, State, error};
use super::world::World;

/// A session in an account and Region of a [`World`].
#[derive(Clone, Debug)]
pub struct GatewaySession {
    pub(super) world: World,
    pub(super) caller: Caller,
}

impl GatewaySession {
    async fn call<T: Send>(
        &self,
        operation: &'static str,
        subject: &str,
        effect: impl FnOnce(&mut State, Instant) -> Result<T, Error> + Send,
    ) -> Result<T, Error> {
        self.world.call(&self.caller, operation, subject, effect).await
    }

    fn is_at(&self, gateway: &TransitGateway) -> bool {
        gateway.account == self.caller.account && gateway.region == self.caller.region
    }

    /// The table, if it is this account's and Region's.
    fn table(&self, state: &State, operation: &'static str, table: &str) -> Result<TransitGateway, Error> {
        let gateway = state.gateways.tables.get(table).filter(|gateway| self.is_at(gateway));
        gateway.cloned().ok_or_else(|| {
            let message = format!("Transit Gateway Route Table {table} was deleted or does not exist.");
            error(operation, Code::ResourceNotFound, message)
        })
    }

    /// The side of an attachment that is at this table's gateway, if it works.
    fn working(
        &self,
        state: &State,
        operation: &'static str,
        table: &str,
        attachment: &str,
    ) -> Result<TransitGateway, Error> {
        let gateway = self.table(state, operation, table)?;
        let found = state.gateways.find(attachment, |its| *its == gateway);
        let (row, side) = found.ok_or_else(|| not_found(operation, attachment))?;
        match row.side(side).3 {
            Some(PeeringState::Available) => Ok(gateway),
            Some(PeeringState::Deleted) | None => Err(not_found(operation, attachment)),
            Some(other) => Err(incorrect(operation, attachment, other)),
        }
    }
}

impl TransitGateways for GatewaySession {
    async fn request_peering(&self, new: &NewPeering) -> Result<Peering, Error> {
        let operation = operation::REQUEST_PEERING;
        self.call(operation, &new.remote.id, |state, now| {
            if !self.is_at(&new.local) || !state.gateways.known.contains_key(&new.local) {
                let message = format!("Transit Gateway {} was deleted or does not exist.", new.local.id);
                return Err(error(operation, Code::ResourceNotFound, message));
            }
            let sees_only_listed = state.has(Quirk::PairCheckSeesOnlyWhatIsListed);
            let is_same_pair = |one: &NewPeering| {
                (&one.local, &one.remote) == (&new.local, &new.remote)
                    || (&one.local, &one.remote) == (&new.remote, &new.local)
            };
            let taken = state.gateways.rows.iter().any(|row| {
                let is_seen = !sees_only_listed || row.near_from <= now;
                let is_over = row.near.as_ref().is_none_or(is_over);
                is_seen && is_same_pair(&row.new) && !is_over
            });
            if taken {
                let message = format!("{} has a peering with {} already.", new.local.id, new.remote.id);
                return Err(error(operation, Code::ResourceAlreadyExists, message));
            }
            let timing = state.timing;
            let row = state.gateways.requested(new.clone(), now, &timing);
            let made = row.as_peering(Side::Follower).ok_or_else(|| not_found(operation, &new.local.id));
            state.gateways.rows.push(row);
            made
        })
        .await
    }

    async fn peerings(&self, gateway: &str) -> Result<Vec<Peering>, Error> {
        self.call(operation::PEERINGS, gateway, |state, now| {
            let listed = |row: &super::peering::PeeringRow, side| {
                let (its, _, from, _) = row.side(side);
                let is_listed = its.id == gateway && self.is_at(its) && from <= now;
                is_listed.then(|| row.as_peering(side)).flatten()
            };
            let rows = state.gateways.rows.iter();
            Ok(rows
                .flat_map(|row| [listed(row, Side::Follower), listed(row, Side::Leader)])
                .flatten()
                .collect())
        })
        .await
    }

    async fn accept_peering(&self, id: &str) -> Result<(), Error> {
        let operation = operation::ACCEPT_PEERING;
        self.call(operation, id, |state, now| {
            let timing = state.timing;
            let rows = &mut state.gateways.rows;
            if rows.iter().any(|row| row.id == id && self.is_at(&row.new.local) && row.accepter_id != id) {
                let message = format!("Cannot accept {id} as the source of the peering request.");
                return Err(error(operation, Code::Validation, message));
            }
            let row = rows.iter_mut().find(|row| {
                row.accepter_id == id
                    && self.is_at(&row.new.remote)
                    && row.far_from <= now
                    && row.far.is_some()
            });
            let row = row.ok_or_else(|| not_found(operation, id))?;
            match row.far.clone() {
                Some(PeeringState::PendingAcceptance) if !row.is_accepted => {}
                Some(other) => return Err(incorrect(operation, id, &other)),
                None => return Err(not_found(operation, id)),
            }
            row.accept(now, &timing);
            row.touches += 1;
            let new = row.new.clone();
            let (near_id, far_id) = (row.id.clone(), row.accepter_id.clone());
            let works_at = now + timing.accepting + timing.provisioning;
            for (gateway, id) in [(&new.local, near_id), (&new.remote, far_id)] {
                if let Some(Some(table)) = state.gateways.known.get(gateway).cloned() {
                    state.gateways.tie(&gateway.id, &id, &table, false, works_at);
                }
            }
            state.advance(now);
            Ok(())
        })
        .await
    }

    async fn delete_peering(&self, id: &str) -> Result<(), Error> {
        let operation = operation::DELETE_PEERING;
        self.call(operation, id, |state, now| {
            let (is_settling_refused, is_deleting_refused) =
                (state.has(Quirk::RefusesDeleteWhileSettling), state.has(Quirk::RefusesDeleteWhileDeleting));
            let is_dead_refused = state.has(Quirk::DeadCannotBeDeleted);
            let (must_be_listed, timing) = (state.has(Quirk::DeletesOnlyWhatIsListed), state.timing);
            let found = state.gateways.find(id, |its| self.is_at(its));
            let found = found.map(|(row, side)| (row.id.clone(), side));
            let (row_id, side) = found.ok_or_else(|| not_found(operation, id))?;
            let row = state.gateways.rows.iter_mut().find(|row| row.id == row_id);
            let row = row.ok_or_else(|| not_found(operation, id))?;
            let (_, _, from, seen) = row.side(side);
            if must_be_listed && from > now {
                return Err(not_found(operation, id));
            }
            match seen.cloned() {
                None | Some(PeeringState::Deleted) => return Err(not_found(operation, id)),
                Some(PeeringState::Deleting) if is_deleting_refused => {
                    return Err(incorrect(operation, id, &PeeringState::Deleting));
                }
                Some(PeeringState::Deleting) => return Ok(()),
                Some(settling @ (PeeringState::InitiatingRequest | PeeringState::Pending))
                    if is_settling_refused =>
                {
                    return Err(incorrect(operation, id, &settling));
                }
                Some(over @ (PeeringState::Failed | PeeringState::Rejected)) if is_dead_refused => {
                    return Err(incorrect(operation, id, &over));
                }
                Some(_) => {}
            }
            row.delete(now, side, &timing);
            row.touches += 1;
            state.advance(now);
            Ok(())
        })
        .await
    }

    async fn association(&self, attachment: &str) -> Result<Option<Association>, Error> {
        self.call(operation::ATTACHMENTS, attachment, |state, now| {
            let found = state.gateways.find(attachment, |its| self.is_at(its));
            let gateway = found.map(|(row, side)| row.side(side).0.clone());
            Ok(gateway.and_then(|gateway| state.gateways.association(&gateway, attachment, now)))
        })
        .await
    }

    async fn associate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        let operation = operation::ASSOCIATE;
        self.call(operation, attachment, |state, now| {
            let gateway = self.working(state, operation, table, attachment)?;
            if state.gateways.association(&gateway, attachment, now).is_some() {
                let message = format!("Transit Gateway Attachment {attachment} is already associated.");
                return Err(error(operation, Code::ResourceAlreadyExists, message));
            }
            let settled_at = now + state.timing.lag;
            state.gateways.tie(&gateway.id, attachment, table, false, settled_at);
            touch(state, attachment);
            Ok(())
        })
        .await
    }

    async fn disassociate(&self, table: &str, attachment: &str) -> Result<(), Error> {
        let operation = operation::DISASSOCIATE;
        self.call(operation, attachment, |state, now| {
            let gateway = self.table(state, operation, table)?;
            let tie = state.gateways.association(&gateway, attachment, now);
            if tie.is_none_or(|tie| tie.table != table) {
                let message = format!("{attachment} is not associated with {table}.");
                return Err(error(operation, Code::ResourceNotFound, message));
            }
            let settled_at = now + state.timing.lag;
            state.gateways.tie(&gateway.id, attachment, table, true, settled_at);
            touch(state, attachment);
            Ok(())
        })
        .await
    }

    async fn route(&self, table: &str, cidr: &str) -> Result<Option<GatewayRoute>, Error> {
        self.call(operation::ROUTES, table, |state, _| {
            self.table(state, operation::ROUTES, table)?;
            Ok(state.gateways.route(table, cidr))
        })
        .await
    }

    async fn create_route(&self, table: &str, cidr: &str, attachment: &str) -> Result<(), Error> {
        let operation = operation::CREATE_ROUTE;
        self.call(operation, table, |state, _| {
            self.working(state, operation, table, attachment)?;
            if state.gateways.route(table, cidr).is_some() {
                let message =
                    format!("Route for {cidr} already exists in Transit Gateway Route Table {table}.");
                return Err(error(operation, Code::ResourceAlreadyExists, message));
            }
            state.gateways.set_route(table, cidr, Some(attachment));
            Ok(())
        })
        .await
    }

    async fn delete_route(&self, table: &str, cidr: &str) -> Result<(), Error> {
        let operation = operation::DELETE_ROUTE;
        self.call(operation, table, |state, _| {
            self.table(state, operation, table)?;
            let removed = state.gateways.routes.remove(&(table.to_owned(), cidr.to_owned()));
            removed.map(drop).ok_or_else(|| {
                let message = format!("There is no route for {cidr} in {table}.");
                error(operation, Code::ResourceNotFound, message)
            })
        })
        .await
    }
}

fn touch(state: &mut State, attachment: &str) {
    let mut rows = state.gateways.rows.iter_mut();
    if let Some(row) = rows.find(|row| row.id == attachment || row.accepter_id == attachment) {
        row.touches += 1;
    }
}

/// A peering that is over does not stand in the way of another one.
fn is_over(state: &PeeringState) -> bool {
    matches!(state, PeeringState::Deleted | PeeringState::Failed | PeeringState::Rejected)
}

fn not_found(operation: &'static str, id: &str) -> Error {
    let message = format!("Transit Gateway Attachment {id} was deleted or does not exist.");
    error(operation, Code::ResourceNotFound, message)
}

fn incorrect(operation: &'static str, id: &str, state: &PeeringState) -> Error {
    error(operation, Code::DisabledOperation, format!("{id} is in invalid state: {state}"))
}
