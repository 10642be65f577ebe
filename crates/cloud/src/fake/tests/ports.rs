//! Claims, stacks, the function, and the journal of calls.

use crate::fake::Invocation;
use crate::{Claimed, Claims, Cloud, Code, Connections, Filter, Function, Recorded, StackResource, Stacks};

use super::{FOLLOWER, LEADER, at_leader, code, world};

#[tokio::test(start_paused = true)]
async fn of_many_who_claim_at_once_exactly_one_is_first() {
    let world = world();
    let claims = world.claims();
    let (one, two, three) =
        tokio::join!(claims.create("a/b", "one"), claims.create("a/b", "two"), claims.create("a/b", "three"));
    let new = [one, two, three].into_iter().filter(|claimed| *claimed == Ok(Claimed::New)).count();
    assert_eq!(new, 1);
    assert_eq!(world.claims_left().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_claim_is_read_replaced_and_removed_and_removing_nothing_succeeds() {
    let world = world();
    let claims = world.claims();
    assert_eq!(claims.read("a").await, Ok(None));
    assert_eq!(claims.create("a", "mine").await, Ok(Claimed::New));
    assert_eq!(claims.create("a", "yours").await, Ok(Claimed::Taken));
    assert_eq!(claims.read("a").await, Ok(Some(Recorded { text: "mine".to_owned(), version: 1 })));
    assert_eq!(claims.write("a", "still mine").await, Ok(2));
    assert_eq!(claims.read_version("a", 1).await, Ok(Some("mine".to_owned())));
    assert_eq!(claims.read_version("a", 3).await, Ok(None));
    assert_eq!(world.claims_left(), [("a".to_owned(), "still mine".to_owned())]);
    claims.remove("a").await.unwrap();
    claims.remove("a").await.unwrap();
    assert!(world.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_claim_holds_what_a_parameter_holds() {
    let world = world();
    for text in ["", &"x".repeat(4097)] {
        assert_eq!(code(world.claims().create("a", text).await), Some(Code::Validation));
        assert_eq!(code(world.claims().write("a", text).await), Some(Code::Validation));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_has_the_resources_it_was_given() {
    let world = world();
    let resource =
        StackResource { status: "CREATE_IN_PROGRESS".to_owned(), physical_id: Some("an id".to_owned()) };
    assert_eq!(world.resource("stack", "Connection").await, Ok(None));
    world.stack_resource("stack", "Connection", resource.clone());
    assert_eq!(world.resource("stack", "Connection").await, Ok(Some(resource)));
    world.forget_stack_resource("stack", "Connection");
    assert_eq!(world.resource("stack", "Connection").await, Ok(None));
}

#[tokio::test(start_paused = true)]
async fn invocations_are_recorded_unless_they_are_not_permitted() {
    let world = world();
    world.invoke("arn", "{}").await.unwrap();
    let expected = Invocation { function_arn: "arn".to_owned(), payload: "{}".to_owned() };
    world.deny("Invoke");
    assert_eq!(code(world.invoke("arn", "{}").await), Some(Code::AccessDenied));
    assert_eq!(world.invocations(), [expected], "the one before");
}

#[tokio::test(start_paused = true)]
async fn the_journal_says_what_was_called_where_and_about_what() {
    let world = world();
    let there = at_leader(&world).await;
    there.inbound(Filter::Id("an-id")).await.unwrap();
    world.claims().read("a").await.unwrap();
    let calls: Vec<_> = world
        .calls()
        .into_iter()
        .map(|call| (call.operation, call.account, call.region, call.subject, call.at.as_millis()))
        .collect();
    let line = |operation, account: &str, region: &str, subject: &str, at| {
        (operation, account.to_owned(), region.to_owned(), subject.to_owned(), at)
    };
    assert_eq!(
        calls,
        [
            line("AssumeRole", LEADER, "us-east-1", super::ROLE, 25),
            line("DescribeInboundConnections", LEADER, "us-east-1", "an-id", 75),
            line("GetParameter", FOLLOWER, "us-west-2", "a", 125),
        ]
    );
}
