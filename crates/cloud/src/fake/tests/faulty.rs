//! The decorator: which call goes wrong, how, and what it counts.

use std::time::Duration;

use tokio::time::Instant;

use crate::fake::{Fault, Faulty, World};
use crate::{Claims, Cloud, Code, Connections, Error, Filter, Function, Stacks};

use super::{SECRET, code, connection, followers_place, leaders_place, seconds, world};

/// A piece of work with one call on each of six ports.
async fn work(cloud: &Faulty<World>) -> Result<(), Error> {
    cloud.claims().create("a", "text").await?;
    let here = cloud.connections(&followers_place()).await?;
    here.request(&connection("leader")).await?;
    cloud.connections(&leaders_place(Some(SECRET))).await?;
    cloud.resource("stack", "Connection").await?;
    cloud.invoke("arn", "{}").await
}

#[tokio::test(start_paused = true)]
async fn without_a_plan_all_calls_pass_and_are_counted_over_all_ports() {
    let cloud = Faulty::new(world());
    assert_eq!(work(&cloud).await, Ok(()));
    assert_eq!(cloud.calls_made(), 6);
    assert_eq!(
        cloud.faults().operations(),
        [
            "PutParameter",
            "session",
            "CreateOutboundConnection",
            "AssumeRole",
            "DescribeStackResource",
            "Invoke"
        ]
    );
    assert!(!cloud.faults().has_struck());
}

#[tokio::test(start_paused = true)]
async fn a_law_can_fail_every_call_in_turn_until_there_is_none_left() {
    let mut failed = Vec::new();
    for n in 1.. {
        let cloud = Faulty::new(world()).on_call(n, Fault::Fail(Code::AccessDenied));
        let result = work(&cloud).await;
        if !cloud.faults().has_struck() {
            assert_eq!((result, n), (Ok(()), 7));
            break;
        }
        let error = result.unwrap_err();
        assert_eq!((error.code, cloud.calls_made()), (Code::AccessDenied, n));
        failed.push(error.operation);
    }
    assert_eq!(failed.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn the_nth_call_of_an_operation_fails_without_effect_and_no_other() {
    let cloud = Faulty::new(world()).on("PutParameter", 2, Fault::Fail(Code::Internal));
    assert_eq!(code(cloud.claims().create("a", "one").await), None);
    assert_eq!(code(cloud.claims().read("a").await), None);
    assert_eq!(code(cloud.claims().write("a", "two").await), Some(Code::Internal));
    assert_eq!(cloud.inner().claims_left(), [("a".to_owned(), "one".to_owned())]);
    assert_eq!(code(cloud.claims().write("a", "three").await), None);
}

#[tokio::test(start_paused = true)]
async fn throttling_lasts_as_many_calls_as_planned() {
    let cloud = Faulty::new(world()).on("GetParameter", 2, Fault::Throttle(3));
    let mut codes = Vec::new();
    for _ in 0..6 {
        codes.push(code(cloud.claims().read("a").await));
    }
    let throttled = || Some(Code::Throttled);
    assert_eq!(codes, [None, throttled(), throttled(), throttled(), None, None]);
    assert_eq!(cloud.inner().calls_of("GetParameter"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_delayed_call_takes_that_much_longer() {
    let cloud = Faulty::new(world()).on_call(1, Fault::Delay(Duration::from_secs(7)));
    let start = Instant::now();
    cloud.claims().read("a").await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_millis(7_050));
}

#[tokio::test(start_paused = true)]
async fn a_lost_response_hides_an_effect() {
    let cloud = Faulty::new(world()).on("CreateOutboundConnection", 1, Fault::LoseResponse);
    let error = work(&cloud).await.unwrap_err();
    assert_eq!((error.operation, error.code), ("CreateOutboundConnection", Code::NoAnswer));
    assert_eq!(cloud.inner().live_connections().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn work_is_dropped_before_or_after_the_effect_of_a_call() {
    for (fault, made) in [(Fault::CancelBefore, 0), (Fault::CancelAfter, 1)] {
        let cloud = Faulty::new(world()).on("CreateOutboundConnection", 1, fault);
        assert_eq!(cloud.run(work(&cloud)).await, None);
        assert_eq!(cloud.inner().live_connections().len(), made);
        assert_eq!(cloud.calls_made(), 3);
        cloud.faults().disarm();
        seconds(1).await;
        let here = cloud.connections(&followers_place()).await.unwrap();
        assert_eq!(cloud.run(here.outbound(Filter::Id("any"))).await, Some(Ok(Vec::new())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_call_can_be_waited_for_from_outside_of_its_task() {
    let cloud = Faulty::new(world()).on_call(2, Fault::CancelBefore);
    let (faults, world) = (cloud.faults(), cloud.inner().clone());
    let task = tokio::spawn(async move { work(&cloud).await });
    faults.cancelled().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    assert_eq!((faults.calls_made(), world.claims_left().len()), (2, 1));
}
