//! `Custom::RoleMapping` against clusters in memory: what it adds, what it leaves alone, and every Reason.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::allow_attributes,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::large_futures,
    clippy::unwrap_used,
    reason = "tests may panic and sleep on the paused clock; each uses its part of the bench"
)]

mod data;
mod support;

use std::time::Duration;

use cloud::fake::World;
use custom_resource::testing::{create, delete, update};
use insta::assert_snapshot;
use serde_json::{Value, json};

use data::{FOLLOWER, FOLLOWER_ROLE, REPLICATOR, ROLE_MAPPING, own_role, role_mapping, world};
use support::{Bench, changed};

const ID: &str = "role-mapping/us-west-2/search-follower.us-west-2.es.amazonaws.com/\
                  cross_cluster_replication_follower_full_access";
const SECRET: &str = "arn:aws:secretsmanager:us-west-2:222222222222:secret:master-AbCdEf";

fn creation(properties: &Value) -> Value {
    create(ROLE_MAPPING, properties)
}

fn deletion() -> Value {
    delete(ROLE_MAPPING, ID, &role_mapping())
}

fn mapped(world: &World) -> Vec<String> {
    world.mapped(FOLLOWER, FOLLOWER_ROLE, "backend_roles")
}

#[tokio::test(start_paused = true)]
async fn the_entry_is_there_after_a_create_and_gone_after_the_delete() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&creation(&role_mapping())).await;
    assert_eq!(answer["PhysicalResourceId"], ID);
    assert_eq!(answer["Data"], json!({ "Role": FOLLOWER_ROLE, "Added": REPLICATOR }));
    assert_eq!(mapped(&bench.world), [REPLICATOR]);
    bench.success(&deletion()).await;
    bench.assert_nothing_left("Delete").await;
}

#[tokio::test(start_paused = true)]
async fn what_others_mapped_before_and_meanwhile_stays() {
    let bench = Bench::in_world(world().with_mapping(FOLLOWER, FOLLOWER_ROLE, "theirs"));
    bench.success(&creation(&role_mapping())).await;
    bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "backend_roles", "later");
    bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "users", "somebody");
    assert_eq!(mapped(&bench.world), ["theirs", REPLICATOR, "later"]);
    bench.success(&deletion()).await;
    assert_eq!(mapped(&bench.world), ["theirs", "later"]);
    assert_eq!(bench.world.mapped(FOLLOWER, FOLLOWER_ROLE, "users"), ["somebody"]);
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_was_there_before_is_not_ours_to_remove() {
    let bench = Bench::in_world(world().with_mapping(FOLLOWER, FOLLOWER_ROLE, REPLICATOR));
    let answer = bench.success(&creation(&role_mapping())).await;
    assert_eq!(answer["Data"]["Added"], "");
    assert_eq!(bench.world.calls_of("ESHttpPatch"), 0);
    bench.success(&deletion()).await;
    assert_eq!(mapped(&bench.world), [REPLICATOR]);
}

#[tokio::test(start_paused = true)]
async fn an_update_removes_what_is_wanted_no_more_and_the_way_back_restores_it() {
    let bench = Bench::in_world(world());
    let (old, new) = (role_mapping(), changed(role_mapping(), "BackendRoles", "arn:new"));
    bench.success(&creation(&old)).await;
    bench.success(&update(ROLE_MAPPING, ID, &new, &old)).await;
    assert_eq!(mapped(&bench.world), ["arn:new"]);
    let mut back = update(ROLE_MAPPING, ID, &old, &new);
    back["RequestId"] = "back".into();
    bench.success(&back).await;
    assert_eq!(mapped(&bench.world), [REPLICATOR]);
}

