//! `Custom::ReplicationRule` against clusters in memory: what it brings, what it leaves alone, and every Reason.

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

use cloud::fake::{Fault, Faulty, World};
use custom_resource::testing::{create, delete, update};
use insta::assert_snapshot;
use serde_json::{Value, json};

use data::{
    ALIAS, FOLLOWER, FOLLOWER_INDEX, FOLLOWER_ROLE, LEADER, LEADER_ROLE, REPLICATION_RULE, follower_index,
    own_role, replication_rule, unmapped, world,
};
use support::{Bench, changed};

const ID: &str =
    "replication-rule/us-west-2/search-follower.us-west-2.es.amazonaws.com/leader-alias/all-logs";

fn creation(properties: &Value) -> Value {
    create(REPLICATION_RULE, properties)
}

fn deletion(properties: &Value) -> Value {
    delete(REPLICATION_RULE, ID, properties)
}

fn in_place(id: &str, new: &Value, old: &Value) -> Value {
    let mut event = update(REPLICATION_RULE, ID, new, old);
    event["RequestId"] = id.into();
    event
}

/// A leader with this many indexes that match.
fn with_indexes(count: usize) -> World {
    let world = world();
    (1..count).for_each(|number| world.write_documents(LEADER, &format!("logs-{number}"), &[("a", 1)]));
    world
}

async fn ruling() -> Bench {
    let bench = Bench::in_world(with_indexes(2));
    bench.success(&creation(&replication_rule())).await;
    bench
}

#[tokio::test(start_paused = true)]
async fn everything_that_matches_follows_when_the_create_is_answered_three_at_a_time() {
    let bench = Bench::in_world(with_indexes(7));
    bench.world.write_documents(LEADER, "other", &[("x", 1)]);
    let answer = bench.success(&creation(&replication_rule())).await;
    assert_eq!(answer["PhysicalResourceId"], ID);
    assert_eq!(
        answer["Data"],
        json!({
            "Name": "all-logs", "Pattern": "logs*", "Following": "7",
            "FollowerIndexes": "logs,logs-1,logs-2,logs-3,logs-4,logs-5,logs-6", "Documents": "0",
            "Differences": "unknown", "Seconds": "0.0", "Compared": "Not compared, because WaitFor is Syncing.",
        })
    );
    assert_eq!(bench.world.following(FOLLOWER), 7);
    assert!((60..100).contains(&bench.now().as_secs()), "{:?}", bench.now());
}

#[tokio::test(start_paused = true)]
async fn with_nothing_to_follow_it_is_done_as_soon_as_the_rule_has_looked() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&creation(&changed(replication_rule(), "Pattern", "events-*"))).await;
    assert_eq!(answer["Data"]["Following"], "0");
    assert!(bench.now() < Duration::from_secs(5), "{:?}", bench.now());
    bench.world.write_documents(LEADER, "events-1", &[("x", 1)]);
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert!(bench.world.follows(FOLLOWER, "events-1"), "what comes later follows too");
}

#[tokio::test(start_paused = true)]
async fn without_the_leaders_endpoint_what_follows_is_all_that_is_seen() {
    let bench = Bench::in_world(with_indexes(2));
    bench.world.write_documents(FOLLOWER, "logs-of-others", &[("x", 1)]);
    let blind = changed(changed(replication_rule(), "LeaderEndpoint", ""), "LeaderRegion", "");
    bench.success(&creation(&blind)).await;
}

