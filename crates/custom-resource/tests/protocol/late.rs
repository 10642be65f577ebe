//! Requests that CloudFormation no longer waits for, and a CloudFormation that cannot be asked.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use custom_resource::testing::{Recorder, Refusal, create, delete, invocation, update};
use custom_resource::{Applied, Failure, Host, ServeError, Service, StackResource};
use serde_json::{Value, json};
use wait::Retry;

use crate::bench::{Bench, KIND, Trouble, never_ready, pass, reason, text, thing};

fn properties() -> Value {
    json!({ "Name": "a" })
}

fn change() -> Value {
    update(KIND, "thing/a", &properties(), &properties())
}

#[tokio::test(start_paused = true)]
async fn a_create_or_update_after_the_deletion_takes_back_and_answers_nothing() {
    for (event, kind_of_change) in [(create(KIND, &properties()), "Create"), (change(), "InPlace")] {
        for status in ["DELETE_IN_PROGRESS", "DELETE_COMPLETE", "DELETE_FAILED"] {
            let bench = Bench::willing();
            bench.stage.set_record(status, Some("thing/a"));
            bench.serve(&event).await.unwrap();
            assert_eq!(bench.calls(), [format!("cleanup thing/a with properties as {kind_of_change}")]);
            assert!(bench.answers().is_empty());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_create_or_update_that_was_answered_calls_nothing_and_answers_nothing() {
    for status in ["CREATE_COMPLETE", "CREATE_FAILED", "UPDATE_COMPLETE", "UPDATE_FAILED"] {
        for event in [create(KIND, &properties()), change()] {
            let bench = Bench::willing();
            bench.stage.set_record(status, Some("thing/a"));
            bench.serve(&event).await.unwrap();
            assert_eq!((bench.answers(), bench.calls()), (vec![], vec![]), "{status}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_late_delete_of_an_id_that_is_in_use_again_calls_nothing() {
    for status in ["CREATE_COMPLETE", "UPDATE_COMPLETE"] {
        let bench = Bench::willing();
        bench.stage.set_record(status, Some("thing/a"));
        bench.serve(&delete(KIND, "thing/a", &properties())).await.unwrap();
        assert_eq!((bench.answers(), bench.calls()), (vec![], vec![]), "{status}");
        // The Delete after a replacement is for the id that is no longer on record.
        bench.answer(&delete(KIND, "thing/b", &properties())).await;
        assert_eq!(bench.calls(), ["cleanup thing/b with properties as Delete"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_resource_that_its_deleted_stack_keeps_is_left_alone() {
    for event in [create(KIND, &properties()), change(), delete(KIND, "thing/a", &properties())] {
        let bench = Bench::willing();
        bench.stage.set_record("DELETE_SKIPPED", Some("thing/a"));
        bench.serve(&event).await.unwrap();
        assert_eq!((bench.answers(), bench.calls()), (vec![], vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_stack_that_is_deleted_while_the_work_runs_gets_it_taken_back_and_no_answer() {
    for is_success in [true, false] {
        let bench = Bench::applying(move |_| async move {
            pass(60).await;
            if is_success { Ok(Applied::new()) } else { Err(Failure::new(Trouble("made half of it", None))) }
        });
        bench.stage.set_record("CREATE_IN_PROGRESS", None);
        let deletion = async {
            pass(30).await;
            bench.stage.set_record("DELETE_IN_PROGRESS", None);
        };
        let event = create(KIND, &properties());
        let (served, ()) = tokio::join!(bench.serve(&event), deletion);
        served.unwrap();
        assert_eq!(bench.calls(), ["apply thing/a as Create", "cleanup thing/a with properties as Create"]);
        assert!(bench.answers().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_answered_while_the_work_runs_is_not_answered_again() {
    let bench = Bench::applying(async |_| {
        pass(60).await;
        Ok(Applied::new())
    });
    bench.stage.set_record("CREATE_IN_PROGRESS", None);
    let duplicate = async {
        pass(30).await;
        bench.stage.set_record("CREATE_COMPLETE", Some("thing/a"));
    };
    let event = create(KIND, &properties());
    let (served, ()) = tokio::join!(bench.serve(&event), duplicate);
    served.unwrap();
    assert_eq!((bench.answers(), bench.calls()), (vec![], vec!["apply thing/a as Create".to_owned()]));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_taken_back_fails_the_invocation_so_that_lambda_tries_again() {
    let bench = Bench::of(
        async |_| Ok(Applied::new()),
        async |_| Err(Failure::new(Trouble("cannot delete thing `a`", None))),
    );
    bench.stage.set_record("DELETE_IN_PROGRESS", None);
    let error = bench.serve(&create(KIND, &properties())).await.unwrap_err();
    assert!(matches!(error, ServeError::NotUndone(_)));
    insta::assert_snapshot!(error, @"the stack gave the resource up, and what the request made could not be taken back: cannot delete thing `a`.");
    assert!(bench.answers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn taking_back_goes_on_in_another_invocation_when_it_needs_longer() {
    let bench = Bench::of(async |_| Ok(Applied::new()), never_ready);
    bench.stage.set_record("DELETE_IN_PROGRESS", None);
    bench.serve(&create(KIND, &properties())).await.unwrap();
    assert_eq!((bench.stage.take_continuations().len(), bench.answers()), (1, vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_lags_behind_the_request_does_not_silence_it() {
    for (event, before, after) in [
        (create(KIND, &properties()), "DELETE_COMPLETE", "CREATE_IN_PROGRESS"),
        (change(), "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS"),
        (delete(KIND, "thing/a", &properties()), "CREATE_COMPLETE", "DELETE_IN_PROGRESS"),
    ] {
        let bench = Bench::willing();
        bench.stage.set_record(before, Some("thing/a"));
        let record = async {
            pass(3).await;
            bench.stage.set_record(after, Some("thing/a"));
        };
        let (answer, ()) = tokio::join!(bench.answer(&event), record);
        assert_eq!(text(&answer, "Status"), "SUCCESS");
        assert_eq!(bench.calls().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cloudformation_that_is_unwell_blocks_nothing() {
    for event in [create(KIND, &properties()), change(), delete(KIND, "thing/a", &properties())] {
        let bench = Bench::willing();
        bench.stage.refuse_looks(Some(Refusal("rate exceeded", Retry::Later)));
        assert_eq!(text(&bench.answer(&event).await, "Status"), "SUCCESS");
        assert_eq!((bench.calls().len(), bench.elapsed()), (1, Duration::ZERO));
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_that_may_not_ask_cloudformation_makes_nothing_and_deletes_all_the_same() {
    let bench = Bench::willing();
    bench.stage.refuse_looks(Some(Refusal("access denied", Retry::Never)));
    for event in [create(KIND, &properties()), change()] {
        let answer = bench.answer(&event).await;
        assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
        insta::allow_duplicates!(
            insta::assert_snapshot!(reason(&answer), @"access denied. The function asks CloudFormation whether a request is still current: allow cloudformation:DescribeStackResource on the stack in the function's role.")
        );
    }
    assert!(bench.calls().is_empty());
    assert_eq!(text(&bench.answer(&delete(KIND, "thing/a", &properties())).await, "Status"), "SUCCESS");
    assert_eq!(bench.calls(), ["cleanup thing/a with properties as Delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_the_stack_gave_up_is_taken_back_whenever_that_shows() {
    let replacement = || update(KIND, "thing/before", &properties(), &json!({ "Name": "before" }));
    // Before the work: a late delivery after the rollback.
    let bench = Bench::willing();
    bench.stage.set_record("UPDATE_COMPLETE", Some("thing/before"));
    bench.serve(&replacement()).await.unwrap();
    assert_eq!(bench.calls(), ["cleanup thing/a with properties as Replacement"]);
    assert!(bench.answers().is_empty());
    // After the answer: the rollback went on while the work ended.
    let bench = Bench::willing();
    bench.stage.set_record("UPDATE_IN_PROGRESS", Some("thing/before"));
    let rolled_back = async {
        pass(20).await;
        bench.stage.set_record("UPDATE_COMPLETE", Some("thing/before"));
    };
    let event = replacement();
    let (served, ()) = tokio::join!(bench.serve(&event), rolled_back);
    served.unwrap();
    assert_eq!(bench.calls().last().unwrap(), "cleanup thing/a with properties as Replacement");
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_the_stack_has_is_kept() {
    let bench = Bench::willing();
    bench.stage.set_record("UPDATE_IN_PROGRESS", Some("thing/before"));
    let heard = async {
        pass(2).await;
        bench.stage.set_record("UPDATE_COMPLETE", Some("thing/a"));
    };
    let event = update(KIND, "thing/before", &properties(), &json!({ "Name": "before" }));
    let (served, ()) = tokio::join!(bench.serve(&event), heard);
    served.unwrap();
    assert!(bench.calls().iter().all(|call| !call.starts_with("cleanup")), "{:?}", bench.calls());
}

#[tokio::test(start_paused = true)]
async fn a_replacement_that_cannot_be_taken_back_closes_the_gate_and_is_tried_again() {
    let broken = async |_| panic!("broken");
    let hanging = async |_| std::future::pending().await;
    for bench in
        [Bench::of(async |_| Ok(Applied::new()), broken), Bench::of(async |_| Ok(Applied::new()), hanging)]
    {
        bench.stage.set_record("UPDATE_IN_PROGRESS", Some("thing/before"));
        let rolled_back = async {
            pass(20).await;
            bench.stage.set_record("UPDATE_COMPLETE", Some("thing/before"));
        };
        let event = update(KIND, "thing/before", &properties(), &json!({ "Name": "before" }));
        let (served, ()) = tokio::join!(bench.serve(&event), rolled_back);
        assert!(matches!(&served, Err(ServeError::Panicked(_) | ServeError::NotUndone(_))), "{served:?}");
        assert_eq!((bench.answers().len(), bench.turnstile.inside()), (1, vec![]));
    }
}

/// A platform that answers nothing, as one behind a closed network does.
struct Silent;

#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Never(Infallible);

impl wait::Retryable for Never {
    fn retry(&self) -> Retry {
        match self.0 {}
    }
}

impl Host for Silent {
    type Error = Never;

    async fn continue_in(&self, _function_arn: &str, _payload: &str) -> Result<(), Never> {
        std::future::pending().await
    }

    async fn pass_baton(&self, _stack: &str, _logical: &str, _baton: Option<&str>) -> Result<(), Never> {
        std::future::pending().await
    }

    async fn baton(&self, _stack_id: &str, _logical_id: &str) -> Result<Option<String>, Never> {
        std::future::pending().await
    }

    async fn stack_resource(
        &self,
        _stack_id: &str,
        _logical_id: &str,
    ) -> Result<Option<StackResource>, Never> {
        std::future::pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_does_not_answer_blocks_nothing_and_the_answer_is_in_time() {
    let calls = Arc::default();
    let willing = thing(async |_| Ok(Applied::new()), async |_| Ok(()), &calls);
    let service = Service::new(vec![willing], Recorder::default(), Silent);
    for event in [create(KIND, &properties()), change(), delete(KIND, "thing/a", &properties())] {
        let invocation = invocation(60);
        service.serve(event, &invocation).await.unwrap();
        assert!(!invocation.deadline.has_passed());
        assert_eq!(text(&service.responder().take().remove(0), "Status"), "SUCCESS");
    }
    let service = Service::new(vec![thing(never_ready, never_ready, &calls)], Recorder::default(), Silent);
    for seconds in [3, 60, 900] {
        let invocation = invocation(seconds);
        service.serve(create(KIND, &properties()), &invocation).await.unwrap();
        assert!(!invocation.deadline.has_passed());
        let answer = service.responder().take().remove(0);
        assert!(reason(&answer).contains("cannot invoke itself: the call did not come back"), "{answer}");
    }
}
