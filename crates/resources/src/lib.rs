//! What Tandem offers: one custom resource kind, one file.
//!
//! This crate decides what to do and in which order.
//! It makes no network call, reads no clock and knows no SDK: it sees ports of `cloud` and deadlines of `wait`.

mod claim;
mod comparing;
mod connection;
mod domain;
mod egress;
mod far;
mod follower_index;
mod platform;
mod replication;
mod replication_rule;
mod role_mapping;
mod shared;
mod transit_gateway_peering;

use std::sync::Arc;

use cloud::Cloud;
use custom_resource::Kind;

pub use connection::{Connection, Identity, Spec};
pub use egress::{EGRESS_PERMISSIONS, Egress};
pub use follower_index::{FollowerIndex, Identity as FollowerIndexIdentity, Spec as FollowerIndexSpec};
pub use platform::Platform;
pub use replication_rule::{
    Identity as ReplicationRuleIdentity, ReplicationRule, Spec as ReplicationRuleSpec,
};
pub use role_mapping::{Identity as RoleMappingIdentity, RoleMapping, Spec as RoleMappingSpec};
pub use transit_gateway_peering::{Identity as PeeringIdentity, Spec as PeeringSpec, TransitGatewayPeering};

/// The registry: every kind there is.
pub fn kinds<C: Cloud>(cloud: &Arc<C>) -> Vec<Kind> {
    vec![
        Kind::new(Connection::new(Arc::clone(cloud))),
        Kind::new(TransitGatewayPeering::new(Arc::clone(cloud))),
        Kind::new(RoleMapping::new(Arc::clone(cloud))),
        Kind::new(FollowerIndex::new(Arc::clone(cloud))),
        Kind::new(ReplicationRule::new(Arc::clone(cloud))),
    ]
}

/// What each of them needs, for the templates to grant and for a reader to judge.
pub const KINDS: &[(&str, Needs)] = &[
    ("Custom::CrossClusterConnection", Needs { reach: Reach::Api, permissions: connection::PERMISSIONS }),
    (
        "Custom::TransitGatewayPeering",
        Needs { reach: Reach::Api, permissions: transit_gateway_peering::PERMISSIONS },
    ),
    ("Custom::RoleMapping", Needs { reach: Reach::Domain, permissions: role_mapping::PERMISSIONS }),
    ("Custom::FollowerIndex", Needs { reach: Reach::Domain, permissions: follower_index::PERMISSIONS }),
    ("Custom::ReplicationRule", Needs { reach: Reach::Domain, permissions: replication_rule::PERMISSIONS }),
];

/// Those of the names, separated by commas: one program is deployed as several functions, each with the kinds, the
/// permissions and the network of its own. No name: all of them.
pub fn kinds_named<C: Cloud>(names: &str, cloud: &Arc<C>) -> Result<Vec<Kind>, UnknownKind> {
    let names: Vec<_> = names.split(',').map(str::trim).filter(|name| !name.is_empty()).collect();
    if let Some(unknown) = names.iter().find(|name| !KINDS.iter().any(|(known, _)| known == *name)) {
        return Err(UnknownKind((*unknown).to_owned()));
    }
    let is_named = |kind: &Kind| names.is_empty() || names.contains(&kind.type_name());
    Ok(kinds(cloud).into_iter().filter(is_named).collect())
}

/// A name that is none of a kind.
#[derive(Debug, thiserror::Error)]
#[error("KINDS names `{0}`, which is no kind: expected, separated by commas, some of {all}", all = names())]
pub struct UnknownKind(String);

fn names() -> String {
    KINDS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

/// What a kind needs to work.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct Needs {
    /// Where it has to get to.
    pub reach: Reach,
    /// What it has to be allowed.
    #[serde(flatten)]
    pub permissions: Permissions,
}

/// The network that a kind needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// AWS's own APIs, which are public.
    Api,
    /// The REST API of a domain too, which may be in a VPC.
    Domain,
}

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

    use std::sync::Arc;

    use custom_resource::Kind;

    use super::{KINDS, kinds_named};

    /// The templates are checked against the file, so that no policy grants more or less than the kinds call.
    #[test]
    fn the_checked_in_permissions_are_those_of_the_kinds() {
        let kinds: BTreeMap<_, _> = KINDS.iter().copied().collect();
        let checked_in: serde_json::Value =
            serde_json::from_str(include_str!("../permissions.json")).unwrap();
        assert_eq!(serde_json::to_value(kinds).unwrap(), checked_in);
    }

    #[test]
    fn a_function_serves_the_kinds_that_are_named() {
        let cloud = Arc::new(cloud::fake::World::new("222222222222", "us-west-2"));
        let named = |names: &str| {
            kinds_named(names, &cloud).map(|kinds| kinds.iter().map(Kind::type_name).collect::<Vec<_>>())
        };
        let all: Vec<_> = KINDS.iter().map(|(name, _)| *name).collect();
        assert_eq!(named("").unwrap(), all);
        assert_eq!(
            named("Custom::ReplicationRule, Custom::RoleMapping").unwrap(),
            vec!["Custom::RoleMapping", "Custom::ReplicationRule"]
        );
        let unknown = named("Custom::RoleMaping").unwrap_err().to_string();
        assert!(
            unknown.starts_with("KINDS names `Custom::RoleMaping`, which is no kind: expected"),
            "{unknown}"
        );
    }
}
