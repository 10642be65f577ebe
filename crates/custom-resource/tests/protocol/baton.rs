//! Several invocations for one resource: which one goes on, and whose passage through the gate stays open.

#![expect(clippy::expect_used, reason = "an invocation that fails is a test that fails")]

use std::time::Duration;

use custom_resource::testing::{create, update};
use custom_resource::{Applied, DeliveryError, ServeError};
use serde_json::{Value, json};
use tokio::time::Instant;
use wait::Deadline;

use crate::bench::{Bench, KIND, never_ready, pass, ready_at, text, with};

fn request() -> Value {
    create(KIND, &json!({ "Name": "a" }))
}

/// An Update under this id, whose address was signed at this second.
fn change(request_id: &str, second: u8) -> Value {
    let event = update(KIND, "thing/a", &json!({ "Name": "a" }), &json!({ "Name": "a" }));
    let url = format!("https://response.example/stack?X-Amz-Date=20260101T0000{second:02}Z");
    with(&with(&event, "RequestId", json!(request_id)), "ResponseURL", json!(url))
}

/// A bench whose work is ready after so many seconds.
fn ready_after(seconds: u64) -> Bench {
    let ready = Instant::now() + Duration::from_secs(seconds);
    Bench::applying(
        move |context| async move { ready_at(ready, context.deadline).await.map(|()| Applied::new()) },
    )
}

/// Serves an event in an invocation of a minute that another one may outlive; the event it goes on with.
async fn serve(bench: &Bench, event: &Value) -> Option<Value> {
    bench.service.serve(event.clone(), &bench.invocation(60)).await.expect("served");
    bench.stage.take_continuations().pop()
}

#[tokio::test(start_paused = true)]
async fn a_late_delivery_of_an_earlier_request_takes_no_baton_of_a_later_one() {
    let bench = Bench::applying(never_ready);
    let next = serve(&bench, &change("back", 2)).await.unwrap();
    let baton = bench.stage.baton();
    assert_eq!(serve(&bench, &change("given-up", 1)).await, None);
    assert_eq!((bench.stage.baton(), bench.turnstile.inside()), (baton, vec!["back".to_owned()]));
    assert!(serve(&bench, &next).await.is_some(), "the later one goes on");
    assert!(bench.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_later_request_takes_the_baton_of_an_earlier_one_which_leaves_the_gate() {
    let bench = Bench::applying(never_ready);
    let given_up = serve(&bench, &change("given-up", 1)).await.unwrap();
    let back = serve(&bench, &change("back", 2)).await.unwrap();
    assert_eq!(serve(&bench, &given_up).await, None);
    assert_eq!(bench.turnstile.inside(), ["back"]);
    assert!(serve(&bench, &back).await.is_some());
}

#[tokio::test(start_paused = true)]
async fn of_two_deliveries_that_go_on_the_one_without_the_baton_leaves_the_gate() {
    let bench = ready_after(130);
    let first = serve(&bench, &request()).await.unwrap();
    let second = serve(&bench, &request()).await.unwrap();
    assert_eq!(bench.turnstile.inside().len(), 2);
    assert_eq!(serve(&bench, &first).await, None);
    assert_eq!(bench.turnstile.inside().len(), 1, "the other delivery is still inside");
    assert_eq!(serve(&bench, &second).await, None);
    assert_eq!((text(&bench.only_answer(), "Status"), bench.turnstile.inside()), ("SUCCESS", vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_continuation_whose_baton_was_passed_on_leaves_the_gate_open_for_the_next() {
    let bench = Bench::applying(never_ready);
    let next = serve(&bench, &request()).await.unwrap();
    assert!(serve(&bench, &next).await.is_some());
    assert_eq!(serve(&bench, &next).await, None);
    assert_eq!(bench.turnstile.inside().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_is_delivered_again_while_it_is_at_work_waits_for_itself() {
    let bench = ready_after(300);
    let next = serve(&bench, &request()).await.unwrap();
    bench.calls();
    let again = async {
        pass(70).await;
        bench.service.serve(next.clone(), &bench.invocation(900)).await
    };
    let invocation = bench.invocation(900);
    let once = bench.service.serve(next.clone(), &invocation);
    let (once, again) = tokio::join!(once, again);
    once.unwrap();
    again.unwrap();
    assert_eq!((text(&bench.only_answer(), "Status"), bench.calls().len()), ("SUCCESS", 1));
    assert_eq!((bench.stage.baton(), bench.turnstile.inside()), (None, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_died_is_tried_again_when_its_time_is_over() {
    let bench = ready_after(120);
    let next = serve(&bench, &request()).await.unwrap();
    let invocation = bench.invocation(300);
    let dies = bench.service.serve(next.clone(), &invocation);
    assert!(Deadline::after(Duration::from_secs(10)).limit(dies).await.is_none());
    pass(60).await;
    bench.service.serve(next, &bench.invocation(300)).await.unwrap();
    assert_eq!((text(&bench.only_answer(), "Status"), bench.turnstile.inside()), ("SUCCESS", vec![]));
    assert!(
        bench.elapsed() > Duration::from_secs(350),
        "until then it might have lived: {:?}",
        bench.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_continuation_whose_answer_does_not_get_out_is_tried_again_at_once() {
    let bench = ready_after(55);
    let next = serve(&bench, &request()).await.unwrap();
    bench.service.responder().refuse_next(DeliveryError::OutOfTime("HTTP 503".to_owned()));
    let served = bench.service.serve(next.clone(), &bench.invocation(900)).await;
    assert!(matches!(served, Err(ServeError::NotDelivered(_))), "{served:?}");
    let before = bench.elapsed();
    bench.serve(&next).await.unwrap();
    assert_eq!(text(&bench.only_answer(), "Status"), "SUCCESS");
    assert!(bench.elapsed() < before + Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn a_continuation_that_outlives_no_twin_of_its_own_fails_and_keeps_the_gate_open_for_it() {
    let bench = Bench::willing();
    let record = json!({ "Count": 1, "StartedAt": 1_790_000_000_000_u64, "Baton": "b" });
    let taken = json!({ "name": "b", "taken": { "by": "twin", "until": 1_790_009_999 } });
    bench.stage.set_baton(Some(taken.to_string()));
    let served = bench.serve(&with(&request(), "Continuation", record)).await;
    assert!(matches!(served, Err(ServeError::Unclear)), "{served:?}");
    assert_eq!((bench.calls(), bench.answers()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn the_baton_of_an_older_version_is_its_name_alone() {
    let bench = Bench::willing();
    let record = json!({ "Count": 1, "StartedAt": 1_790_000_000_000_u64, "Baton": "1790000000000000000" });
    let event = with(&request(), "Continuation", record);
    bench.stage.set_baton(Some("1790000000000000001".to_owned()));
    bench.serve(&event).await.unwrap();
    assert!(bench.answers().is_empty());
    bench.stage.set_baton(Some("1790000000000000000".to_owned()));
    assert_eq!(text(&bench.answer(&event).await, "Status"), "SUCCESS");
    assert_eq!(bench.stage.baton(), None);
}
