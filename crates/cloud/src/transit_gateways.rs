//! Transit gateways: the peering of two of them, and the route tables that send traffic over it.
//!
//! One side requests and the other one accepts, in its own account and Region. CloudFormation can do the first only.

use std::collections::BTreeMap;
use std::fmt;

use crate::Error;
use crate::statuses::statuses;

/// A transit gateway, fully named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TransitGateway {
    /// The owner's 12 digits.
    pub account: String,
    /// The Region.
    pub region: String,
    /// Its id, `tgw-0123456789abcdef0`.
    pub id: String,
}

/// `111111111111/us-east-1/tgw-0123456789abcdef0`, as messages name a gateway.
impl fmt::Display for TransitGateway {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}/{}", self.account, self.region, self.id)
    }
}

/// A peering to request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPeering {
    /// The gateway that requests.
    pub local: TransitGateway,
    /// The gateway that accepts.
    pub remote: TransitGateway,
    /// What the attachment carries from its first moment on.
    pub tags: BTreeMap<String, String>,
}

/// A peering attachment as one side lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peering {
    /// The id of the attachment.
    pub id: String,
    /// The id of the accepter's attachment where the service gives it one of its own, as it does within one Region
    /// (hashicorp/terraform-provider-aws#24000); between Regions both sides use one id.
    pub accepter_id: Option<String>,
    /// The gateway that requested.
    pub local: TransitGateway,
    /// The gateway that accepts.
    pub remote: TransitGateway,
    /// Where it stands.
    pub state: PeeringState,
    /// What the service says about the state.
    pub message: Option<String>,
    /// The tags that this side has given it.
    pub tags: BTreeMap<String, String>,
}

statuses! {
    /// The states of a peering attachment, the same on both sides.
    PeeringState {
        /// Deprecated by the service.
        Initiating = "initiating",
        /// The request is on its way to the other side.
        InitiatingRequest = "initiatingRequest",
        /// The other side has to accept.
        PendingAcceptance = "pendingAcceptance",
        /// A change is being taken back.
        RollingBack = "rollingBack",
        /// Accepted, being set up.
        Pending = "pending",
        /// It works.
        Available = "available",
        /// Being changed.
        Modifying = "modifying",
        /// Being removed, by either side.
        Deleting = "deleting",
        /// Removed; stays listed for hours.
        Deleted = "deleted",
        /// The gateways cannot be peered; nothing follows.
        Failed = "failed",
        /// The other side refused; nothing follows.
        Rejected = "rejected",
        /// The other side is refusing.
        Rejecting = "rejecting",
        /// It is about to be failed.
        Failing = "failing",
    }
}

/// A static route of a transit gateway's route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayRoute {
    /// The attachment it points to; none for a route that drops on purpose.
    pub attachment: Option<String>,
    /// Where it stands.
    pub state: GatewayRouteState,
}

statuses! {
    /// The states of a route.
    GatewayRouteState {
        /// Being made.
        Pending = "pending",
        /// It works.
        Active = "active",
        /// It drops: its attachment is gone, or it was made to.
        Blackhole = "blackhole",
        /// Being removed.
        Deleting = "deleting",
        /// Removed.
        Deleted = "deleted",
    }
}

/// Which route table decides about what comes out of an attachment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// The route table.
    pub table: String,
    /// Where it stands.
    pub state: AssociationState,
}

statuses! {
    /// The states of an association.
    AssociationState {
        /// Being made.
        Associating = "associating",
        /// It works.
        Associated = "associated",
        /// Being removed.
        Disassociating = "disassociating",
        /// Removed.
        Disassociated = "disassociated",
    }
}

/// Transit gateways as one account and Region sees them.
///
/// # Assumptions
/// A peering is accepted in the accepter's account and Region; from anywhere else it is not found.
///
/// # Caveats
/// - There is no client token: two requests make two attachments, or the second one fails because the pair is peered.
/// - What was just requested may not be listed yet, on either side.
/// - A deleted, failed or rejected attachment stays listed for hours.
/// - A static route outlives its attachment: it then drops what it matches.
pub trait TransitGateways: Send + Sync {
    /// Requests a peering (`CreateTransitGatewayPeeringAttachment`). Its success proves nothing: the service validates
    /// afterwards.
    fn request_peering(&self, new: &NewPeering) -> impl Future<Output = Result<Peering, Error>> + Send;
    /// All peerings of this gateway, whoever requested them, all pages (`DescribeTransitGatewayPeeringAttachments`).
    fn peerings(&self, gateway: &str) -> impl Future<Output = Result<Vec<Peering>, Error>> + Send;
    /// Accepts (`AcceptTransitGatewayPeeringAttachment`).
    fn accept_peering(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Removes, from either side (`DeleteTransitGatewayPeeringAttachment`).
    fn delete_peering(&self, id: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// The route table that an attachment is associated with (`DescribeTransitGatewayAttachments`).
    fn association(
        &self,
        attachment: &str,
    ) -> impl Future<Output = Result<Option<Association>, Error>> + Send;
    /// Associates an attachment with a route table (`AssociateTransitGatewayRouteTable`).
    fn associate(&self, table: &str, attachment: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// Ends that (`DisassociateTransitGatewayRouteTable`).
    fn disassociate(&self, table: &str, attachment: &str) -> impl Future<Output = Result<(), Error>> + Send;
    /// The static route of a table for exactly this range (`SearchTransitGatewayRoutes`).
    fn route(
        &self,
        table: &str,
        cidr: &str,
    ) -> impl Future<Output = Result<Option<GatewayRoute>, Error>> + Send;
    /// Adds a static route (`CreateTransitGatewayRoute`).
    fn create_route(
        &self,
        table: &str,
        cidr: &str,
        attachment: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;
    /// Removes a static route (`DeleteTransitGatewayRoute`).
    fn delete_route(&self, table: &str, cidr: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
