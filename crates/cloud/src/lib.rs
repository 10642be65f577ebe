//! Ports to AWS: small traits with our own types and errors.
//!
//! A port is one capability with three to ten methods, and one method is one API operation.
//! [`sdk`] has the real ones and no decision; [`fake`] has a world in memory that behaves as the services do, and a
//! decorator that fails, throttles, delays, cancels or loses the response of chosen calls.
//! Nothing here knows CloudFormation's protocol or what a kind wants.

mod bounds;
mod claims;
mod connections;
mod error;
#[cfg(feature = "fake")]
pub mod fake;
mod function;
mod instances;
mod peer;
mod place;
mod reach;
#[cfg(feature = "sdk")]
pub mod sdk;
mod search;
mod stacks;
mod statuses;
mod transit_gateways;

pub use bounds::{Bounded, Bounds, NotAnEndpoint};
pub use claims::{Claimed, Claims, Recorded};
pub use connections::{
    Connections, Domain, Filter, Inbound, InboundStatus, Mode, NewConnection, Outbound, OutboundStatus,
    SkipUnavailable,
};
pub use error::{Code, Error};
pub use function::Function;
pub use instances::{Instance, InstanceState, Instances};
pub use peer::{Peer, PeerAddress, QUESTIONS};
pub use place::{AssumedRole, Place};
pub use reach::Reach;
pub use search::{Access, Answer, Caller, Endpoint, Method, Refusal, Search, SearchError, segment};
pub use stacks::{StackResource, Stacks};
pub use transit_gateways::{
    Association, AssociationState, GatewayRoute, GatewayRouteState, NewPeering, Peering, PeeringState,
    TransitGateway, TransitGateways,
};

/// Everything a kind may reach, so that a kind names one type and a test swaps one.
pub trait Cloud: Send + Sync + 'static {
    /// Connections as seen from one account and Region.
    type Connections: Connections;
    /// Transit gateways as seen from one account and Region.
    type TransitGateways: TransitGateways;
    /// A domain's REST API as one caller sees it.
    type Search: Search;
    /// A function of another side, as one caller invokes it.
    type Peer: Peer;
    /// The record of who owns what.
    type Claims: Claims;

    /// Opens a session in an account and Region: with the function's own credentials, or by assuming the role.
    ///
    /// A role that cannot be assumed is an error here, before anything was changed.
    fn connections(&self, place: &Place) -> impl Future<Output = Result<Self::Connections, Error>> + Send;

    /// The same for transit gateways.
    fn transit_gateways(
        &self,
        place: &Place,
    ) -> impl Future<Output = Result<Self::TransitGateways, Error>> + Send;

    /// The REST API of a domain. A role that cannot be assumed and a secret that cannot be read are errors here.
    fn search(&self, access: &Access) -> impl Future<Output = Result<Self::Search, Error>> + Send;

    /// A function of another side. A role that cannot be assumed is an error here.
    fn peer(&self, address: &PeerAddress) -> impl Future<Output = Result<Self::Peer, Error>> + Send;

    /// The claims of the function's own account and Region.
    fn claims(&self) -> &Self::Claims;
}
