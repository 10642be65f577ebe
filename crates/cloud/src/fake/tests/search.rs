//! The clusters in memory answer as the real ones were recorded to answer.

use serde_json::{Value, json};

use super::FOLLOWER;
use crate::fake::World;
use crate::{Access, Caller, Cloud, Endpoint, Method, Search};

const LEADER: &str = "leader.example";
const NEAR: &str = "follower.example";
const MAPPINGS: &str = "_plugins/_security/api/rolesmapping";
const FULL: &str = "cross_cluster_replication_follower_full_access";

fn world() -> World {
    let world = World::new(FOLLOWER, "us-west-2")
        .with_cluster(LEADER)
        .with_cluster(NEAR)
        .with_remote(NEAR, "conn", LEADER)
        .with_mapping(LEADER, "all_access", &World::own_role(FOLLOWER))
        .with_mapping(NEAR, "all_access", &World::own_role(FOLLOWER));
    world.write_documents(LEADER, "l1", &[("a", 1)]);
    world
}

/// Status, type and reason of the answer, or its body.
async fn ask(world: &World, method: Method, path: &str, body: Option<Value>) -> String {
    let endpoint = Endpoint::parse(NEAR).unwrap();
    let access = Access { endpoint, region: "us-west-2".to_owned(), caller: Caller::Own };
    let session = world.search(&access).await.unwrap();
    match session.send(method, path, body.as_ref()).await {
        Ok(answer) => answer.body.to_string(),
        Err(error) => error.refusal().map_or_else(|| error.to_string(), ToString::to_string),
    }
}

fn start(leader_index: &str) -> Value {
    let roles = json!({ "leader_cluster_role": "all_access", "follower_cluster_role": "all_access" });
    json!({ "leader_alias": "conn", "leader_index": leader_index, "use_roles": roles })
}

#[tokio::test(start_paused = true)]
async fn the_security_plugins_mappings_answer_as_recorded() {
    let world = world();
    let patch = |operations| ask(&world, Method::Patch, MAPPINGS, Some(operations));
    let role = format!("{MAPPINGS}/{FULL}");
    assert_eq!(
        ask(&world, Method::Get, &role, None).await,
        format!("HTTP 404 NOT_FOUND: rolesmapping '{FULL}' not found.")
    );
    let end = format!("/{FULL}/backend_roles/-");
    assert_eq!(
        patch(json!([{ "op": "add", "path": end, "value": "x" }])).await,
        format!("HTTP 400 BAD_REQUEST: Missing field \"{FULL}\"")
    );
    let lists = json!({ "backend_roles": ["x"] });
    patch(json!([{ "op": "add", "path": format!("/{FULL}"), "value": lists }])).await;
    patch(json!([{ "op": "add", "path": end, "value": "y" }])).await;
    let shown: Value = serde_json::from_str(&ask(&world, Method::Get, &role, None).await).unwrap();
    assert_eq!(shown[FULL]["backend_roles"], json!(["x", "y"]));
    assert_eq!(shown[FULL]["users"], json!([]), "shown though it was never given");
    for (operation, answer) in [
        (
            json!({ "op": "add", "path": format!("/{FULL}/users/-"), "value": "u" }),
            "HTTP 400 BAD_REQUEST: Missing field \"users\"",
        ),
        (
            json!({ "op": "remove", "path": format!("/{FULL}/backend_roles/7") }),
            "HTTP 400 BAD_REQUEST: Array index 7 out of bounds",
        ),
        (
            json!({ "op": "test", "path": format!("/{FULL}/backend_roles"), "value": [] }),
            "HTTP 400 BAD_REQUEST: Unsupported patch operation: test. Supported are: remove,add,replace",
        ),
        (json!({ "op": "add", "path": "/nope", "value": {} }), "HTTP 404 NOT_FOUND: role 'nope' not found."),
    ] {
        assert_eq!(patch(json!([operation])).await, answer);
    }
    assert_eq!(world.mapped(NEAR, FULL, "backend_roles"), ["x", "y"], "what is refused changes nothing");
}

#[tokio::test(start_paused = true)]
async fn the_replication_plugin_answers_as_recorded() {
    let world = world();
    let api = |path: &str| format!("_plugins/_replication/{path}");
    let call = async |method, path: &str, body| ask(&world, method, &api(path), body).await;
    assert_eq!(call(Method::Get, "f1/_status", None).await, r#"{"status":"REPLICATION NOT IN PROGRESS"}"#);
    for (body, answer) in [
        (start("nope"), "HTTP 404 index_not_found_exception: no such index [nope]"),
        (
            json!({ "leader_alias": "conn", "leader_index": "l1" }),
            "HTTP 403 security_exception: Follower roles are mandatory for replication",
        ),
    ] {
        assert_eq!(call(Method::Put, "f1/_start", Some(body)).await, answer);
    }
    call(Method::Put, "f1/_start", Some(start("l1"))).await;
    assert_eq!(
        call(Method::Put, "f1/_start", Some(start("l1"))).await,
        "HTTP 400 illegal_argument_exception: Cant use same index again for replication. Delete the index:f1"
    );
    assert_eq!(
        call(Method::Post, "f1/_pause", Some(json!({}))).await,
        "HTTP 500 exception: Index is in restore phase currently for index: f1. You can pause after restore completes."
    );
    crate::fake::pause(std::time::Duration::from_secs(3)).await;
    let status: Value = serde_json::from_str(&call(Method::Get, "f1/_status", None).await).unwrap();
    assert_eq!((&status["status"], &status["leader_index"]), (&json!("SYNCING"), &json!("l1")));
    assert!(ask(&world, Method::Delete, "f1", None).await.starts_with("HTTP 403 cluster_block_exception"));
    world.set_cluster_down(LEADER, true);
    assert_eq!(
        call(Method::Get, "f1/_status", None).await,
        "HTTP 500 replication_exception: failed to fetch replication status"
    );
    assert_eq!(call(Method::Post, "f1/_stop", Some(json!({}))).await, r#"{"acknowledged":true}"#);
    assert_eq!(
        call(Method::Post, "f1/_stop", Some(json!({}))).await,
        "HTTP 400 illegal_argument_exception: No replication in progress for index:f1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_made_twice_is_overwritten_and_refused() {
    let world = world();
    let rule = |pattern: &str| {
        let mut body = start("");
        body["name"] = "r1".into();
        body["pattern"] = pattern.into();
        Some(body)
    };
    let path = "_plugins/_replication/_autofollow";
    ask(&world, Method::Post, path, rule("l*")).await;
    assert_eq!(
        ask(&world, Method::Post, path, rule("zz*")).await,
        "HTTP 500 exception: Exisiting autofollow replication rule cannot be recreated/updated \
         (resource_already_exists_exception: task with id {autofollow:conn:r1} already exist)"
    );
    assert!(world.rules(NEAR)[0].contains("zz*"), "{:?}", world.rules(NEAR));
    let delete = Some(json!({ "leader_alias": "conn", "name": "r1" }));
    ask(&world, Method::Delete, path, delete.clone()).await;
    assert_eq!(
        ask(&world, Method::Delete, path, delete).await,
        "HTTP 500 exception: Autofollow replication rule conn:r1 does not exist"
    );
}
