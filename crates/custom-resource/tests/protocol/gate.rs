//! The gate: open before the first call, closed after the answer, on every end.
//!
//! That it is open exactly while a request goes on elsewhere, the bench checks after every invocation of every test.

use std::time::Duration;

use custom_resource::testing::{Jam, Refusal, create, delete};
use custom_resource::{Applied, DeliveryError, Failure, ServeError};
use serde_json::{Value, json};
use wait::{Retry, TimedOut};

use crate::bench::{Bench, KIND, Trouble, never_ready, reason, text};

fn request() -> Value {
    create(KIND, &json!({ "Name": "a" }))
}

fn removal() -> Value {
    delete(KIND, "thing/a", &json!({ "Name": "a" }))
}

fn refusal() -> Jam {
    Jam::Refuses(Failure::new(Trouble("no capacity for the gate", None)).hint("Try later."))
}

fn not_yet() -> Failure {
    let ended = TimedOut { waited: Duration::from_secs(880), polls: 90, last: "stopping".to_owned() };
    Failure::OutOfTime { awaited: "the gate is not open".to_owned(), ended }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_needs_no_call_needs_no_gate() {
    let bench = Bench::willing();
    for event in [
        create(KIND, &json!({ "Nmae": "a" })),
        create("Custom::Else", &json!({})),
        delete(KIND, "unidentified/Connection/Create-request", &json!({})),
        json!({}),
    ] {
        drop(bench.serve(&event).await);
    }
    assert_eq!(bench.turnstile.passages(), 0);
}

#[tokio::test(start_paused = true)]
async fn d09_the_gate_is_closed_after_a_success_a_failure_and_a_panic() {
    let bench = Bench::willing();
    bench.serve(&request()).await.unwrap();
    assert_eq!((bench.turnstile.passages(), bench.turnstile.inside()), (1, vec![]));
    let bench = Bench::applying(async |_| Err(Failure::new(Trouble("denied", None))));
    bench.reason(&request()).await;
    assert_eq!((bench.turnstile.passages(), bench.turnstile.inside()), (1, vec![]));
    let bench = Bench::applying(|_| -> std::future::Ready<_> { panic!("broken") });
    bench.reason(&request()).await;
    assert_eq!((bench.turnstile.passages(), bench.turnstile.inside()), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn d09_the_gate_is_closed_when_the_answer_does_not_get_out_or_nobody_waits() {
    let bench = Bench::willing();
    bench.service.responder().refuse_next(DeliveryError::OutOfTime("not within 3 s".to_owned()));
    assert!(matches!(bench.serve(&request()).await, Err(ServeError::NotDelivered(_))));
    assert_eq!((bench.turnstile.passages(), bench.turnstile.inside()), (1, vec![]));
    bench.stage.set_record("DELETE_COMPLETE", None);
    bench.serve(&request()).await.unwrap();
    assert_eq!((bench.turnstile.passages(), bench.turnstile.inside()), (2, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_response_bucket_that_is_down_leaves_the_gate_its_time_to_close() {
    for (seconds, closing) in [(900, 29), (300, 29), (60, 5)] {
        let bench = Bench::willing();
        bench.turnstile.close_within(Duration::from_secs(closing));
        bench.service.responder().be_down(true);
        assert!(matches!(bench.serve_in(&request(), seconds).await, Err(ServeError::NotDelivered(_))));
        assert_eq!(bench.turnstile.inside(), Vec::<String>::new(), "{seconds} s");
        assert!(bench.elapsed() > Duration::from_secs(seconds * 9 / 10), "the answer was tried all the same");
    }
}

#[tokio::test(start_paused = true)]
async fn a_continuation_keeps_the_gate_open_and_its_last_invocation_closes_it() {
    let bench = Bench::applying(never_ready);
    let request = create(KIND, &json!({ "Name": "a", "ServiceTimeout": "600" }));
    let mut events = vec![request];
    let mut passages = 0;
    while let Some(event) = events.pop() {
        passages += 1;
        bench.serve_in(&event, 300).await.unwrap();
        events = bench.stage.take_continuations();
        assert_eq!(bench.turnstile.inside().len(), events.len());
    }
    assert_eq!(bench.turnstile.passages(), passages);
    assert!(reason(&bench.only_answer()).contains("not READY"));
}

#[tokio::test(start_paused = true)]
async fn d09_the_gate_is_closed_when_the_function_cannot_invoke_itself() {
    let bench = Bench::applying(never_ready);
    bench.stage.refuse_continuations(Some(Refusal("access denied", Retry::Never)));
    assert!(bench.reason(&request()).await.contains("cannot invoke itself"));
    assert_eq!(bench.turnstile.inside(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_does_not_open_fails_the_request_and_nothing_is_called() {
    let bench = Bench::willing();
    bench.turnstile.jam_next(refusal());
    let answer = bench.answer(&request()).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
    insta::assert_snapshot!(reason(&answer), @"no capacity for the gate. Try later.");
    assert_eq!((bench.calls(), bench.turnstile.inside()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_gate_that_panics_or_hangs_becomes_an_answer_or_another_invocation() {
    let bench = Bench::willing();
    bench.turnstile.jam_next(Jam::Panics);
    assert!(bench.reason(&request()).await.contains("the turnstile is jammed"));
    bench.turnstile.jam_next(Jam::Hangs);
    assert_eq!(bench.serve_through(&request(), 900).await, 2);
    assert_eq!(text(&bench.only_answer(), "Status"), "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn d12_a_gate_that_is_not_ready_in_time_is_waited_for_in_another_invocation() {
    let bench = Bench::willing();
    bench.turnstile.jam_next(Jam::Refuses(not_yet()));
    assert_eq!(bench.serve_through(&request(), 900).await, 2);
    assert_eq!(text(&bench.only_answer(), "Status"), "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_needs_no_way_out_is_not_blocked_by_the_gate() {
    let bench = Bench::willing();
    bench.turnstile.jam_next(refusal());
    assert_eq!(text(&bench.answer(&removal()).await, "Status"), "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_that_needs_the_way_out_answers_why_there_is_none() {
    for cleanup in [|| async { Err(Failure::new(Trouble("no answer", None))) }] {
        let bench = Bench::of(async |_| Ok(Applied::new()), move |_| cleanup());
        bench.turnstile.jam_next(refusal());
        assert_eq!(bench.reason(&removal()).await, "no capacity for the gate. Try later.");
    }
    let bench = Bench::of(async |_| Ok(Applied::new()), never_ready);
    bench.turnstile.jam_next(refusal());
    assert_eq!(bench.reason(&removal()).await, "no capacity for the gate. Try later.");
    assert!(bench.elapsed() < Duration::from_secs(40), "the rollback does not wait: {:?}", bench.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_out_whatever_closing_the_gate_does() {
    for jam in [Jam::PanicsWhenClosed, Jam::HangsWhenClosed] {
        let bench = Bench::willing();
        bench.turnstile.jam_next(jam);
        assert_eq!(text(&bench.answer(&request()).await, "Status"), "SUCCESS");
    }
}
