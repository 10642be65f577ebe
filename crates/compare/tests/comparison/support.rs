//! Two clusters in memory with the same documents.

use std::time::Duration;

use cloud::fake::{SearchSession, World};
use cloud::{Access, Caller, Cloud, Endpoint};
use compare::{Comparison, Near};
use serde_json::json;

pub(crate) const LEADER: &str = "leader.example";
pub(crate) const FOLLOWER: &str = "follower.example";
const ACCOUNT: &str = "222222222222";

/// `d0`, `d1` and so on.
pub(crate) fn numbered(count: u32) -> Vec<(String, u32)> {
    (0..count).map(|number| (format!("d{number}"), number)).collect()
}

/// The leader's `l1` and the follower's `f1`, equal. Nothing copies: every test says what the follower has.
pub(crate) fn world(documents: u32, shards: u32) -> World {
    let own = World::own_role(ACCOUNT);
    let world = World::new(ACCOUNT, "us-west-2")
        .with_cluster(LEADER)
        .with_cluster(FOLLOWER)
        .with_mapping(LEADER, "all_access", &own)
        .with_mapping(FOLLOWER, "all_access", &own);
    for (host, index) in [(LEADER, "l1"), (FOLLOWER, "f1")] {
        let settings = json!({ "number_of_shards": shards.to_string() });
        world.describe_index(host, index, &json!({}), &settings, &json!({}));
        let documents = numbered(documents);
        let documents: Vec<_> = documents.iter().map(|(id, number)| (id.as_str(), *number)).collect();
        world.write_documents(host, index, &documents);
    }
    world
}

pub(crate) fn access(host: &str, caller: Caller) -> Access {
    Access { endpoint: Endpoint::parse(host).unwrap(), region: "us-east-1".to_owned(), caller }
}

pub(crate) async fn near(world: &World, host: &str) -> Near<SearchSession> {
    Near(world.search(&access(host, Caller::Own)).await.unwrap())
}

pub(crate) fn comparison() -> Comparison {
    Comparison { patience: Duration::from_secs(10), ..Comparison::new("l1", "f1") }
}
