//! What others do in the world while a kind works: owners by hand, the service by itself, administrators.

use tokio::time::Instant;

use crate::{InboundStatus, NewConnection, OutboundStatus, StackResource};

use super::connection::Side;
use super::row::{Row, inbound};
use super::rules::Timing;
use super::world::World;

impl World {
    /// Somebody else's connection, listed on both sides, in this state, and going on from there. Returns its id.
    pub fn hand_made(&self, new: NewConnection, status: OutboundStatus) -> String {
        self.now().hand_made(new, status, Instant::now())
    }

    /// Puts a connection into these states, from where it goes on by itself.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn set_status(&self, id: &str, outbound: OutboundStatus, inbound: InboundStatus) {
        self.change(id, |row, now, timing| {
            row.set(outbound, Some(inbound), now);
            row.proceed(now, timing);
        });
    }

    /// Puts a connection into this state, where it stays until [`World::release`] or until a call changes it.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn hold(&self, id: &str, status: OutboundStatus) {
        let leader = inbound(&status);
        self.change(id, |row, now, _| row.set(status, leader, now));
    }

    /// Puts the two sides into these states, where they stay until [`World::release`] or until a call changes them.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn hold_both(&self, id: &str, outbound: OutboundStatus, inbound: Option<InboundStatus>) {
        self.change(id, |row, now, _| row.set(outbound, inbound, now));
    }

    /// Lets a connection that was held go on.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn release(&self, id: &str) {
        self.change(id, Row::proceed);
    }

    /// The leader's owner accepts.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn accept_by_hand(&self, id: &str) {
        self.change(id, Row::accept);
    }

    /// The leader's owner refuses.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn reject(&self, id: &str) {
        self.change(id, Row::reject);
    }

    /// The owner of one side deletes the connection.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn delete_by_hand(&self, id: &str, side: Side) {
        self.change(id, |row, now, timing| row.delete(now, side, timing));
    }

    /// One side lists the connection no longer, as after 15 days.
    ///
    /// # Panics
    /// When there is no such connection.
    pub fn forget(&self, id: &str, side: Side) {
        self.change(id, |row, _, _| row.forget(side));
    }

    /// Somebody else's claim.
    pub fn claim_by_hand(&self, name: &str, text: &str) {
        self.now().write_claim(name, text);
    }

    /// What [`crate::Stacks`] says of a resource from now on.
    pub fn stack_resource(&self, stack_id: &str, logical_id: &str, resource: StackResource) {
        self.now().stacks.insert((stack_id.to_owned(), logical_id.to_owned()), resource);
    }

    /// [`crate::Stacks`] knows nothing of the resource from now on.
    pub fn forget_stack_resource(&self, stack_id: &str, logical_id: &str) {
        self.now().stacks.remove(&(stack_id.to_owned(), logical_id.to_owned()));
    }

    /// Takes the permission for an operation away.
    pub fn deny(&self, operation: &str) {
        self.now().denied.insert(operation.to_owned());
    }

    /// Gives the permission for an operation back.
    pub fn allow(&self, operation: &str) {
        self.now().denied.remove(operation);
    }

    /// The role is gone.
    pub fn delete_role(&self, arn: &str) {
        self.now().roles.remove(arn);
    }

    fn change(&self, id: &str, change: impl FnOnce(&mut Row, Instant, &Timing)) {
        let mut state = self.now();
        let (now, timing) = (Instant::now(), state.timing);
        let found = state.rows.iter_mut().find(|row| row.id == id);
        assert!(found.is_some(), "there is no connection `{id}` in this world");
        if let Some(row) = found {
            change(row, now, &timing);
        }
        state.advance(now);
    }
}
