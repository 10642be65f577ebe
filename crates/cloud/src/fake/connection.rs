//! A connection as a test sees it: from above, with both sides.

use crate::{Domain, InboundStatus, OutboundStatus};

/// One of the two sides of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The side that requests: outbound, local.
    Follower,
    /// The side that accepts: inbound, remote.
    Leader,
}

impl Side {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Follower => Self::Leader,
            Self::Leader => Self::Follower,
        }
    }
}

/// A connection as it is, seen from above: whatever is listed or not yet listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// The id, the same on both sides.
    pub id: String,
    /// The alias.
    pub alias: String,
    /// The follower.
    pub local: Domain,
    /// The leader.
    pub remote: Domain,
    /// The follower's side; none once it is no longer listed.
    pub outbound: Option<OutboundStatus>,
    /// The leader's side; none before `PENDING_ACCEPTANCE` and once it is no longer listed.
    pub inbound: Option<InboundStatus>,
    /// What the service says about the status.
    pub message: Option<String>,
}

impl Connection {
    /// True until both sides are DELETED or gone: refused and failed connections are somebody's to delete, too.
    pub fn is_live(&self) -> bool {
        self.outbound.as_ref().is_some_and(|status| *status != OutboundStatus::Deleted)
            || self.inbound.as_ref().is_some_and(|status| *status != InboundStatus::Deleted)
    }
}
