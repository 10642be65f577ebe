//! Events that no CloudFormation sends.

use std::fmt;

use custom_resource::testing::{create, delete, update};
use custom_resource::{Applied, Failure, LARGEST_BODY};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::bench::{Bench, KIND, reason, text, with, without};

#[tokio::test(start_paused = true)]
async fn an_event_that_is_nearly_right_has_one_answer_that_says_what_is_wrong() {
    let bench = Bench::willing();
    let good = create(KIND, &json!({ "Name": "a" }));
    for (event, expected) in [
        (with(&good, "RequestType", json!("create")), "`create`"),
        (with(&good, "RequestType", json!("CREATE")), "`CREATE`"),
        (with(&good, "RequestType", json!(1)), "integer `1`"),
        (without(&good, "RequestType"), "`RequestType`"),
        (without(&good, "ResourceProperties"), "`ResourceProperties`"),
        (without(&good, "ResourceType"), "`ResourceType`"),
        (with(&good, "ResourceType", json!({})), "expected a string"),
        (with(&good, "RequestType", json!("Delete")), "`PhysicalResourceId`"),
        (with(&delete(KIND, "", &json!({})), "PhysicalResourceId", json!(7)), "integer `7`"),
    ] {
        let answer = bench.answer(&event).await;
        assert!(text(&answer, "PhysicalResourceId").starts_with("unidentified/Connection/"), "{answer}");
        assert!(reason(&answer).contains(expected), "{answer}");
    }
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn large_events_are_answered_with_what_fits() {
    let bench = Bench::willing();
    let long = "long ☃ ".repeat(200_000);
    let many: Map<String, Value> = (0..20_000).map(|number| (format!("P{number}"), json!(number))).collect();
    let mut deep = json!("bottom");
    for _ in 0..120 {
        deep = json!([{ "deeper": deep }]);
    }
    for event in [
        create(KIND, &json!({ "Name": long })),
        create(KIND, &json!({ "Name": "a", "Panics": long })),
        create(KIND, &json!({ "Name": "a", long.clone(): 1 })),
        create(KIND, &Value::Object(many)),
        create(KIND, &json!({ "Name": deep })),
        create(&long, &json!({ "Name": "a" })),
        with(&create(KIND, &json!({})), "RequestType", json!(long)),
    ] {
        let answer = bench.answer(&event).await;
        assert_eq!(text(&answer, "Status"), "FAILED");
    }
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_longest_ids_of_cloudformation_and_the_longest_reason_fit_into_one_answer() {
    let id = format!("thing/{}", "\"".repeat(1018));
    let stack = format!(
        "arn:aws-us-gov:cloudformation:us-gov-west-1:123456789012:stack/{}/{}",
        "s".repeat(128),
        "u".repeat(36)
    );
    let bench = Bench::applying(async |_| Err(Failure::new(Trouble("\u{1}\u{2}".repeat(5000)))));
    let mut event = update(KIND, &id, &json!({ "Name": "a", "Suffix": "\"".repeat(1017) }), &json!({}));
    event = with(&event, "StackId", json!(stack));
    event = with(&event, "LogicalResourceId", json!("L".repeat(255)));
    let answer = bench.answer(&event).await;
    assert_eq!(text(&answer, "Status"), "FAILED");
    assert_eq!(text(&answer, "PhysicalResourceId").len(), 1024);
    assert!(reason(&answer).contains(" … "));
}

#[derive(Debug)]
struct Trouble(String);

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Trouble {}

/// Any JSON.
fn json_of_any_shape() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::hash_map(any::<String>(), inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// What a text may be, short enough that five of them with all their escapes leave room in an answer.
fn short() -> impl Strategy<Value = String> {
    prop::collection::vec(any::<char>(), 0..80).prop_map(String::from_iter)
}

/// The member of an event: a plausible value, any value, or none.
fn member(plausible: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Option<Value>> {
    prop_oneof![8 => plausible.prop_map(Some), 1 => json_of_any_shape().prop_map(Some), 1 => Just(None)]
}

fn properties() -> impl Strategy<Value = Value> {
    let name = prop_oneof![Just(json!("a")), json_of_any_shape()];
    let timeout = prop_oneof![any::<i64>().prop_map(|number| json!(number.to_string())), json_of_any_shape()];
    (name, timeout, json_of_any_shape()).prop_map(|(name, timeout, other)| {
        json!({ "Name": name, "ServiceTimeout": timeout, "Suffix": other, "Panics": other, "ServiceToken": other })
    })
}

prop_compose! {
    /// An event in which anything may be anything.
    fn event()(
        request_type in member(prop::sample::select(vec!["Create", "Update", "Delete", "create"]).prop_map(Value::from)),
        request in member(short().prop_map(Value::from)),
        url in member(Just(json!("https://response.example/stack?X-Amz-Signature=secret"))),
        stack in member(short().prop_map(Value::from)),
        logical in member(short().prop_map(Value::from)),
        resource_type in member(prop::sample::select(vec![KIND, "Custom::Thign", ""]).prop_map(Value::from)),
        id in member(prop_oneof![Just("thing/a".to_owned()), Just(String::new()), short()].prop_map(Value::from)),
        properties in member(properties()),
        old in member(json_of_any_shape()),
        continuation in prop::option::weighted(0.3, prop_oneof![
            (any::<u32>(), any::<u64>()).prop_map(|(count, at)| json!({ "Count": count, "StartedAt": at })),
            json_of_any_shape(),
        ]),
    ) -> Value {
        let members = [
            ("RequestType", request_type),
            ("RequestId", request),
            ("ResponseURL", url),
            ("StackId", stack),
            ("LogicalResourceId", logical),
            ("ResourceType", resource_type),
            ("PhysicalResourceId", id),
            ("ResourceProperties", properties),
            ("OldResourceProperties", old),
            ("Continuation", continuation),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

/// Serves the event on a bench with paused time, and gives the answers, or none for an error.
fn answers(bench: impl FnOnce() -> Bench, event: &Value) -> Option<Vec<Value>> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().ok()?;
    runtime.block_on(async {
        let bench = bench();
        let served = bench.serve(event).await;
        served.ok().map(|()| bench.service.responder().take())
    })
}

proptest! {
    #[test]
    fn any_event_with_an_address_has_exactly_one_answer_and_any_other_is_an_error(event in event()) {
        let is_text = |name: &str| event.get(name).is_some_and(Value::is_string);
        let addressed = ["RequestId", "ResponseURL", "StackId", "LogicalResourceId"];
        match answers(Bench::willing, &event) {
            None => prop_assert!(!addressed.iter().all(|name| is_text(name))),
            Some(answers) => {
                prop_assert_eq!(answers.len(), 1);
                let answer = &answers[0];
                for name in ["RequestId", "StackId", "LogicalResourceId"] {
                    prop_assert_eq!(&answer[name], &event[name]);
                }
                if event["RequestType"] == "Delete" && event["PhysicalResourceId"] != "" && is_text("PhysicalResourceId") {
                    prop_assert_eq!(&answer["PhysicalResourceId"], &event["PhysicalResourceId"]);
                }
                prop_assert!(answer["PhysicalResourceId"].is_string());
                prop_assert!(answer["Status"] == "SUCCESS" || answer["Reason"].is_string());
                prop_assert!(answer.to_string().len() <= LARGEST_BODY);
                prop_assert!(!answer.to_string().contains("X-Amz-Signature"));
            }
        }
    }

    #[test]
    fn any_json_is_served_without_a_panic(event in json_of_any_shape()) {
        prop_assert_eq!(answers(Bench::willing, &event), None);
    }

    #[test]
    fn any_reason_and_any_attribute_fit_into_the_answer(
        reason in prop::collection::vec(any::<char>(), 0..6000).prop_map(String::from_iter),
        control in "[\\x00-\\x1f\"\\\\]{0,3000}",
        name in "[a-z]{1,900}",
    ) {
        let event = create(KIND, &json!({ "Name": name }));
        for text in [reason, control] {
            let error = text.clone();
            let fail = move || Bench::applying(move |_| std::future::ready(Err(Failure::new(Trouble(error.clone())))));
            let apply = move || {
                Bench::applying(move |_| std::future::ready(Ok(Applied::new().attribute("Text", text.clone()))))
            };
            for answers in [answers(fail, &event), answers(apply, &event)] {
                let answers = answers.unwrap();
                prop_assert_eq!(answers.len(), 1);
                prop_assert!(answers[0].to_string().len() <= LARGEST_BODY);
                prop_assert_eq!(&answers[0]["PhysicalResourceId"], &json!(format!("thing/{name}")));
            }
        }
    }
}
