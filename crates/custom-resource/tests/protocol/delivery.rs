//! Getting the answer out, once or several times.

use custom_resource::testing::{Refusal, create, delete, update};
use custom_resource::{Applied, DeliveryError, ServeError};
use serde_json::{Value, json};
use tokio::time::Instant;
use wait::Retry;

use crate::bench::{Bench, KIND, pass, ready_at, text};

fn properties() -> Value {
    json!({ "Name": "a" })
}

/// One request of each type, and the status that CloudFormation has while it waits for it.
fn requests() -> [(Value, &'static str); 3] {
    [
        (create(KIND, &properties()), "CREATE_IN_PROGRESS"),
        (update(KIND, "thing/a", &properties(), &properties()), "UPDATE_IN_PROGRESS"),
        (delete(KIND, "thing/a", &properties()), "DELETE_IN_PROGRESS"),
    ]
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_does_not_get_out_fails_the_invocation_so_that_lambda_tries_again() {
    for (request, status) in requests() {
        let bench = Bench::willing();
        bench.stage.set_record(status, None);
        for error in [
            DeliveryError::Unreachable("connection refused".to_owned()),
            DeliveryError::OutOfTime("not within 3 s".to_owned()),
            DeliveryError::Insecure("http://example.com/…".to_owned()),
        ] {
            bench.service.responder().refuse_next(error.clone());
            let served = bench.serve(&request).await;
            assert!(matches!(&served, Err(ServeError::NotDelivered(cause)) if *cause == error), "{served:?}");
        }
        assert_eq!(text(&bench.answer(&request).await, "Status"), "SUCCESS", "the next try gets through");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_answer_to_a_request_that_waits_fails_the_invocation() {
    for (request, status) in requests() {
        for is_unwell in [false, true] {
            let bench = Bench::willing();
            bench.stage.set_record(status, None);
            bench.stage.refuse_looks(is_unwell.then_some(Refusal("rate exceeded", Retry::Later)));
            bench.service.responder().refuse_next(DeliveryError::Refused(403));
            let served = bench.serve(&request).await;
            assert!(
                matches!(served, Err(ServeError::NotDelivered(DeliveryError::Refused(403)))),
                "{served:?}"
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_answer_to_a_request_that_a_duplicate_answered_is_none_too_few() {
    for ((request, status), after) in requests().into_iter().zip([
        ["CREATE_COMPLETE", "CREATE_FAILED", "DELETE_IN_PROGRESS"],
        ["UPDATE_COMPLETE", "UPDATE_FAILED", "DELETE_COMPLETE"],
        ["DELETE_COMPLETE", "DELETE_FAILED", "DELETE_SKIPPED"],
    ]) {
        for after in after {
            let bench = Bench::willing();
            bench.stage.set_record(status, None);
            bench.service.responder().refuse_next(DeliveryError::Refused(403));
            // The record lags behind the duplicate's answer, too.
            let duplicate = async {
                pass(2).await;
                bench.stage.set_record(after, Some("thing/a"));
            };
            let (served, ()) = tokio::join!(bench.serve(&request), duplicate);
            served.unwrap();
            assert!(bench.answers().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_has_the_same_answer_twice() {
    for (request, status) in requests() {
        let bench = Bench::willing();
        bench.stage.set_record(status, None);
        let first = bench.answer(&request).await;
        assert_eq!(bench.answer(&request).await, first);
    }
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_at_the_same_time_has_the_same_answer_twice() {
    for (request, status) in requests() {
        let ready = Instant::now() + std::time::Duration::from_mins(2);
        let bench = Bench::of(
            move |context| async move { ready_at(ready, context.deadline).await.map(|()| Applied::new()) },
            move |context| async move { ready_at(ready, context.deadline).await },
        );
        bench.stage.set_record(status, None);
        let second = async {
            pass(30).await;
            bench.serve(&request).await
        };
        let (first, second) = tokio::join!(bench.serve(&request), second);
        first.unwrap();
        second.unwrap();
        let answers = bench.answers();
        assert!(answers.len() == 2 && answers.first() == answers.last(), "{answers:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_two_deliveries_of_one_request_the_later_one_finds_it_answered_and_is_silent() {
    let bench = Bench::willing();
    let (request, status) = (create(KIND, &properties()), "CREATE_IN_PROGRESS");
    bench.stage.set_record(status, None);
    bench.answer(&request).await;
    bench.stage.set_record("CREATE_COMPLETE", Some("thing/a"));
    bench.calls();
    bench.serve(&request).await.unwrap();
    assert_eq!((bench.answers(), bench.calls()), (vec![], vec![]));
}
