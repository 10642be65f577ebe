//! What Tandem offers: one custom resource kind, one file.
//!
//! This crate decides what to do and in which order.
//! It makes no network call, reads no clock and knows no SDK: it sees ports of `cloud` and deadlines of `wait`.

mod claim;
mod connection;
mod domain;
mod egress;
mod far;
mod follower_index;
mod replication;
mod replication_rule;
mod role_mapping;
mod transit_gateway_peering;

use std::sync::Arc;

use cloud::Cloud;
use custom_resource::Kind;

pub use connection::{Connection, Identity, Spec};
pub use egress::{EGRESS_PERMISSIONS, Egress};
pub use follower_index::{FollowerIndex, Identity as FollowerIndexIdentity, Spec as FollowerIndexSpec};
pub use replication_rule::{
    Identity as ReplicationRuleIdentity, ReplicationRule, Spec as ReplicationRuleSpec,
};
pub use role_mapping::{Identity as RoleMappingIdentity, RoleMapping, Spec as RoleMappingSpec};
pub use transit_gateway_peering::{Identity as PeeringIdentity, Spec as PeeringSpec, TransitGatewayPeering};

/// The registry: every kind a function serves.
pub fn kinds<C: Cloud>(cloud: &Arc<C>) -> Vec<Kind> {
    vec![
        Kind::new(Connection::new(Arc::clone(cloud))),
        Kind::new(TransitGatewayPeering::new(Arc::clone(cloud))),
        Kind::new(RoleMapping::new(Arc::clone(cloud))),
        Kind::new(FollowerIndex::new(Arc::clone(cloud))),
        Kind::new(ReplicationRule::new(Arc::clone(cloud))),
    ]
}

/// What the kinds need of IAM, for the templates to grant and for a reader to judge.
pub const PERMISSIONS: &[(&str, Permissions)] = &[
    ("Custom::CrossClusterConnection", connection::PERMISSIONS),
    ("Custom::TransitGatewayPeering", transit_gateway_peering::PERMISSIONS),
    ("Custom::RoleMapping", role_mapping::PERMISSIONS),
    ("Custom::FollowerIndex", follower_index::PERMISSIONS),
    ("Custom::ReplicationRule", replication_rule::PERMISSIONS),
];

/// The actions of one kind, by the account that grants them.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Permissions {
    /// In the follower's account, on its side of the service.
    pub follower: &'static [&'static str],
    /// In the leader's account, through the accepter role when that is another account.
    pub leader: &'static [&'static str],
    /// What the function itself needs, whatever kind it serves.
    pub function: &'static [&'static str],
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::PERMISSIONS;

    /// The templates are checked against the file, so that no policy grants more or less than the kinds call.
    #[test]
    fn the_checked_in_permissions_are_those_of_the_kinds() {
        let kinds: BTreeMap<_, _> = PERMISSIONS.iter().copied().collect();
        let checked_in: serde_json::Value =
            serde_json::from_str(include_str!("../permissions.json")).unwrap();
        assert_eq!(serde_json::to_value(kinds).unwrap(), checked_in);
    }
}
