//! `WaitFor: Equal`: what is proved before the answer, what is refused, and what it says when documents are missing.

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
use cloud::{Access, Cloud};
use custom_resource::testing::{create, delete};
use insta::assert_snapshot;
use serde_json::{Value, json};
use wait::Deadline;

use data::{ALIAS, FOLLOWER, FOLLOWER_INDEX, LEADER, REPLICATION_RULE, equal_index, equal_rule, world};
use support::{Bench, changed};

fn index(properties: &Value) -> Value {
    create(FOLLOWER_INDEX, properties)
}

fn rule(properties: &Value) -> Value {
    create(REPLICATION_RULE, properties)
}

#[tokio::test(start_paused = true)]
async fn the_answer_says_how_many_documents_were_compared() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&index(&equal_index())).await;
    assert_eq!(answer["Data"]["Documents"], "3");
    assert_eq!(answer["Data"]["Differences"], "0");
    let compared = answer["Data"]["Compared"].as_str().unwrap();
    assert!(compared.starts_with("`logs` is equal to the leader's `logs`: 3 documents"), "{compared}");
}

#[tokio::test(start_paused = true)]
async fn equal_is_what_is_waited_for_where_nothing_is_said() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&index(&changed(equal_index(), "WaitFor", ""))).await;
    assert_eq!(answer["Data"]["Differences"], "0");
}

#[tokio::test(start_paused = true)]
async fn every_index_of_a_rule_is_compared() {
    let world = world();
    world.write_documents(LEADER, "logs-2", &[("x", 1), ("y", 2)]);
    let bench = Bench::in_world(world);
    let answer = bench.success(&rule(&equal_rule())).await;
    assert_eq!(answer["Data"]["Following"], "2");
    assert_eq!(answer["Data"]["Documents"], "5");
    assert_eq!(answer["Data"]["Compared"], "5 documents of 2 indexes are equal on both sides.");
}

/// SYNCING says that it is on its way; after a long pause that takes longer than differences are looked at again.
#[tokio::test(start_paused = true)]
async fn a_follower_that_is_far_behind_is_waited_for_and_not_called_different() {
    for (kind, properties) in [(FOLLOWER_INDEX, equal_index()), (REPLICATION_RULE, equal_rule())] {
        let bench = Bench::in_world(world());
        bench.world.follow_by_hand(FOLLOWER, "logs", ALIAS, "logs");
        tokio::time::sleep(Duration::from_secs(3)).await;
        bench.world.lag(FOLLOWER, "logs", Duration::from_mins(8));
        bench.world.write_documents(LEADER, "logs", &[("a", 2), ("d", 4)]);
        let answer = bench.success(&create(kind, &properties)).await;
        assert_eq!(answer["Data"]["Documents"], "4", "{kind}");
    }
}

/// A function runs for 15 minutes at most.
#[tokio::test(start_paused = true)]
async fn comparisons_that_take_longer_than_an_invocation_go_on_in_the_next_one() {
    let world = world();
    for index in 1..6 {
        let documents: Vec<_> = (0..40).map(|id| format!("d{id}")).collect();
        let documents: Vec<_> = documents.iter().map(|id| (id.as_str(), 1)).collect();
        world.write_documents(LEADER, &format!("logs-{index}"), &documents);
    }
    let bench = Bench::in_world(world).with_timeout(120);
    let slow = changed(changed(equal_rule(), "CompareRate", "1"), "EqualUpTo", "100");
    let answer = bench.success(&rule(&slow)).await;
    assert_eq!(answer["Data"]["Following"], "6");
    assert_eq!(answer["Data"]["Compared"], "203 documents of 6 indexes are equal on both sides.");
    assert!(bench.world.invocations().len() > 1, "in one invocation it proves nothing");
    let claims = bench.world.claims_left();
    assert!(!claims[0].1.contains("compared by"), "{claims:?}");
}

