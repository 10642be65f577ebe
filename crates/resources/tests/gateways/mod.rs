//! Transit gateways on the bench: the world, the properties, and the sample for the laws.

use std::time::Duration;

use cloud::TransitGateway;
use cloud::fake::{Quirk, Timing, World};
use serde_json::{Value, json};

use crate::support::{FOLLOWER, LEADER, ROLE, changed};

pub const KIND: &str = "Custom::TransitGatewayPeering";
pub const ID: &str = "transit-gateway-peering/222222222222/us-west-2/tgw-0f/tgw-0e";
/// The route tables of both sides, and a second one of each.
pub const NEAR: &str = "tgw-rtb-0f1";
pub const NEAR_TWO: &str = "tgw-rtb-0f2";
pub const FAR: &str = "tgw-rtb-0e1";
pub const FAR_TWO: &str = "tgw-rtb-0e2";
/// What is behind the gateways.
pub const NEAR_CIDR: &str = "10.2.0.0/16";
pub const FAR_CIDR: &str = "10.1.0.0/16";

pub fn gateway(account: &str, region: &str, id: &str) -> TransitGateway {
    TransitGateway { account: account.to_owned(), region: region.to_owned(), id: id.to_owned() }
}

pub fn near() -> TransitGateway {
    gateway(FOLLOWER, "us-west-2", "tgw-0f")
}

pub fn far() -> TransitGateway {
    gateway(LEADER, "us-east-1", "tgw-0e")
}

/// Another gateway of the leader.
pub fn far_two() -> TransitGateway {
    gateway(LEADER, "us-east-1", "tgw-0e2")
}

/// Two accounts and Regions, a gateway of the follower and two of the leader that associate nothing by themselves.
pub fn world() -> World {
    with_gateways(None, None)
}

/// The same, where the gateways associate what is attached with these tables.
pub fn with_gateways(near_default: Option<&str>, far_default: Option<&str>) -> World {
    World::new(FOLLOWER, "us-west-2")
        .with_role(ROLE, LEADER, "the-external-id")
        .with_transit_gateway(near(), near_default)
        .with_transit_gateway(far(), far_default)
        .with_transit_gateway(far_two(), None)
        .with_gateway_table(NEAR, near())
        .with_gateway_table(NEAR_TWO, near())
        .with_gateway_table(FAR, far())
        .with_gateway_table(FAR_TWO, far())
        .with_gateway_table("tgw-rtb-0e21", far_two())
}

/// The properties of the peering from [`near`] to [`far`].
pub fn properties() -> Value {
    json!({
        "LocalTransitGatewayId": "tgw-0f",
        "LocalRouteTableId": NEAR,
        "LocalCidr": NEAR_CIDR,
        "RemoteTransitGatewayId": "tgw-0e",
        "RemoteRouteTableId": FAR,
        "RemoteCidr": FAR_CIDR,
        "RemoteAccount": LEADER,
        "RemoteRegion": "us-east-1",
        "RemoteRoleArn": ROLE,
        "RemoteExternalId": "the-external-id",
        "ServiceTimeout": "3600",
    })
}

/// The same peering with other routes.
pub fn with_other_routes() -> Value {
    changed(changed(properties(), "LocalRouteTableId", NEAR_TWO), "LocalCidr", "10.3.0.0/16")
}

/// A peering with another gateway, and so with other routes in the follower's table.
pub fn with_another_gateway() -> Value {
    let other = changed(properties(), "RemoteTransitGatewayId", "tgw-0e2");
    changed(changed(other, "RemoteRouteTableId", "tgw-rtb-0e21"), "RemoteCidr", "10.9.0.0/16")
}

/// Where less is waited: laws try every call of an operation, and what they look for lies between the waits.
fn brisk(world: World) -> World {
    let provisioning = Duration::from_secs(8);
    let deleting = Duration::from_secs(8);
    world.with_timing(Timing {
        validating: Duration::from_secs(4),
        provisioning,
        deleting,
        ..Timing::default()
    })
}

/// The plain world of the laws.
pub fn plain() -> World {
    brisk(world())
}

/// Every world that the service may turn out to be.
pub fn worlds() -> [fn() -> World; 3] {
    [
        plain,
        || brisk(with_gateways(Some(NEAR), Some("their-choice"))).with_quirk(Quirk::DeletesOnlyWhatIsListed),
        || {
            plain()
                .with_quirk(Quirk::RefusesDeleteWhileSettling)
                .with_quirk(Quirk::RefusesDeleteWhileDeleting)
                .with_quirk(Quirk::DeadCannotBeDeleted)
                .with_quirk(Quirk::PairCheckSeesOnlyWhatIsListed)
        },
    ]
}