#[tokio::test(start_paused = true)]
async fn twenty_stacks_give_entries_to_one_role_at_once_and_none_is_lost() {
    let world = world();
    let events: Vec<_> = (0..20)
        .map(|stack| {
            let mut event = creation(&changed(role_mapping(), "BackendRoles", &format!("arn:{stack}")));
            let id = format!("arn:aws:cloudformation:us-west-2:222222222222:stack/stack-{stack}/{stack}");
            event["StackId"] = id.into();
            event
        })
        .collect();
    let benches: Vec<_> = events.iter().map(|_| Bench::in_world(world.clone())).collect();
    let answers = futures_util::future::join_all(
        benches.iter().zip(&events).map(|(bench, event)| bench.success(event)),
    );
    answers.await;
    let mut all = mapped(&world);
    all.sort();
    let mut expected: Vec<_> = (0..20).map(|stack| format!("arn:{stack}")).collect();
    expected.sort();
    assert_eq!(all, expected);
}

#[tokio::test(start_paused = true)]
async fn somebody_who_edits_at_the_same_time_loses_nothing() {
    for moment in (0..4000).step_by(25) {
        let bench = Bench::in_world(world().with_mapping(FOLLOWER, FOLLOWER_ROLE, "theirs"));
        let editor = async {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            bench.world.unmap_by_hand(FOLLOWER, FOLLOWER_ROLE, "theirs");
            bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "backend_roles", "new");
        };
        let event = creation(&role_mapping());
        tokio::join!(bench.success(&event), editor);
        let mut all = mapped(&bench.world);
        all.sort();
        assert_eq!(all, [REPLICATOR, "new"], "edited after {moment} ms");

        let editor = async {
            tokio::time::sleep(Duration::from_millis(moment)).await;
            bench.world.unmap_by_hand(FOLLOWER, FOLLOWER_ROLE, "new");
        };
        bench.world.map_by_hand(FOLLOWER, FOLLOWER_ROLE, "backend_roles", "last");
        let event = deletion();
        tokio::join!(bench.success(&event), editor);
        assert_eq!(mapped(&bench.world), ["last"], "edited {moment} ms into the deletion");
    }
}

#[tokio::test(start_paused = true)]
async fn the_user_of_a_secret_may_do_what_the_function_may_not() {
    let world = World::new(support::FOLLOWER, "us-west-2").with_cluster(FOLLOWER);
    let bench = Bench::in_world(world);
    let properties = changed(role_mapping(), "MasterSecretArn", SECRET);
    bench.success(&creation(&properties)).await;
    assert_eq!(mapped(&bench.world), [REPLICATOR]);
    bench.success(&delete(ROLE_MAPPING, ID, &properties)).await;
    bench.assert_nothing_left("Delete").await;
}