/// Which of the names were compared is known by the last one, and a new one is before it.
#[tokio::test(start_paused = true)]
async fn an_index_that_comes_while_others_are_compared_is_compared_too() {
    for moment in (60..280).step_by(40) {
        let world = world();
        let documents: Vec<_> = (0..40).map(|id| format!("d{id}")).collect();
        let documents: Vec<_> = documents.iter().map(|id| (id.as_str(), 1)).collect();
        for index in ["logs-1", "logs-2", "logs-3", "logs-4", "logs-5"] {
            world.write_documents(LEADER, index, &documents);
        }
        let bench = Bench::in_world(world.clone()).with_timeout(120);
        let slow = changed(changed(equal_rule(), "CompareRate", "1"), "EqualUpTo", "100");
        let comes = async {
            tokio::time::sleep(Duration::from_secs(moment)).await;
            world.write_documents(LEADER, "logs-0", &[("x", 1)]);
        };
        let event = rule(&slow);
        let (answer, ()) = tokio::join!(bench.success(&event), comes);
        let compared = "204 documents of 7 indexes are equal on both sides.";
        let before = "203 documents of 6 indexes are equal on both sides.";
        let following = answer["Data"]["Following"].as_str().unwrap();
        // When it came after the last look, nobody speaks of it.
        assert_eq!(
            answer["Data"]["Compared"],
            if following == "7" { compared } else { before },
            "{moment} s"
        );
    }
}

