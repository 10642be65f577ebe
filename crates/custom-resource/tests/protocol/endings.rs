//! How work ends: an error, a panic, no time left, another invocation.

use std::time::Duration;

use custom_resource::testing::{Refusal, create, delete, update};
use custom_resource::{Applied, Failure};
use serde_json::{Value, json};
use tokio::time::Instant;
use wait::Retry;

use crate::bench::{Bench, KIND, Trouble, never_ready, pass, ready_at, reason, text, with};

fn request() -> Value {
    create(KIND, &json!({ "Name": "a" }))
}

fn request_within(service_timeout: &str) -> Value {
    create(KIND, &json!({ "Name": "a", "ServiceTimeout": service_timeout }))
}

#[tokio::test(start_paused = true)]
async fn a_failure_says_what_failed_why_and_what_to_do_under_the_identity() {
    let bench = Bench::applying(async |_| {
        let why = Trouble("access denied", None);
        Err(Failure::new(Trouble("cannot make thing `a`", Some(Box::new(why)))).hint("Allow thing:Make."))
    });
    let answer = bench.answer(&request()).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
    insta::assert_snapshot!(reason(&answer), @"cannot make thing `a`: access denied. Allow thing:Make.");
}

#[tokio::test(start_paused = true)]
async fn attributes_that_do_not_fit_are_a_failure_under_the_identity() {
    let bench = Bench::applying(async |_| Ok(Applied::new().attribute("Text", "x".repeat(4096))));
    let answer = bench.answer(&request()).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
    insta::assert_snapshot!(reason(&answer), @"The attributes do not fit into CloudFormation's answer of 4096 bytes: 212 bytes too many.");
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_the_first_poll_is_answered_under_the_identity() {
    let bench = Bench::applying(|_| -> std::future::Ready<_> { panic!("index out of bounds") });
    let answer = bench.answer(&request()).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
    insta::assert_snapshot!(reason(&answer), @"The function panicked, which is a defect of it: index out of bounds. Its log has the place; please report it.");
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_an_await_is_answered_whatever_it_carries() {
    for (message, expected) in [(Some(7), "number 7"), (None, "without a message")] {
        let panics = move |_| async move {
            pass(60).await;
            match message {
                Some(number) => panic!("number {number}"),
                None => std::panic::panic_any(7),
            }
        };
        let bench = Bench::of(panics, async |_| panic!("cleanup"));
        assert!(bench.reason(&request()).await.contains(expected));
        assert!(bench.reason(&delete(KIND, "thing/a", &json!({}))).await.contains("cleanup"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_panics_when_it_is_dropped_is_answered() {
    struct Mine;
    impl Drop for Mine {
        fn drop(&mut self) {
            assert!(std::thread::panicking(), "dropped");
        }
    }
    let bench = Bench::applying(async |_| {
        let _mine = Mine;
        std::future::pending().await
    });
    assert!(bench.reason(&request()).await.contains("dropped"));
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_never_returns_is_cut_off_and_the_work_goes_on_in_another_invocation() {
    for seconds in [3, 6, 60, 900] {
        let bench = Bench::of(async |_| std::future::pending().await, async |_| std::future::pending().await);
        for event in [request(), delete(KIND, "thing/a", &json!({}))] {
            bench.serve_in(&event, seconds).await.unwrap();
            assert_eq!(bench.stage.take_continuations().len(), 1, "{seconds} s");
            assert!(bench.answers().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_kind_that_never_returns_is_answered_before_cloudformation_gives_up() {
    for service_timeout in ["1", "10", "60", "600"] {
        let bench = Bench::applying(async |_| std::future::pending().await);
        let reason = bench.reason(&request_within(service_timeout)).await;
        assert!(bench.elapsed() < Duration::from_secs(service_timeout.parse().unwrap()));
        assert_eq!(reason, "The work did not end in time: a call did not come back.");
    }
}

#[tokio::test(start_paused = true)]
async fn a_time_out_says_what_never_became_true_and_the_last_status() {
    let bench = Bench::of(never_ready, never_ready);
    let created = bench.answer(&request_within("300")).await;
    assert_eq!(text(&created, "PhysicalResourceId"), "thing/a");
    assert!(bench.elapsed() < Duration::from_mins(5), "CloudFormation still waits");
    insta::assert_snapshot!(reason(&created), @"thing `a` is not READY: not within 270 s (41 looks); last status: VALIDATING.");
    let deletion = delete(KIND, "thing/a", &json!({ "Name": "a", "ServiceTimeout": "300" }));
    assert_eq!(bench.reason(&deletion).await, reason(&created));
    assert!(bench.stage.take_continuations().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_continuation_is_the_same_event_with_the_count_and_the_start_of_the_operation() {
    let bench = Bench::applying(never_ready);
    let mut event = with(&request(), "SomethingNew", json!({ "kept": [1, 2.5, null] }));
    let started_at = u64::try_from(bench.invocation(0).now.as_millis()).unwrap();
    for count in 1..4 {
        bench.serve_in(&event, 60).await.unwrap();
        let baton = bench.stage.baton().unwrap();
        let record = json!({ "Count": count, "StartedAt": started_at, "Baton": baton });
        let expected = with(&event, "Continuation", record);
        event = bench.stage.take_continuations().remove(0);
        assert_eq!(event, expected);
    }
    assert!(bench.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn work_that_needs_several_invocations_ends_in_one_success() {
    for event in [
        request(),
        update(KIND, "thing/a", &json!({ "Name": "a" }), &json!({ "Name": "a" })),
        delete(KIND, "thing/a", &json!({ "Name": "a" })),
    ] {
        let ready = Instant::now() + Duration::from_mins(20);
        let bench = Bench::of(
            move |context| async move { ready_at(ready, context.deadline).await.map(|()| Applied::new()) },
            move |context| async move { ready_at(ready, context.deadline).await },
        );
        assert_eq!(bench.serve_through(&event, 300).await, 5);
        assert_eq!(text(&bench.only_answer(), "Status"), "SUCCESS");
        assert!(bench.elapsed() <= Duration::from_secs(1210), "found within one interval");
    }
}

#[tokio::test(start_paused = true)]
async fn a_chain_of_invocations_ends_at_the_service_timeout_with_one_failure() {
    for (service_timeout, seconds, invocations) in [(3600, 900, 5), (3600, 400, 10), (1000, 900, 2)] {
        let bench = Bench::applying(never_ready);
        let event = request_within(&service_timeout.to_string());
        assert_eq!(bench.serve_through(&event, seconds).await, invocations);
        let elapsed = bench.elapsed().as_secs();
        assert!(
            (service_timeout - 35..service_timeout).contains(&elapsed),
            "{elapsed} of {service_timeout} s"
        );
        let reason = reason(&bench.only_answer());
        assert!(reason.starts_with("thing `a` is not READY: not within "), "{reason}");
        let end = format!(
            "last status: VALIDATING. After {invocations} invocations the ServiceTimeout of {service_timeout} s is used up."
        );
        assert!(reason.ends_with(&end), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_with_too_short_a_time_out_says_so_before_lambda_stops_the_chain() {
    let bench = Bench::applying(never_ready);
    assert_eq!(bench.serve_through(&request(), 60).await, 14);
    insta::assert_snapshot!(reason(&bench.only_answer()), @"thing `a` is not READY: not within 50 s (10 looks); last status: VALIDATING. The work cannot go on after 14 invocations, because the function's timeout is too short: raise it, so that fewer invocations are needed.");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_may_not_invoke_itself_says_so_in_time() {
    let bench = Bench::applying(never_ready);
    for retry in [Retry::Never, Retry::Later] {
        bench.stage.refuse_continuations(Some(Refusal("access denied", retry)));
        for seconds in [3, 60, 900] {
            bench.serve_in(&request(), seconds).await.unwrap();
            let reason = reason(&bench.only_answer());
            assert!(reason.contains("cannot invoke itself: access denied"), "{reason}");
        }
    }
    bench.stage.refuse_continuations(Some(Refusal("access denied", Retry::Never)));
    bench.serve_in(&request(), 60).await.unwrap();
    assert_eq!(bench.stage.baton(), None, "no other invocation goes on");
    insta::assert_snapshot!(reason(&bench.only_answer()), @"thing `a` is not READY: not within 50 s (10 looks); last status: VALIDATING. The work needs longer than one invocation, and the function cannot invoke itself: access denied. Allow lambda:InvokeFunction on arn:aws:lambda:us-west-2:222222222222:function:tandem in the function's role.");
}

/// Lambda ended an invocation that had handed over already, and tries it again: without a baton each would start another.
#[tokio::test(start_paused = true)]
async fn of_many_invocations_for_one_request_one_goes_on() {
    let bench = Bench::applying(never_ready);
    let mut waiting = vec![request()];
    for hop in 1..8 {
        let mut started = Vec::new();
        for event in &waiting {
            for _delivery in 0..3 {
                pass(1).await;
                bench.serve_in(event, 60).await.unwrap();
                started.extend(bench.stage.take_continuations());
            }
        }
        assert!(started.len() <= 3, "hop {hop} started {} invocations", started.len());
        waiting = started;
    }
    assert!(bench.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_baton_is_gone_when_the_request_is_answered() {
    let bench = Bench::applying(never_ready);
    bench.serve_in(&request(), 60).await.unwrap();
    let next = bench.stage.take_continuations().remove(0);
    assert!(bench.stage.baton().is_some());
    let willing = Bench::willing();
    willing.stage.set_baton(bench.stage.baton());
    willing.serve_in(&next, 60).await.unwrap();
    assert_eq!((text(&willing.only_answer(), "Status"), willing.stage.baton()), ("SUCCESS", None));
    // A second delivery of the same continuation has nothing to go on with.
    willing.serve_in(&next, 60).await.unwrap();
    assert!(willing.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_clock_that_jumps_backwards_between_invocations_ends_in_one_answer_all_the_same() {
    let bench = Bench::applying(never_ready);
    let mut event = request();
    for hours in 1..20_u64 {
        let mut invocation = bench.invocation(900);
        invocation.now -= Duration::from_hours(hours);
        bench.service.serve(event.clone(), &invocation).await.unwrap();
        match bench.stage.take_continuations().pop() {
            Some(next) => event = next,
            None => break,
        }
    }
    assert!(reason(&bench.only_answer()).contains("after 14 invocations"));
}

#[tokio::test(start_paused = true)]
async fn any_service_timeout_is_read_as_a_time() {
    for (service_timeout, seconds) in [
        (json!("0"), 1),
        (json!("1"), 1),
        (json!(60), 60),
        (json!("60"), 60),
        (json!("-1"), 3600),
        (json!("99999"), 3600),
        (json!(u64::MAX), 3600),
        (json!("1e2"), 3600),
        (json!(true), 3600),
        (json!([60]), 3600),
        (json!(null), 3600),
    ] {
        let bench = Bench::applying(never_ready);
        let event = create(KIND, &json!({ "Name": "a", "ServiceTimeout": service_timeout }));
        bench.serve_through(&event, 900).await;
        assert!(reason(&bench.only_answer()).contains("last status: VALIDATING"));
        let elapsed = bench.elapsed();
        let (least, most) = (Duration::from_secs(seconds) * 8 / 10, Duration::from_secs(seconds));
        // The last look, made when the time is up, costs none here.
        assert!(elapsed >= least && elapsed <= most, "{service_timeout}: {elapsed:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_continuation_record_among_the_properties_is_a_property_like_any_other() {
    let bench = Bench::applying(never_ready);
    let record = json!({ "Count": 13, "StartedAt": 0 });
    let reason = bench.reason(&create(KIND, &json!({ "Name": "a", "Continuation": record }))).await;
    assert_eq!(reason, "Property Continuation is unknown.");
}

#[tokio::test(start_paused = true)]
async fn a_continuation_record_that_cannot_be_read_is_answered() {
    let bench = Bench::willing();
    for record in [json!(null), json!(1), json!({}), json!({ "Count": -1, "StartedAt": 0 }), json!("1")] {
        let reason = bench.reason(&with(&request(), "Continuation", record)).await;
        assert!(reason.contains("its continuation record is wrong"), "{reason}");
    }
    let largest = json!({ "Count": u32::MAX, "StartedAt": u64::MAX });
    assert_eq!(text(&bench.answer(&with(&request(), "Continuation", largest)).await, "Status"), "SUCCESS");
}
