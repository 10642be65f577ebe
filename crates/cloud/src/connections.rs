//! Cross-cluster connections between two domains, as either side sees them.
//!
//! The follower requests ("local", "source", "outbound" in the API's words); the leader accepts ("remote",
//! "destination", "inbound"). Both sides use the same connection id.

use std::fmt;

use crate::Error;
use crate::statuses::statuses;

/// A domain, fully named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Domain {
    /// The owner's 12 digits.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The domain's name, not its ARN.
    pub name: String,
}

/// `111111111111/us-east-1/leader`, as messages name a domain.
impl fmt::Display for Domain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account, self.region, self.name)
    }
}

/// What the connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Cross-cluster search and replication.
    Direct,
    /// Remote reindex between VPC domains.
    VpcEndpoint,
}

/// Whether a search returns partial results when the leader is down. A search setting, not a replication one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipUnavailable {
    /// Partial results.
    Enabled,
    /// The search fails.
    Disabled,
}

/// A connection to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewConnection {
    /// The name that the follower's requests use for the leader; unique on the follower domain.
    pub alias: String,
    /// The follower.
    pub local: Domain,
    /// The leader.
    pub remote: Domain,
    /// What it is for.
    pub mode: Mode,
    /// See [`SkipUnavailable`].
    pub skip_unavailable: SkipUnavailable,
}

/// A connection as the follower's side lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// The id, the same on both sides.
    pub id: String,
    /// The alias.
    pub alias: String,
    /// The follower.
    pub local: Domain,
    /// The leader.
    pub remote: Domain,
    /// Where it stands.
    pub status: OutboundStatus,
    /// What the service says about the status.
    pub message: Option<String>,
    /// What it is for; none where the service does not say, which it does not for connections older than the setting.
    pub mode: Option<Mode>,
    /// See [`SkipUnavailable`].
    pub skip_unavailable: Option<SkipUnavailable>,
    /// The endpoint of the leader, in mode `VPC_ENDPOINT`, once accepted.
    pub endpoint: Option<String>,
}

/// A connection as the leader's side lists it: without the alias, which is the follower's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inbound {
    /// The id, the same on both sides.
    pub id: String,
    /// The follower.
    pub local: Domain,
    /// The leader.
    pub remote: Domain,
    /// Where it stands.
    pub status: InboundStatus,
    /// What the service says about the status.
    pub message: Option<String>,
}

/// Which connections to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Filter<'a> {
    /// The one with this id.
    Id(&'a str),
    /// All whose follower is the domain of this name.
    LocalDomain(&'a str),
}

statuses! {
    /// The ten states of the follower's side.
    OutboundStatus {
        /// The service checks both domains.
        Validating = "VALIDATING",
        /// The domains cannot be connected; nothing follows.
        ValidationFailed = "VALIDATION_FAILED",
        /// The leader has to accept.
        PendingAcceptance = "PENDING_ACCEPTANCE",
        /// Accepted.
        Approved = "APPROVED",
        /// Accepted, being set up.
        Provisioning = "PROVISIONING",
        /// It works.
        Active = "ACTIVE",
        /// The leader is refusing.
        Rejecting = "REJECTING",
        /// The leader refused; nothing follows.
        Rejected = "REJECTED",
        /// Being removed, by either side.
        Deleting = "DELETING",
        /// Removed; stays listed for 15 days.
        Deleted = "DELETED",
    }
}

statuses! {
    /// The eight states of the leader's side.
    InboundStatus {
        /// Waits for this side to accept.
        PendingAcceptance = "PENDING_ACCEPTANCE",
        /// Accepted.
        Approved = "APPROVED",
        /// Accepted, being set up.
        Provisioning = "PROVISIONING",
        /// It works.
        Active = "ACTIVE",
        /// Being refused.
        Rejecting = "REJECTING",
        /// Refused.
        Rejected = "REJECTED",
        /// Being removed, by either side.
        Deleting = "DELETING",
        /// Removed; stays listed for 15 days.
        Deleted = "DELETED",
    }
}

/// Connections as one account and Region sees them.
///
/// # Assumptions
/// Every operation of the follower's side goes to the follower's Region, every one of the leader's side to the
/// leader's: the service answers `ResourceNotFound` for a connection it does not see from there
/// (hashicorp/terraform-provider-aws#44599).
///
/// # Caveats
/// - There is no client token: two requests make two connections, or the second fails because the alias is taken.
/// - What was just requested may not be listed yet, on either side.
/// - A deleted connection stays listed for 15 days.
pub trait Connections: Send + Sync {
    /// Requests a connection (`CreateOutboundConnection`). Its success proves nothing: the service validates afterwards.
    fn request(&self, new: &NewConnection) -> impl Future<Output = Result<Outbound, Error>> + Send;
    /// All connections that leave this account and Region, all pages (`DescribeOutboundConnections`).
    fn outbound(&self, filter: Filter<'_>) -> impl Future<Output = Result<Vec<Outbound>, Error>> + Send;
    /// All connections that reach this account and Region, all pages (`DescribeInboundConnections`).
    fn inbound(&self, filter: Filter<'_>) -> impl Future<Output = Result<Vec<Inbound>, Error>> + Send;
    /// Accepts as the leader (`AcceptInboundConnection`).
    fn accept(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Refuses as the leader (`RejectInboundConnection`).
    fn reject(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Removes as the follower (`DeleteOutboundConnection`).
    fn delete_outbound(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Removes as the leader (`DeleteInboundConnection`).
    fn delete_inbound(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
