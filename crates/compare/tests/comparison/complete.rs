//! What was not read completely is never taken as equal, nor as different.

use std::time::Duration;

use cloud::fake::World;
use compare::{Comparison, Problem, Report, Verdict, compare};
use serde_json::{Value, json};
use wait::Deadline;

use crate::support::{FOLLOWER, LEADER, comparison, near, world};
use crate::tampered::tampered;

fn deadline() -> Deadline {
    Deadline::after(Duration::from_mins(10))
}

/// A comparison whose follower's answers are changed.
async fn changed(world: &World, change: fn(&str, &mut Value)) -> Result<Report, Problem> {
    changed_at(world, change, comparison().rate).await
}

async fn changed_at(world: &World, change: fn(&str, &mut Value), rate: u32) -> Result<Report, Problem> {
    let (leader, follower) = (near(world, LEADER).await, tampered(world, FOLLOWER, change).await);
    let compared = compare(&leader, &follower, &Comparison { rate, ..comparison() }, deadline()).await;
    assert_eq!((world.open_points(LEADER), world.open_points(FOLLOWER)), (0, 0));
    compared
}

fn hits(answer: &mut Value) -> Option<&mut Vec<Value>> {
    answer.pointer_mut("/hits/hits")?.as_array_mut()
}

#[tokio::test(start_paused = true)]
async fn an_index_that_was_shrunk_is_read_completely() {
    let world = world(300, 1);
    // Three times a hundred sequence numbers, and pages end between documents of the same one.
    world.shrink_index(LEADER, "l1", 3);
    let (leader, follower) = (near(&world, LEADER).await, near(&world, FOLLOWER).await);
    let report = compare(&leader, &follower, &comparison(), deadline()).await.unwrap();
    assert_eq!((report.verdict, report.leader.documents), (Verdict::Equal, 300));
    world.shrink_index(FOLLOWER, "f1", 3);
    world.put_document(FOLLOWER, "f1", "d20", None);
    let report = compare(&leader, &follower, &comparison(), deadline()).await.unwrap();
    assert_eq!((report.verdict, report.differences), (Verdict::Different, 1));
}

#[tokio::test(start_paused = true)]
async fn documents_that_are_passed_over_are_noticed() {
    let world = world(300, 2);
    let lose = |_: &str, answer: &mut Value| {
        if let Some(hits) = hits(answer) {
            hits.retain(|hit| hit["_id"] != "d7");
        }
    };
    // Both sides pass over the same one: without the count they would look equal.
    let (leader, follower) = (tampered(&world, LEADER, lose).await, tampered(&world, FOLLOWER, lose).await);
    let problem = compare(&leader, &follower, &comparison(), deadline()).await.unwrap_err();
    assert!(problem.sentence.contains("documents in shard "), "{problem}");
    assert!(problem.may_pass && problem.sentence.ends_with("were read"), "{problem}");
    assert_eq!((world.open_points(LEADER), world.open_points(FOLLOWER)), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_document_that_is_there_twice_is_a_problem_with_its_name() {
    let problem = changed(&world(300, 1), |_, answer| double(answer, "d7")).await.unwrap_err();
    insta::assert_snapshot!(problem.told(), @"the follower: the document `d7` is there twice in the index `f1`. Delete every document of this id there and write it once more, or have the index copied anew.");
    assert!(!problem.may_pass);
    // The second one comes a minute later, in another part of the reading.
    let later = changed_at(&world(300, 1), |_, answer| double(answer, "d250"), 4).await.unwrap_err();
    assert_eq!(later.sentence, problem.sentence);
}

/// `d7` is there once more, before the named one; the domain knows of so many.
fn double(answer: &mut Value, before: &str) {
    let Some(hits) = hits(answer) else { return };
    if let Some(at) = hits.iter().position(|hit| hit["_id"] == before) {
        let seventh = json!({ "_id": "d7", "_version": 1, "_source": { "number": 7 }, "sort": [0, 0] });
        hits.insert(at, seventh);
    }
    if let Some(total) = answer.pointer_mut("/hits/total/value") {
        *total = json!(total.as_u64().unwrap() + 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_compared_with_itself_is_a_problem_that_says_what_to_do() {
    let world = world(30, 1);
    let (leader, same) = (near(&world, LEADER).await, near(&world, LEADER).await);
    let what = Comparison { follower_index: "l1".to_owned(), ..comparison() };
    let problem = compare(&leader, &same, &what, deadline()).await.unwrap_err();
    insta::assert_snapshot!(problem.told(), @"the leader's index `l1` and the follower's `l1` are one and the same, which proves nothing. Give the leader's own endpoint: both endpoints lead to the same domain.");
    assert!(!problem.may_pass);
    // Two indexes of one domain are two.
    world.describe_index(LEADER, "f1", &json!({}), &json!({}), &json!({}));
    let what = Comparison { leader_index: "f1".to_owned(), ..what };
    assert_eq!(compare(&leader, &same, &what, deadline()).await.unwrap().verdict, Verdict::Different);
}

#[tokio::test(start_paused = true)]
async fn a_document_without_a_source_is_named_and_not_read_again() {
    let without = |_: &str, answer: &mut Value| {
        for hit in hits(answer).into_iter().flatten().filter(|hit| hit["_id"] == "d7") {
            hit.as_object_mut().unwrap().remove("_source");
        }
    };
    let problem = changed(&world(30, 1), without).await.unwrap_err();
    assert!(!problem.may_pass && problem.sentence.contains("the document `d7` has no source"), "{problem}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_of_some_shards_only_is_a_problem_that_may_pass() {
    let cases: [fn(&str, &mut Value); 6] = [
        |path, answer| fail(path, "_refresh", answer),
        |path, answer| fail(path, "_count", answer),
        |path, answer| fail(path, "_search?", answer),
        |path, answer| fail(path, "point_in_time", answer),
        |path, answer| miss(path, "_count", answer),
        |path, answer| miss(path, "_search?", answer),
    ];
    for change in cases {
        let problem = changed(&world(30, 1), change).await.unwrap_err();
        assert!(problem.may_pass && problem.sentence.starts_with("the follower: cannot "), "{problem}");
        assert!(
            problem.sentence.ends_with("1 of 1 shards failed")
                || problem.sentence.ends_with("0 of 1 shards answered"),
            "{problem}"
        );
    }
}

fn fail(path: &str, which: &str, answer: &mut Value) {
    set(path, which, answer.pointer_mut("/_shards/failed"), 1);
}

/// Nothing failed, but nobody was there.
fn miss(path: &str, which: &str, answer: &mut Value) {
    set(path, which, answer.pointer_mut("/_shards/successful"), 0);
}

fn set(path: &str, which: &str, member: Option<&mut Value>, number: u32) {
    if let Some(member) = member.filter(|_| path.contains(which)) {
        *member = number.into();
    }
}
