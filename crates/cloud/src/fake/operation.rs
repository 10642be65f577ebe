//! The names of the operations, as errors, the journal and [`Faulty`](super::Faulty) spell them.

pub(super) const REQUEST: &str = "CreateOutboundConnection";
pub(super) const OUTBOUND: &str = "DescribeOutboundConnections";
pub(super) const INBOUND: &str = "DescribeInboundConnections";
pub(super) const ACCEPT: &str = "AcceptInboundConnection";
pub(super) const REJECT: &str = "RejectInboundConnection";
pub(super) const DELETE_OUTBOUND: &str = "DeleteOutboundConnection";
pub(super) const DELETE_INBOUND: &str = "DeleteInboundConnection";
pub(super) const REQUEST_PEERING: &str = "CreateTransitGatewayPeeringAttachment";
pub(super) const PEERINGS: &str = "DescribeTransitGatewayPeeringAttachments";
pub(super) const ACCEPT_PEERING: &str = "AcceptTransitGatewayPeeringAttachment";
pub(super) const DELETE_PEERING: &str = "DeleteTransitGatewayPeeringAttachment";
pub(super) const ATTACHMENTS: &str = "DescribeTransitGatewayAttachments";
pub(super) const ASSOCIATE: &str = "AssociateTransitGatewayRouteTable";
pub(super) const DISASSOCIATE: &str = "DisassociateTransitGatewayRouteTable";
pub(super) const ROUTES: &str = "SearchTransitGatewayRoutes";
pub(super) const CREATE_ROUTE: &str = "CreateTransitGatewayRoute";
pub(super) const DELETE_ROUTE: &str = "DeleteTransitGatewayRoute";
pub(super) const ASSUME_ROLE: &str = "AssumeRole";
/// A session with the function's own credentials: a port call, though no call to AWS.
pub(super) const SESSION: &str = "session";
pub(super) const PUT_PARAMETER: &str = "PutParameter";
pub(super) const GET_PARAMETER: &str = "GetParameter";
pub(super) const DELETE_PARAMETER: &str = "DeleteParameter";
pub(super) const GET_SECRET: &str = "GetSecretValue";
pub(super) const STACK_RESOURCE: &str = "DescribeStackResource";
pub(super) const INVOKE: &str = "Invoke";