#[tokio::test(start_paused = true)]
async fn the_followers_stay_or_stop_as_the_properties_say() {
    let bench = ruling().await;
    bench.success(&deletion(&replication_rule())).await;
    assert_eq!(bench.world.rules(FOLLOWER), Vec::<String>::new());
    assert_eq!(bench.world.following(FOLLOWER), 2, "Keep");

    let bench = ruling().await;
    bench.world.follow_by_hand(FOLLOWER, "logs-renamed", ALIAS, "logs");
    let mut own = create(FOLLOWER_INDEX, &changed(follower_index(), "WhenDeleted", "Stop"));
    own["LogicalResourceId"] = "Own".into();
    bench.success(&own).await;
    bench.success(&deletion(&changed(replication_rule(), "WhenDeleted", "Stop"))).await;
    assert!(!bench.world.follows(FOLLOWER, "logs-1"), "what the rule made follow stops");
    assert!(bench.world.follows(FOLLOWER, "logs"), "what another resource looks after goes on");
    assert!(bench.world.follows(FOLLOWER, "logs-renamed"), "and what no rule can have made");
    assert_eq!(bench.world.indexes(FOLLOWER), ["logs", "logs-1", "logs-renamed"], "and nothing is deleted");
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_stops_what_it_brought_lets_go_on_what_followed_before() {
    let stops = changed(replication_rule(), "WhenDeleted", "Stop");
    let bench = Bench::in_world(with_indexes(2));
    bench.world.write_documents(LEADER, "audit", &[("x", 1)]);
    bench.world.follow_by_hand(FOLLOWER, "logs-1", ALIAS, "logs-1");
    bench.world.follow_by_hand(FOLLOWER, "audit", ALIAS, "audit");
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench.success(&creation(&stops)).await;
    // What a later pattern finds following, too, and not what the first one brought.
    let other = changed(stops.clone(), "Pattern", "a*");
    bench.success(&in_place("other", &other, &stops)).await;
    bench.success(&in_place("back", &stops, &other)).await;
    bench.success(&deletion(&stops)).await;
    assert!(!bench.world.follows(FOLLOWER, "logs"), "what the rule made follow stops");
    assert!(bench.world.follows(FOLLOWER, "logs-1"), "what followed before goes on");
    assert!(bench.world.follows(FOLLOWER, "audit"));

    // A Create that fails brought nothing of what was there.
    let bench = Bench::in_world(with_indexes(2));
    bench.world.follow_by_hand(FOLLOWER, "logs-1", ALIAS, "logs-1");
    bench.world.write_documents(FOLLOWER, "logs", &[("in the way", 1)]);
    bench.reason(&creation(&stops)).await;
    bench.success(&deletion(&stops)).await;
    assert!(bench.world.follows(FOLLOWER, "logs-1"));
}

/// In a failover one wants to write to them.
#[tokio::test(start_paused = true)]
async fn a_rule_that_stops_what_it_brought_does_so_while_the_leader_is_away() {
    let stops = changed(replication_rule(), "WhenDeleted", "Stop");
    for is_down in [true, false] {
        let bench = ruling().await;
        if is_down {
            bench.world.set_cluster_down(LEADER, true);
        } else {
            bench.world.part_clusters(FOLLOWER, ALIAS);
        }
        bench.success(&deletion(&stops)).await;
        assert_eq!(bench.world.following(FOLLOWER), 0, "down: {is_down}");
    }
}

/// As when a rule is replaced by one of another name.
#[tokio::test(start_paused = true)]
async fn what_another_rule_brought_is_stopped_with_the_last_rule_that_matches_it() {
    let stops = changed(replication_rule(), "WhenDeleted", "Stop");
    let bench = ruling().await;
    let other = changed(stops.clone(), "Name", "other-logs");
    let made = bench.success(&create_other(&other)).await;
    bench.success(&deletion(&stops)).await;
    assert_eq!(bench.world.following(FOLLOWER), 2, "the other one matches");
    let id = made["PhysicalResourceId"].as_str().unwrap();
    let mut removal = delete(REPLICATION_RULE, id, &other);
    removal["LogicalResourceId"] = "Other".into();
    removal["RequestId"] = "other-removal".into();
    bench.success(&removal).await;
    assert_eq!(bench.world.following(FOLLOWER), 0);
}

fn create_other(properties: &Value) -> Value {
    let mut event = create(REPLICATION_RULE, properties);
    event["LogicalResourceId"] = "Other".into();
    event["RequestId"] = "other".into();
    event
}

/// Both look before either has written anything down.
#[tokio::test(start_paused = true)]
async fn deliveries_that_make_a_rule_at_the_same_time_give_one_answer() {
    for nth in 1..20 {
        for late in [30, 70, 130, 600, 3000] {
            let world = with_indexes(1);
            let delay = Fault::Delay(Duration::from_millis(late));
            let (first, second) =
                (Bench::in_world(world.clone()), Bench::new(Faulty::new(world.clone()).on_call(nth, delay)));
            let event = creation(&replication_rule());
            let (one, other) = tokio::join!(first.send(&event), second.send(&event));
            for answer in one.iter().chain(&other) {
                assert_eq!(answer["Status"], "SUCCESS", "call {nth} late by {late} ms: {answer}");
            }
            assert_eq!(world.rules(FOLLOWER).len(), 1, "call {nth} late by {late} ms");
            let stops = changed(replication_rule(), "WhenDeleted", "Stop");
            first.success(&deletion(&stops)).await;
            assert_eq!(world.claims_left(), []);
            assert_eq!(world.following(FOLLOWER), 0, "call {nth} late by {late} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn followers_are_called_as_the_rule_says_where_the_plugin_can() {
    let bench = Bench::in_world(with_indexes(2));
    let named = changed(replication_rule(), "FollowerIndexPattern", "{{leader_index}}-copy");
    assert_snapshot!(bench.reason(&creation(&named)).await, @"cannot make rule `all-logs`: the follower says: x_content_parse_exception: [1:59] [AutoFollowRequestParser] unknown field [follower_index_pattern]. Leave FollowerIndexPattern out: the plugin knows it from OpenSearch 3.8 on.");
    bench.world.let_name_followers(FOLLOWER);
    let answer = bench.success(&creation(&named)).await;
    assert_eq!(answer["Data"]["FollowerIndexes"], "logs-copy,logs-1-copy");
    bench.success(&deletion(&changed(named, "WhenDeleted", "Stop"))).await;
    assert_eq!(bench.world.following(FOLLOWER), 0);
    assert_eq!(bench.world.indexes(FOLLOWER), ["logs-1-copy", "logs-copy"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_rule_is_made_anew_and_no_follower_is_lost() {
    let bench = ruling().await;
    bench.world.write_documents(LEADER, "audit", &[("x", 1)]);
    let new = changed(replication_rule(), "Pattern", "audit*");
    bench.success(&in_place("pattern", &new, &replication_rule())).await;
    assert_eq!(bench.world.following(FOLLOWER), 3);
    let posts = bench.world.calls_of("ESHttpPost");
    bench.success(&in_place("same", &new, &new)).await;
    assert_eq!(bench.world.calls_of("ESHttpPost"), posts, "nothing is made anew without need");
    let mut other = new.clone();
    other["Settings"] = json!({ "index.number_of_replicas": "0" });
    bench.success(&in_place("settings", &other, &new)).await;
    assert_eq!(bench.world.calls_of("ESHttpPost"), posts + 1);
}

#[tokio::test(start_paused = true)]
async fn a_rule_whose_task_died_is_made_anew() {
    let bench = ruling().await;
    bench.world.kill_rule(FOLLOWER, ALIAS, "all-logs");
    bench.world.write_documents(LEADER, "logs-9", &[("x", 1)]);
    tokio::time::sleep(Duration::from_mins(5)).await;
    assert!(!bench.world.follows(FOLLOWER, "logs-9"));
    bench.success(&in_place("look", &replication_rule(), &replication_rule())).await;
    assert!(bench.world.follows(FOLLOWER, "logs-9"));
}

#[tokio::test(start_paused = true)]
async fn what_failed_is_named_and_tried_again_by_the_next_request_and_not_after_an_hour() {
    let bench = Bench::in_world(with_indexes(3));
    bench.world.set_unstartable(FOLLOWER, "logs-1", true);
    assert_snapshot!(bench.reason(&creation(&replication_rule())).await, @"rule `all-logs` on the follower at search-follower.us-west-2.es.amazonaws.com cannot make everything follow: `logs-1`: the follower could not start it. Delete the index on the follower where one has the name, resume what is paused, and see on the leader that all primary shards are active; then try again, because the rule itself tries again only after an hour.");
    bench.world.set_unstartable(FOLLOWER, "logs-1", false);
    let start = tokio::time::Instant::now();
    bench.success(&in_place("again", &replication_rule(), &replication_rule())).await;
    assert!(start.elapsed() < Duration::from_mins(3), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_index_of_the_name_on_the_follower_is_named() {
    let bench = Bench::in_world(with_indexes(3));
    bench.world.write_documents(FOLLOWER, "logs-2", &[("theirs", 1)]);
    assert_snapshot!(bench.reason(&creation(&replication_rule())).await, @"rule `all-logs` on the follower at search-follower.us-west-2.es.amazonaws.com cannot make everything follow: `logs-2`: an index of that name is on the follower and follows nothing. Delete the index on the follower where one has the name, resume what is paused, and see on the leader that all primary shards are active; then try again, because the rule itself tries again only after an hour.");
    assert!(bench.world.documents(FOLLOWER, "logs-2").contains_key("theirs"));
}

#[tokio::test(start_paused = true)]
async fn a_rule_of_somebody_else_is_never_overwritten() {
    let bench = Bench::in_world(world());
    bench.world.rule_by_hand(FOLLOWER, ALIAS, "all-logs", "their-*");
    let before = bench.world.rules(FOLLOWER);
    assert_snapshot!(bench.reason(&creation(&replication_rule())).await, @"a rule `all-logs` is on the follower at search-follower.us-west-2.es.amazonaws.com already, which no stack manages. Choose another Name, or delete that rule; what follows because of it goes on following.");
    bench.success(&deletion(&replication_rule())).await;
    assert_eq!(bench.world.rules(FOLLOWER), before);
}

#[tokio::test(start_paused = true)]
async fn a_mapping_that_is_missing_is_named_with_its_side() {
    let built_in = changed(changed(replication_rule(), "LeaderRole", ""), "FollowerRole", "");
    let nowhere = Bench::in_world(unmapped());
    assert_snapshot!(nowhere.reason(&creation(&built_in)).await, @"cannot see the rules of the follower: GET _plugins/_replication/autofollow_stats failed: HTTP 403 security_exception: no permissions for [indices:admin/plugins/replication/autofollow/stats] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to a role that allows it there.");
    let follower = |world: World| {
        world.with_mapping(FOLLOWER, FOLLOWER_ROLE, &own_role()).with_mapping(
            FOLLOWER,
            "all_access",
            &own_role(),
        )
    };
    let seen_on_leader_only = unmapped();
    seen_on_leader_only.make_role(LEADER, "reader", &["indices:admin/resolve/index"]);
    seen_on_leader_only.map_by_hand(LEADER, "reader", "backend_roles", &own_role());
    let bench = Bench::in_world(follower(seen_on_leader_only));
    assert_snapshot!(bench.reason(&creation(&built_in)).await, @"cannot make rule `all-logs`: the leader says: security_exception: no permissions for [indices:admin/plugins/replication/index/setup/validate] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map `arn:aws:iam::222222222222:role/tandem` to `cross_cluster_replication_leader_full_access` on the leader, with the same name as on the follower (Custom::RoleMapping).");
    let bench = Bench::in_world(follower(unmapped()).with_mapping(LEADER, LEADER_ROLE, &own_role()));
    assert_snapshot!(bench.reason(&creation(&built_in)).await, @"the leader's side has no answer: cannot list the indexes that match `logs*`: GET _resolve/index/logs* failed: HTTP 403 security_exception: no permissions for [indices:admin/resolve/index] and User [name=arn:aws:iam::222222222222:role/tandem, backend_roles=[arn:aws:iam::222222222222:role/tandem], requestedTenant=null]. Map the role that reads to a role of the domain with indices:admin/resolve/index on the pattern.");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_down_for_a_while_is_waited_for() {
    let bench = ruling().await;
    bench.world.set_cluster_down(LEADER, true);
    let event = in_place("look", &replication_rule(), &replication_rule());
    let back = async {
        tokio::time::sleep(Duration::from_mins(2)).await;
        bench.world.set_cluster_down(LEADER, false);
    };
    tokio::join!(bench.success(&event), back);
    bench.world.set_cluster_down(LEADER, true);
    bench.success(&deletion(&replication_rule())).await;
}

#[tokio::test(start_paused = true)]
async fn the_leader_is_seen_through_a_role_in_its_account() {
    let bench = Bench::in_world(with_indexes(2).with_mapping(LEADER, "all_access", support::ROLE));
    let mut properties = replication_rule();
    properties["RemoteRoleArn"] = json!(support::ROLE);
    properties["RemoteExternalId"] = json!("the-external-id");
    bench.success(&creation(&properties)).await;
    assert!(bench.world.calls_of("AssumeRole") > 0);
}

#[tokio::test(start_paused = true)]
async fn both_directions_between_two_domains_with_patterns_of_their_own() {
    let world = with_indexes(2);
    world.connect_clusters(LEADER, "back", FOLLOWER);
    world.write_documents(FOLLOWER, "orders", &[("x", 1)]);
    let bench = Bench::in_world(world);
    bench.success(&creation(&replication_rule())).await;
    let mut back = replication_rule();
    for (name, value) in [
        ("Endpoint", LEADER),
        ("Region", "us-east-1"),
        ("ConnectionAlias", "back"),
        ("Pattern", "orders*"),
        ("LeaderEndpoint", FOLLOWER),
        ("LeaderRegion", "us-west-2"),
    ] {
        back[name] = json!(value);
    }
    let mut event = creation(&back);
    event["LogicalResourceId"] = "Back".into();
    bench.success(&event).await;
    assert!(bench.world.follows(LEADER, "orders") && bench.world.follows(FOLLOWER, "logs"));
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_the_properties_is_told() {
    let bench = Bench::in_world(world());
    for (pattern, why) in [
        ("*", "all"),
        (".kibana*", "system"),
        ("*logs", "also system"),
        ("Logs-*", "upper case"),
        ("a,b", "comma"),
    ] {
        let reason = bench.reason(&creation(&changed(replication_rule(), "Pattern", pattern))).await;
        assert!(
            reason.starts_with(&format!("Property Pattern is `{pattern}`: expected a pattern")),
            "{why}: {reason}"
        );
    }
    let properties = json!({ "Endpoint": FOLLOWER, "ConnectionAlias": "conn", "Name": "R 1", "LeaderRegion": "us-east-1" });
    assert_snapshot!(bench.reason(&creation(&properties)).await, @r#"Property Name is `R 1`: expected a name for the rule: lower case, no blank and none of " * \ < | , > / ? #, not beginning with . _ - or +. Property Pattern is missing: expected a pattern such as logs-*: lower case, no blank and none of " \ < | , > / ? #, not beginning with * or . (that would match system indexes, which cannot be replicated), _ - or +. Property LeaderEndpoint is missing: expected the endpoint of the leader's domain, because with WaitFor: Equal the documents of both sides are compared; or set WaitFor to Syncing."#);
}