#[tokio::test(start_paused = true)]
async fn a_function_that_is_mapped_nowhere_is_told_whom_to_map_and_where() {
    let bench = Bench::in_world(World::new(support::FOLLOWER, "us-west-2").with_cluster(FOLLOWER));
    assert_snapshot!(bench.reason(&creation(&role_mapping())).await, @"cannot read who has role `cross_cluster_replication_follower_full_access` on the domain at search-follower.us-west-2.es.amazonaws.com: GET _plugins/_security/api/rolesmapping/cross_cluster_replication_follower_full_access failed: HTTP 403 FORBIDDEN: No permission to access REST API: User arn:aws:iam::222222222222:role/tandem with Security roles [] does not have any role privileged for admin access. No ssl info found in request. Map `arn:aws:iam::222222222222:role/tandem` to all_access there, as the domain's master user, or set MasterSecretArn to the secret of its master user.");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_iam_refuses_is_told_what_to_allow() {
    let bench = Bench::in_world(world());
    bench.world.deny("ESHttpPatch");
    assert_snapshot!(bench.reason(&creation(&role_mapping())).await, @"cannot change who has role `cross_cluster_replication_follower_full_access` on the domain at search-follower.us-west-2.es.amazonaws.com: PATCH _plugins/_security/api/rolesmapping failed: HTTP 403: User is not authorized to perform: ESHttpPatch in account 222222222222. Allow es:ESHttpPatch on the domain's paths both in the policy of the role that calls and in the domain's access policy, and check the Region.");
    bench.world.allow("ESHttpPatch");
    bench.success(&deletion()).await;
    bench.assert_nothing_left("Delete").await;
}

#[tokio::test(start_paused = true)]
async fn a_role_that_is_not_there_and_a_reserved_mapping_are_told_apart() {
    let bench = Bench::in_world(world());
    let nobodys = changed(role_mapping(), "Role", "nobodys");
    assert_snapshot!(bench.reason(&creation(&nobodys)).await, @"there is no role `nobodys` on the domain at search-follower.us-west-2.es.amazonaws.com: role 'nobodys' not found. Check Role: the built-in ones for replication are cross_cluster_replication_leader_full_access and cross_cluster_replication_follower_full_access; make any other first.");
    bench.world.reserve_mapping(FOLLOWER, FOLLOWER_ROLE);
    assert_snapshot!(bench.reason(&creation(&role_mapping())).await, @"the mapping of role `cross_cluster_replication_follower_full_access` on the domain at search-follower.us-west-2.es.amazonaws.com is reserved. Make a role of your own with the same permissions, and map that.");
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_cannot_be_read_is_named() {
    let bench = Bench::in_world(world());
    bench.world.deny("GetSecretValue");
    let properties = changed(role_mapping(), "MasterSecretArn", SECRET);
    assert_snapshot!(bench.reason(&creation(&properties)).await, @"cannot read the secret of the user of the domain at search-follower.us-west-2.es.amazonaws.com: GetSecretValue failed: AccessDenied: User is not authorized to perform: GetSecretValue in account 222222222222 (AWS request id of-a-world-in-memory). Allow secretsmanager:GetSecretValue on MasterSecretArn in the function's role, and kms:Decrypt if a key of your own encrypts it.");
}

#[tokio::test(start_paused = true)]
async fn a_domain_that_does_not_answer_is_waited_for_and_then_named() {
    let bench = Bench::in_world(world());
    bench.world.set_cluster_down(FOLLOWER, true);
    let reason = bench.reason(&creation(&changed(role_mapping(), "ServiceTimeout", "120"))).await;
    // How often was looked depends on the jitter.
    let (start, end) = reason.split_once(" (").unwrap();
    assert_snapshot!(start, @"role `cross_cluster_replication_follower_full_access` on search-follower.us-west-2.es.amazonaws.com is not mapped: not within 107 s");
    assert_snapshot!(end.split_once("; ").unwrap().1, @"last status: cannot read who has role `cross_cluster_replication_follower_full_access` on the domain at search-follower.us-west-2.es.amazonaws.com: GET _plugins/_security/api/rolesmapping/cross_cluster_replication_follower_full_access failed: no answer: connection reset by peer.");
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_the_properties_is_told() {
    let bench = Bench::in_world(world());
    let properties =
        json!({ "Endpoint": "https://search-x/", "Users": "", "Hosts": [7], "MasterSecretArn": "x" });
    assert_snapshot!(bench.reason(&creation(&properties)).await, @"Property Endpoint is `https://search-x/`: expected a domain's endpoint as DescribeDomain gives it, a host without https:// and without a path. Property Role is missing: expected the name of a role of the domain's security plugin, at most 128 characters. Property Hosts contains something else than a text. Property MasterSecretArn is `x`: expected the ARN of a secret with the members username and password. BackendRoles, Users and Hosts are all empty: expected at least one entry, such as the ARN of a role in BackendRoles.");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_mapped_who_was_not_asked_for() {
    let bench = Bench::in_world(world());
    bench.success(&creation(&role_mapping())).await;
    assert_eq!(bench.world.mapped(FOLLOWER, "all_access", "backend_roles"), ["admin".to_owned(), own_role()]);
}
