//! Domains with their APIs on the bench: two clusters, who is mapped to what, and the properties of the data kinds.

use cloud::fake::World;
use serde_json::{Value, json};

use crate::support;

pub const LEADER: &str = "search-leader.us-east-1.es.amazonaws.com";
pub const FOLLOWER: &str = "search-follower.us-west-2.es.amazonaws.com";
pub const ALIAS: &str = "leader-alias";
pub const LEADER_ROLE: &str = "cross_cluster_replication_leader_full_access";
pub const FOLLOWER_ROLE: &str = "cross_cluster_replication_follower_full_access";
pub const ROLE_MAPPING: &str = "Custom::RoleMapping";
pub const FOLLOWER_INDEX: &str = "Custom::FollowerIndex";
pub const REPLICATION_RULE: &str = "Custom::ReplicationRule";
/// Whom the mapping of the tests lets in.
pub const REPLICATOR: &str = "arn:aws:iam::222222222222:role/replicator";

/// The ARN of the function's role.
pub fn own_role() -> String {
    World::own_role(support::FOLLOWER)
}

/// A leader with an index of three documents and a follower, connected, with the function mapped on both as replication
/// needs it, and an administrator of both.
pub fn world() -> World {
    let world = unmapped().with_mapping(LEADER, "all_access", &own_role()).with_mapping(
        FOLLOWER,
        "all_access",
        &own_role(),
    );
    world.make_role(LEADER, "replicator", &["indices:admin/plugins/replication/index/setup/validate"]);
    world.make_role(FOLLOWER, "replicator", &["*admin/plugins/replication/*"]);
    world.map_by_hand(LEADER, "replicator", "backend_roles", &own_role());
    world.map_by_hand(FOLLOWER, "replicator", "backend_roles", &own_role());
    world
}

/// The same, where the function is mapped nowhere.
pub fn unmapped() -> World {
    let world = World::new(support::FOLLOWER, "us-west-2")
        .with_role(support::ROLE, support::LEADER, "the-external-id")
        .with_cluster(LEADER)
        .with_cluster(FOLLOWER)
        .with_remote(FOLLOWER, ALIAS, LEADER);
    world.write_documents(LEADER, "logs", &[("a", 1), ("b", 2), ("c", 3)]);
    world
}

/// The properties of an index that follows, and goes with its stack.
pub fn follower_index() -> Value {
    json!({
        "Endpoint": FOLLOWER,
        "ConnectionAlias": ALIAS,
        "LeaderIndex": "logs",
        "LeaderEndpoint": LEADER,
        "LeaderRegion": "us-east-1",
        "LeaderRole": "replicator",
        "FollowerRole": "replicator",
        "WhenDeleted": "StopAndDelete",
        "WaitFor": "Syncing",
        "ServiceTimeout": "3600",
    })
}

/// The same with a setting of its own.
pub fn with_settings() -> Value {
    let mut properties = follower_index();
    properties["Settings"] = json!({ "index.number_of_replicas": "0" });
    properties
}

/// The properties of a mapping on the follower.
pub fn role_mapping() -> Value {
    json!({
        "Endpoint": FOLLOWER,
        "Role": FOLLOWER_ROLE,
        "BackendRoles": [REPLICATOR],
        "ServiceTimeout": "3600",
    })
}

/// The properties of a rule for all that begins with `logs`.
pub fn replication_rule() -> Value {
    json!({
        "Endpoint": FOLLOWER,
        "ConnectionAlias": ALIAS,
        "Name": "all-logs",
        "Pattern": "logs*",
        "LeaderRole": "replicator",
        "FollowerRole": "replicator",
        "LeaderEndpoint": LEADER,
        "LeaderRegion": "us-east-1",
        "WaitFor": "Syncing",
        "ServiceTimeout": "3600",
    })
}

/// The same kinds, with the documents of both sides compared.
pub fn equal_index() -> Value {
    let mut properties = follower_index();
    properties["WaitFor"] = json!("Equal");
    properties
}

/// The same for a rule.
pub fn equal_rule() -> Value {
    let mut properties = replication_rule();
    properties["WaitFor"] = json!("Equal");
    properties
}
