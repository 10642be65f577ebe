//! `Custom::FollowerIndex` against clusters in memory: every way in, what it leaves alone, and every Reason.

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

use cloud::fake::{Fault, Faulty};
use custom_resource::testing::{create, delete, update};
use insta::assert_snapshot;
use serde_json::{Value, json};

use data::{
    ALIAS, FOLLOWER, FOLLOWER_INDEX, FOLLOWER_ROLE, LEADER, LEADER_ROLE, follower_index, own_role, unmapped,
    with_settings, world,
};
use support::{Bench, changed};

const ID: &str = "follower-index/us-west-2/search-follower.us-west-2.es.amazonaws.com/logs";

fn creation(properties: &Value) -> Value {
    create(FOLLOWER_INDEX, properties)
}

fn deletion(properties: &Value) -> Value {
    delete(FOLLOWER_INDEX, ID, properties)
}

fn again(id: &str, mut event: Value) -> Value {
    event["RequestId"] = id.into();
    event
}

fn in_place(new: &Value, old: &Value) -> Value {
    update(FOLLOWER_INDEX, ID, new, old)
}

/// With the built-in roles instead of those of the tests.
fn with_built_in_roles() -> Value {
    changed(changed(follower_index(), "LeaderRole", ""), "FollowerRole", "")
}

/// A follower whose copy is complete.
async fn following() -> Bench {
    let bench = Bench::in_world(world());
    bench.success(&creation(&follower_index())).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn it_follows_with_every_document_when_the_create_is_answered() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&creation(&follower_index())).await;
    assert_eq!(answer["PhysicalResourceId"], ID);
    assert_eq!(
        answer["Data"],
        json!({
            "FollowerIndex": "logs", "LeaderIndex": "logs", "Status": "SYNCING",
            "LeaderCheckpoint": "2", "FollowerCheckpoint": "2", "Documents": "0", "Differences": "unknown",
            "Seconds": "0.0", "Compared": "Not compared, because WaitFor is Syncing.",
        })
    );
    assert_eq!(bench.world.documents(FOLLOWER, "logs"), bench.world.documents(LEADER, "logs"));
    bench.success(&deletion(&follower_index())).await;
    bench.assert_nothing_left("Delete").await;
}