/// The comparison takes longer than the deletion.
#[tokio::test(start_paused = true)]
async fn what_was_deleted_while_documents_were_compared_does_not_come_back() {
    for (kind, properties) in [(FOLLOWER_INDEX, equal_index()), (REPLICATION_RULE, equal_rule())] {
        let world = world();
        let documents: Vec<_> = (0..150).map(|id| format!("d{id}")).collect();
        let documents: Vec<_> = documents.iter().map(|id| (id.as_str(), 1)).collect();
        world.write_documents(LEADER, "logs", &documents);
        let bench = Bench::in_world(world.clone());
        let slow = changed(changed(properties, "CompareRate", "1"), "EqualUpTo", "200");
        let slow = changed(slow, "WhenDeleted", "Stop");
        let id = match kind {
            FOLLOWER_INDEX => "follower-index/us-west-2/search-follower.us-west-2.es.amazonaws.com/logs",
            _ => {
                "replication-rule/us-west-2/search-follower.us-west-2.es.amazonaws.com/leader-alias/all-logs"
            }
        };
        let deletes = async {
            tokio::time::sleep(Duration::from_mins(1)).await;
            let mut removal = delete(kind, id, &slow);
            removal["RequestId"] = "removal".into();
            Bench::in_world(world.clone()).success(&removal).await;
            for _ in 0..300 {
                assert_eq!(world.claims_left(), [], "{kind}");
                assert_eq!(world.rules(FOLLOWER), Vec::<String>::new(), "{kind}");
                assert_eq!(world.following(FOLLOWER), 0, "{kind}");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        let event = create(kind, &slow);
        tokio::join!(bench.send(&event), deletes);
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_matches_nothing_has_nothing_to_compare() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&rule(&changed(equal_rule(), "Pattern", "events-*"))).await;
    assert_eq!(answer["Data"]["Compared"], "There is nothing to compare yet.");
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_missing_under_equal_checkpoints_is_named() {
    let bench = Bench::in_world(world());
    bench.success(&index(&changed(equal_index(), "WaitFor", "Syncing"))).await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    bench.world.drop_document(FOLLOWER, "logs", "b");
    let mut again = index(&equal_index());
    again["RequestId"] = json!("second");
    let reason = bench.reason(&again).await;
    assert_snapshot!(reason, @"`logs` differs from the leader's `logs`: 1 document missing (`b`). Write these documents on the leader once more, or have the index copied anew: delete it from its stack and from the follower, and create it again.");
}

#[tokio::test(start_paused = true)]
async fn more_documents_than_shall_be_compared_are_said_not_to_have_been() {
    let bench = Bench::in_world(world());
    let answer = bench.success(&index(&changed(equal_index(), "EqualUpTo", "2"))).await;
    assert_eq!(answer["Data"]["Differences"], "unknown");
    assert_snapshot!(answer["Data"]["Compared"].as_str().unwrap(), @"`logs` has 3 documents and `logs` 3, too many to be compared; mappings, settings and aliases are equal.");
}

#[tokio::test(start_paused = true)]
async fn settings_that_are_nested_are_wanted_otherwise_like_all() {
    let world = world();
    world.describe_index(LEADER, "logs", &json!({}), &json!({ "number_of_replicas": "2" }), &json!({}));
    let bench = Bench::in_world(world);
    let mut nested = equal_index();
    nested["Settings"] = json!({ "index": { "number_of_replicas": "0" } });
    let answer = bench.success(&index(&nested)).await;
    assert_eq!(answer["Data"]["Differences"], "0");
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_the_follower_itself_proves_nothing() {
    let bench = Bench::in_world(world());
    let own = changed(equal_index(), "LeaderEndpoint", FOLLOWER);
    assert_snapshot!(bench.reason(&index(&own)).await, @"index `logs` cannot be compared with leader index `logs`: the leader's index `logs` and the follower's `logs` are one and the same, which proves nothing. Give the leader's own endpoint: both endpoints lead to the same domain.");
}

#[tokio::test(start_paused = true)]
async fn without_the_leaders_endpoint_nothing_can_be_compared() {
    let bench = Bench::in_world(world());
    let blind = changed(changed(equal_index(), "LeaderEndpoint", ""), "LeaderRegion", "");
    assert_snapshot!(bench.reason(&index(&blind)).await, @"Property LeaderEndpoint is missing: expected the endpoint of the leader's domain, because with WaitFor: Equal the documents of both sides are compared; or set WaitFor to Syncing.");
}

#[tokio::test(start_paused = true)]
async fn what_would_outlast_an_invocation_is_refused_with_the_numbers() {
    let bench = Bench::in_world(world());
    let slow = changed(changed(equal_index(), "EqualUpTo", "1000000"), "CompareRate", "100");
    assert_snapshot!(bench.reason(&index(&slow)).await, @"Property EqualUpTo is `1000000`: expected at most 60000, because that many documents are read in 600 s at a CompareRate of 100 a second.");
}

/// The leader's side's own function, which answers questions about any domain that it can reach.
const FUNCTION: &str = "arn:aws:lambda:us-east-1:111111111111:function:tandem-leader-data:questions";

fn with_leaders_function(world: World) -> World {
    let there = world.clone();
    world.with_peer(FUNCTION, move |payload| {
        let there = there.clone();
        async move {
            let event = serde_json::from_str(&payload).unwrap();
            let open = async |access: Access| there.search(&access).await;
            let deadline = Deadline::after(Duration::from_mins(1));
            Ok(compare::serve_question(&event, deadline, open).await.to_string())
        }
    })
}

#[tokio::test(start_paused = true)]
async fn the_leaders_own_function_reads_where_no_path_leads() {
    let bench = Bench::in_world(with_leaders_function(world()));
    let through = changed(equal_index(), "LeaderFunctionArn", FUNCTION);
    let answer = bench.success(&index(&through)).await;
    assert_eq!(answer["Data"]["Documents"], "3");
    let through = changed(equal_rule(), "LeaderFunctionArn", FUNCTION);
    let mut event = rule(&through);
    event["LogicalResourceId"] = json!("Rule");
    assert_eq!(bench.success(&event).await["Data"]["Differences"], "0");
}

#[tokio::test(start_paused = true)]
async fn the_arn_of_the_function_itself_leads_to_its_alias_and_another_alias_is_refused() {
    let bench = Bench::in_world(with_leaders_function(world()));
    let unqualified = FUNCTION.strip_suffix(":questions").unwrap();
    let through = changed(equal_index(), "LeaderFunctionArn", unqualified);
    assert_eq!(bench.success(&index(&through)).await["Data"]["Documents"], "3");
    let other = changed(equal_rule(), "LeaderFunctionArn", &format!("{unqualified}:live"));
    assert_snapshot!(bench.reason(&rule(&other)).await, @"Property LeaderFunctionArn is `arn:aws:lambda:us-east-1:111111111111:function:tandem-leader…`: expected the ARN through which a function of data is asked, output QuestionsArn of its provider.yaml: arn:aws:lambda:us-east-1:123456789012:function:name:questions.");
}