#[tokio::test(start_paused = true)]
async fn the_built_in_roles_are_enough_for_all_but_deleting_the_copy() {
    let world = unmapped().with_mapping(LEADER, LEADER_ROLE, &own_role()).with_mapping(
        FOLLOWER,
        FOLLOWER_ROLE,
        &own_role(),
    );
    let bench = Bench::in_world(world);
    let properties = changed(with_built_in_roles(), "WhenDeleted", "Stop");
    bench.success(&creation(&properties)).await;
    bench.success(&deletion(&properties)).await;
    assert!(!bench.world.follows(FOLLOWER, "logs"));
    assert_eq!(bench.world.indexes(FOLLOWER), ["logs"]);

    bench.world.delete_index(FOLLOWER, "logs");
    bench.success(&again("second", creation(&with_built_in_roles()))).await;
    assert_snapshot!(bench.reason(&deletion(&with_built_in_roles())).await, @"cannot delete index `logs` on the follower: DELETE logs failed: HTTP 403 security_exception: no permissions for [indices:admin/delete] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to a role that allows it there.");
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_missing_is_named_with_its_side() {
    let nowhere = Bench::in_world(unmapped());
    assert_snapshot!(nowhere.reason(&creation(&with_built_in_roles())).await, @"cannot see how index `logs` follows: the follower says: security_exception: no permissions for [indices:admin/plugins/replication/index/status_check] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to `cross_cluster_replication_follower_full_access` on the follower at search-follower.us-west-2.es.amazonaws.com (Custom::RoleMapping).");
    let on_leader_only = Bench::in_world(unmapped().with_mapping(LEADER, LEADER_ROLE, &own_role()));
    assert_snapshot!(on_leader_only.reason(&creation(&with_built_in_roles())).await, @"cannot see how index `logs` follows: the follower says: security_exception: no permissions for [indices:admin/plugins/replication/index/status_check] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to `cross_cluster_replication_follower_full_access` on the follower at search-follower.us-west-2.es.amazonaws.com (Custom::RoleMapping).");
    let on_follower_only = Bench::in_world(unmapped().with_mapping(FOLLOWER, FOLLOWER_ROLE, &own_role()));
    assert_snapshot!(on_follower_only.reason(&creation(&with_built_in_roles())).await, @"cannot follow leader index `logs` as `logs`: the leader says: security_exception: no permissions for [indices:admin/plugins/replication/index/setup/validate] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to `cross_cluster_replication_leader_full_access` on the leader, with the same name as on the follower (Custom::RoleMapping).");
    let with_another_role =
        Bench::in_world(unmapped().with_mapping(FOLLOWER, FOLLOWER_ROLE, &own_role()).with_mapping(
            LEADER,
            "all_access",
            &own_role(),
        ));
    assert_snapshot!(with_another_role.reason(&creation(&with_built_in_roles())).await, @"cannot follow leader index `logs` as `logs`: the leader says: security_exception: No mapping for User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null] on roles [cross_cluster_replication_leader_full_access]. Map `arn:aws:iam::222222222222:role/tandem` to `cross_cluster_replication_leader_full_access` on the leader, with the same name as on the follower (Custom::RoleMapping).");
}

#[tokio::test(start_paused = true)]
async fn what_the_leader_has_not_or_does_not_let_follow_is_told() {
    let bench = Bench::in_world(world());
    let missing = changed(follower_index(), "LeaderIndex", "nothing");
    assert_snapshot!(bench.reason(&creation(&missing)).await, @"cannot follow leader index `nothing` as `nothing`: the leader says: index_not_found_exception: no such index [nothing]. Make the index on the leader first, or check the name; an alias cannot be replicated.");
    bench.assert_nothing_made();
    let chained = changed(changed(follower_index(), "LeaderIndex", "copy"), "FollowerIndex", "copy-of-copy");
    bench.world.connect_clusters(LEADER, "back", FOLLOWER);
    bench.world.write_documents(FOLLOWER, "original", &[("x", 1)]);
    bench.world.follow_by_hand(LEADER, "copy", "back", "original");
    assert_snapshot!(bench.reason(&creation(&chained)).await, @"cannot follow leader index `copy` as `copy-of-copy`: the leader says: illegal_argument_exception: Cannot Replicate a Replicated Index copy. A follower cannot be followed: replicate from the domain where the documents are written.");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_there_is_waited_for_a_little_and_named() {
    let bench = Bench::in_world(world());
    let elsewhere = changed(follower_index(), "ConnectionAlias", "elsewhere");
    assert_snapshot!(bench.reason(&creation(&elsewhere)).await, @"cannot follow leader index `logs` as `logs`: the follower says: no_such_remote_cluster_exception: no such remote cluster: [elsewhere]. Check ConnectionAlias (`elsewhere`), and that this domain is the follower of that connection and it is ACTIVE.");
    assert!(bench.now() < Duration::from_mins(1), "{:?}", bench.now());
    bench.assert_nothing_made();

    let bench = Bench::in_world(world());
    bench.world.part_clusters(FOLLOWER, ALIAS);
    let event = creation(&follower_index());
    let late = async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        bench.world.connect_clusters(FOLLOWER, ALIAS, LEADER);
    };
    tokio::join!(bench.success(&event), late);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_is_there_is_left_alone() {
    let bench = Bench::in_world(world());
    bench.world.write_documents(FOLLOWER, "logs", &[("theirs", 1)]);
    let before = bench.world.documents(FOLLOWER, "logs");
    let eager = changed(follower_index(), "ReseedWhenLost", "true");
    assert_snapshot!(bench.reason(&creation(&eager)).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com exists already and follows nothing. Delete it there if nobody needs it, because an existing index cannot begin to follow, or choose another FollowerIndex.");
    bench.success(&deletion(&eager)).await;
    assert_eq!(bench.world.documents(FOLLOWER, "logs"), before);
}

#[tokio::test(start_paused = true)]
async fn an_index_that_follows_already_is_taken_over_unless_it_follows_another() {
    let bench = Bench::in_world(world());
    bench.world.follow_by_hand(FOLLOWER, "logs", ALIAS, "logs");
    bench.success(&creation(&with_settings())).await;
    assert_eq!(bench.world.calls_of("ESHttpPut"), 1, "the settings, and no start");

    let bench = Bench::in_world(world());
    bench.world.write_documents(LEADER, "other", &[("x", 1)]);
    bench.world.follow_by_hand(FOLLOWER, "logs", ALIAS, "other");
    let eager = changed(follower_index(), "ReseedWhenLost", "true");
    assert_snapshot!(bench.reason(&creation(&eager)).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com follows `leader-alias:other` and not `leader-alias:logs`. Choose another FollowerIndex, or stop it there and delete it; one that this resource made is replaced where ReseedWhenLost is true.");
    bench.success(&deletion(&eager)).await;
    assert!(bench.world.follows(FOLLOWER, "logs"));
}

#[tokio::test(start_paused = true)]
async fn two_stacks_cannot_have_one_index() {
    let bench = following().await;
    let mut other = again("other", creation(&follower_index()));
    other["StackId"] = "arn:aws:cloudformation:us-west-2:222222222222:stack/other/1".into();
    assert_snapshot!(bench.reason(&other).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com is managed by resource `Connection` of stack arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e. Delete it from that stack first, or give it another name.");
    assert!(bench.world.follows(FOLLOWER, "logs"));
}

#[tokio::test(start_paused = true)]
async fn settings_are_given_at_the_start_and_changed_in_place() {
    let bench = Bench::in_world(world());
    bench.success(&creation(&with_settings())).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let setting = || bench.world.index_setting(FOLLOWER, "logs", "index.number_of_replicas");
    assert_eq!(setting(), Some(json!("0")));
    let mut new = with_settings();
    new["Settings"]["index.number_of_replicas"] = json!("2");
    bench.success(&in_place(&new, &with_settings())).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(setting(), Some(json!("2")));
    assert!(bench.world.follows(FOLLOWER, "logs"));

    new["Settings"] = json!({ "index.nonsense": "1" });
    assert_snapshot!(bench.reason(&again("wrong", in_place(&new, &with_settings()))).await, @"cannot set the settings of index `logs`: the follower says: settings_exception: unknown setting [index.nonsense] please check that any required plugins are installed. Check Settings: they are index settings, index.number_of_replicas.");
    let back = again("back", in_place(&with_settings(), &new));
    bench.success(&back).await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_one_is_resumed_while_it_can_be() {
    let bench = following().await;
    bench.world.pause_by_hand(FOLLOWER, "logs");
    bench.world.write_documents(LEADER, "logs", &[("d", 4)]);
    bench.success(&again("resume", in_place(&follower_index(), &follower_index()))).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.world.documents(FOLLOWER, "logs").len(), 4);

    bench.world.pause_by_hand(FOLLOWER, "logs");
    tokio::time::sleep(Duration::from_hours(13)).await;
    assert_snapshot!(bench.reason(&again("lost", in_place(&follower_index(), &follower_index()))).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com cannot be resumed: the leader keeps what a paused follower lacks for 12 hours, and has not kept it (paused with: User initiated). Set ReseedWhenLost to true, so that its copy is deleted and made anew from the leader, or delete it there yourself.");
    bench.world.write_documents(LEADER, "logs", &[("e", 5)]);
    let eager = changed(follower_index(), "ReseedWhenLost", "true");
    bench.success(&again("reseed", in_place(&eager, &follower_index()))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.world.documents(FOLLOWER, "logs").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn one_that_somebody_stopped_is_not_replaced_unasked() {
    let bench = following().await;
    let stopped = changed(follower_index(), "WhenDeleted", "Stop");
    bench.success(&deletion(&stopped)).await;
    bench.success(&again("second", creation(&changed(follower_index(), "FollowerIndex", "copy")))).await;
    // Its record says that it follows; somebody stopped it and wrote to it.
    let id = ID.replace("/logs", "/copy");
    let properties = changed(follower_index(), "FollowerIndex", "copy");
    bench.world.stop_by_hand(FOLLOWER, "copy");
    bench.world.write_documents(FOLLOWER, "copy", &[("theirs", 9)]);
    let look = again("look", update(FOLLOWER_INDEX, &id, &properties, &properties));
    assert_snapshot!(bench.reason(&look).await, @"index `copy` on the follower at search-follower.us-west-2.es.amazonaws.com was stopped from following by somebody and cannot begin again. Set ReseedWhenLost to true, so that its copy is deleted and made anew from the leader, or delete it there yourself.");
    bench.success(&delete(FOLLOWER_INDEX, &id, &properties)).await;
    assert!(
        bench.world.documents(FOLLOWER, "copy").contains_key("theirs"),
        "what follows no more is not deleted"
    );
}

#[tokio::test(start_paused = true)]
async fn a_leader_index_that_is_deleted_is_told_and_nothing_blocks_the_deletion() {
    let bench = following().await;
    bench.world.delete_index(LEADER, "logs");
    tokio::time::sleep(Duration::from_secs(30)).await;
    let look = again("look", in_place(&follower_index(), &follower_index()));
    assert_snapshot!(bench.reason(&look).await, @"cannot follow leader index `logs` as `logs`: the leader says: index_not_found_exception: no such index [logs]. Make the index on the leader first, or check the name; an alias cannot be replicated.");
    bench.success(&deletion(&follower_index())).await;
    assert_eq!(bench.world.indexes(FOLLOWER), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_down_is_waited_for_and_blocks_no_deletion() {
    let bench = following().await;
    bench.world.set_cluster_down(LEADER, true);
    let look = again("look", in_place(&follower_index(), &follower_index()));
    let back = async {
        tokio::time::sleep(Duration::from_mins(2)).await;
        bench.world.set_cluster_down(LEADER, false);
    };
    tokio::join!(bench.success(&look), back);
    bench.world.set_cluster_down(LEADER, true);
    bench.success(&deletion(&follower_index())).await;
    assert_eq!(bench.world.indexes(FOLLOWER), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_deleted_under_it_blocks_no_deletion() {
    let bench = following().await;
    bench.world.part_clusters(FOLLOWER, ALIAS);
    let properties = changed(follower_index(), "WhenDeleted", "Stop");
    bench.success(&deletion(&properties)).await;
    assert!(!bench.world.follows(FOLLOWER, "logs"));
    assert_eq!(bench.world.documents(FOLLOWER, "logs").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_start_that_the_plugin_gives_up_is_told_and_tried_anew_by_the_next_request() {
    let bench = Bench::in_world(world());
    bench.world.set_unstartable(FOLLOWER, "logs", true);
    assert_snapshot!(bench.reason(&creation(&follower_index())).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com cannot follow leader index `logs`: the plugin says: Unable to initiate restore call for logs from leader-alias:logs. Check on the leader that all primary shards of the index are active, and that Settings changes nothing that is fixed at an index's creation, such as index.number_of_shards; then try again.");
    bench.world.set_unstartable(FOLLOWER, "logs", false);
    bench.success(&again("second", creation(&follower_index()))).await;
}

/// A follower whose copy is complete, and a second index on the leader.
async fn following_with_another() -> Bench {
    let world = world();
    world.write_documents(LEADER, "other", &[("x", 1)]);
    let bench = Bench::in_world(world);
    bench.success(&creation(&follower_index())).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn a_deletion_leaves_alone_what_follows_something_else_by_now() {
    // Also while the plugin says of it that nothing is in progress.
    for is_connected in [true, false] {
        let bench = following_with_another().await;
        bench.world.stop_by_hand(FOLLOWER, "logs");
        bench.world.delete_index(FOLLOWER, "logs");
        bench.world.follow_by_hand(FOLLOWER, "logs", ALIAS, "other");
        tokio::time::sleep(Duration::from_secs(3)).await;
        if !is_connected {
            bench.world.part_clusters(FOLLOWER, ALIAS);
        }
        bench.success(&deletion(&follower_index())).await;
        assert!(bench.world.follows(FOLLOWER, "logs"), "connected: {is_connected}");
        assert_eq!(bench.world.documents(FOLLOWER, "logs"), bench.world.documents(LEADER, "other"));
        assert_eq!(bench.world.claims_left(), []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_whose_answer_was_lost_makes_nobody_elses_index_ours() {
    for nth in 1..12 {
        let world = world();
        world.write_documents(LEADER, "other", &[("x", 1)]);
        world.follow_by_hand(FOLLOWER, "logs", ALIAS, "other");
        let quiet = Bench::in_world(world.clone());
        // Its leader index is gone, so it looks as if nothing followed.
        world.delete_index(LEADER, "other");
        let faulty = Faulty::new(world.clone()).on_call(nth, Fault::LoseResponse);
        let bench = Bench::new(faulty.on_call(nth + 2, Fault::CancelAfter));
        bench.cloud.faults().run(bench.send(&creation(&follower_index()))).await;
        tokio::time::sleep(Duration::from_hours(1)).await;
        quiet.success(&deletion(&follower_index())).await;
        assert!(world.follows(FOLLOWER, "logs"), "call {nth}");
        assert_eq!(world.claims_left(), [], "call {nth}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_complete_copy_that_fails_is_made_anew_only_where_that_is_allowed_and_the_leader_has_the_index() {
    let bench = following_with_another().await;
    bench.world.break_replication(FOLLOWER, "logs");
    let before = bench.world.documents(FOLLOWER, "logs");
    let changed_settings = with_settings();
    assert_snapshot!(bench.reason(&in_place(&changed_settings, &follower_index())).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com has failed to follow leader index `logs`: the plugin says: AutoPaused: not any more. Set ReseedWhenLost to true, so that its copy is deleted and made anew from the leader, or delete it there yourself.");
    assert_eq!(bench.world.documents(FOLLOWER, "logs"), before);

    let may_reseed = changed(changed_settings, "ReseedWhenLost", "true");
    bench.world.delete_index(LEADER, "logs");
    assert_snapshot!(bench.reason(&again("gone", in_place(&may_reseed, &follower_index()))).await, @"leader index `logs` is not there or not open, so index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com is not deleted to be made anew. Open or restore the index on the leader first; if the follower's copy is all there is, stop it and write to it there.");
    assert_eq!(bench.world.documents(FOLLOWER, "logs"), before);

    bench.world.write_documents(LEADER, "logs", &[("new", 1)]);
    bench.success(&again("back", in_place(&may_reseed, &follower_index()))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(bench.world.documents(FOLLOWER, "logs"), bench.world.documents(LEADER, "logs"));
}

/// Both look before either has written anything down.
#[tokio::test(start_paused = true)]
async fn deliveries_that_start_an_index_at_the_same_time_give_one_answer() {
    for wait_for in ["Started", "Syncing"] {
        let properties = changed(follower_index(), "WaitFor", wait_for);
        for nth in 1..20 {
            for late in [30, 70, 130, 600, 3000] {
                let world = world();
                let delay = Fault::Delay(Duration::from_millis(late));
                let quick = Bench::in_world(world.clone());
                let slow = Bench::new(Faulty::new(world.clone()).on_call(nth, delay));
                let event = creation(&properties);
                let (one, other) = tokio::join!(quick.send(&event), slow.send(&event));
                for answer in one.iter().chain(&other) {
                    assert_eq!(answer["Status"], "SUCCESS", "call {nth} late by {late} ms: {answer}");
                }
                quick.success(&deletion(&properties)).await;
                assert_eq!(world.claims_left(), [], "call {nth} late by {late} ms");
                assert_eq!(world.following(FOLLOWER), 0, "call {nth} late by {late} ms");
            }
        }
    }
}

/// Its copy looks stopped while its leader is gone, and another has taken the name.
#[tokio::test(start_paused = true)]
async fn what_follows_something_else_is_not_made_anew() {
    let bench = following_with_another().await;
    bench.world.stop_by_hand(FOLLOWER, "logs");
    bench.world.delete_index(FOLLOWER, "logs");
    bench.world.clone().with_remote(FOLLOWER, "elsewhere", LEADER).follow_by_hand(
        FOLLOWER,
        "logs",
        "elsewhere",
        "other",
    );
    bench.world.part_clusters(FOLLOWER, "elsewhere");
    let may_reseed = changed(with_settings(), "ReseedWhenLost", "true");
    assert_snapshot!(bench.reason(&in_place(&may_reseed, &follower_index())).await, @"index `logs` on the follower at search-follower.us-west-2.es.amazonaws.com follows `elsewhere:other` and not `leader-alias:logs`. Choose another FollowerIndex, or stop it there and delete it; one that this resource made is replaced where ReseedWhenLost is true.");
    assert!(bench.world.follows(FOLLOWER, "logs"));
}

#[tokio::test(start_paused = true)]
async fn with_started_the_copy_is_not_waited_for() {
    let bench = Bench::in_world(world());
    bench.world.set_bootstrap(FOLLOWER, Duration::from_mins(10));
    let answer = bench.success(&creation(&changed(follower_index(), "WaitFor", "Started"))).await;
    assert_eq!(answer["Data"]["Status"], "BOOTSTRAPPING");
}

#[tokio::test(start_paused = true)]
async fn twenty_indexes_at_once() {
    let world = world();
    let names: Vec<_> = (0..20).map(|number| format!("logs-{number}")).collect();
    for name in &names {
        world.write_documents(LEADER, name, &[("a", 1), ("b", 2)]);
    }
    let benches: Vec<_> = names.iter().map(|_| Bench::in_world(world.clone())).collect();
    let events: Vec<_> = names
        .iter()
        .map(|name| {
            let mut event = creation(&changed(follower_index(), "LeaderIndex", name));
            event["LogicalResourceId"] = name.replace('-', "").into();
            event
        })
        .collect();
    futures_util::future::join_all(benches.iter().zip(&events).map(|(bench, event)| bench.success(event)))
        .await;
    assert_eq!(world.following(FOLLOWER), 20);
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_the_properties_is_told() {
    let bench = Bench::in_world(world());
    let properties = json!({
        "Endpoint": FOLLOWER, "ConnectionAlias": "?", "LeaderIndex": "Logs", "FollowerIndex": ".kibana",
        "WhenDeleted": "Delete", "WaitFor": "Sync", "Settings": "x", "Setings": {},
    });
    assert_snapshot!(bench.reason(&creation(&properties)).await, @r#"Property ConnectionAlias is `?`: expected the alias of a connection, 2 to 100 characters. Property Settings is `x`: expected an object. Property LeaderIndex is `Logs`: expected the name of an index: at most 255 bytes, lower case, no blank and none of " * \ < | , > / ? # :, not beginning with . _ - or +. Property FollowerIndex is `.kibana`: expected the name of an index: at most 255 bytes, lower case, no blank and none of " * \ < | , > / ? # :, not beginning with . _ - or +. Property WhenDeleted is `Delete`: expected Stop or StopAndDelete. Property WaitFor is `Sync`: expected Started or Syncing or Equal. Property LeaderEndpoint is missing: expected the endpoint of the leader's domain, because with WaitFor: Equal the documents of both sides are compared; or set WaitFor to Syncing. Property Setings is unknown. Did you mean `Settings`?"#);
}
