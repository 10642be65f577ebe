//! What is asked: properties, types, ids.

use custom_resource::testing::{create, delete, update};
use custom_resource::{Invocation, ServeError};
use serde_json::{Value, json};

use crate::bench::{Bench, KIND, reason, text, with, without};

fn good() -> Value {
    json!({ "Name": "a" })
}

#[tokio::test(start_paused = true)]
async fn the_answer_repeats_the_ids_of_the_request_and_carries_identity_and_attributes() {
    let bench = Bench::willing();
    let answer = bench.answer(&create(KIND, &good())).await;
    let expected = json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": "thing/a",
        "StackId": "arn:aws:cloudformation:us-west-2:222222222222:stack/connection/0f0e",
        "RequestId": "Create-request",
        "LogicalResourceId": "Connection",
        "Data": { "Colour": "red" },
    });
    assert_eq!(answer, expected);
}

#[tokio::test(start_paused = true)]
async fn ids_of_any_spelling_are_repeated_verbatim() {
    let bench = Bench::willing();
    for odd in ["", " ", "\"quoted\\\"", "ü / ☃ / \u{1f9ca}", "tab\tline\nzero\0", "-0001"] {
        let mut event = delete(KIND, odd, &good());
        for name in ["RequestId", "StackId", "LogicalResourceId"] {
            event = with(&event, name, json!(odd));
        }
        let answer = bench.answer(&event).await;
        for name in ["RequestId", "StackId", "LogicalResourceId", "PhysicalResourceId"] {
            assert_eq!(text(&answer, name), odd);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_finding_about_the_properties_is_in_one_answer_and_nothing_is_called() {
    let bench = Bench::willing();
    let wrong = json!({ "Name": ["a"], "Panics": "ture", "Secret": "S3CRET", "Sufix": "x", "Other": 1 });
    let answer = bench.answer(&create(KIND, &wrong)).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "unidentified/Connection/Create-request");
    insta::assert_snapshot!(reason(&answer), @"Property Name is a list: expected one value. Property Secret does not fit: expected 8 letters or more. Property Panics is `ture`: expected true or false. Did you mean `true`? Property Other is unknown. Property Sufix is unknown. Did you mean `Suffix`?");
    let missing = bench.reason(&create(KIND, &json!({}))).await;
    insta::assert_snapshot!(missing, @"Property Name is missing: expected lower-case letters.");
    for no_object in [json!(null), json!("text"), json!([1])] {
        let event = with(&create(KIND, &good()), "ResourceProperties", no_object);
        assert!(bench.reason(&event).await.starts_with("The properties are not an object."));
    }
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_with_wrong_properties_keeps_the_id_that_cloudformation_has() {
    let bench = Bench::willing();
    let answer = bench.answer(&update(KIND, "thing/a", &json!({ "Name": "B" }), &good())).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "thing/a");
    assert_eq!(reason(&answer), "Property Name is `B`: expected lower-case letters.");
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kind_knows_whether_an_update_replaces() {
    let bench = Bench::willing();
    for (event, id, call) in [
        (create(KIND, &good()), "thing/a", "apply thing/a as Create"),
        (update(KIND, "thing/a", &good(), &good()), "thing/a", "apply thing/a as InPlace"),
        (update(KIND, "thing/b", &good(), &good()), "thing/a", "apply thing/a as Replacement"),
        (update(KIND, "stack-Connection-1ABC", &good(), &good()), "thing/a", "apply thing/a as Replacement"),
        (delete(KIND, "thing/b", &good()), "thing/b", "cleanup thing/b with properties as Delete"),
    ] {
        let answer = bench.answer(&event).await;
        assert_eq!((text(&answer, "Status"), text(&answer, "PhysicalResourceId")), ("SUCCESS", id));
        assert_eq!(bench.calls(), [call]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_reads_whatever_properties_there_are() {
    let bench = Bench::willing();
    for (properties, is_readable) in [
        (json!({ "Name": "a", "FormatOfOld": true, "Sufix": 1 }), "with"),
        (json!({ "Name": "a", "Panics": "ture" }), "with"),
        (json!({ "Name": "UPPER" }), "without"),
        (json!({}), "without"),
    ] {
        let answer = bench.answer(&delete(KIND, "thing/a", &properties)).await;
        assert_eq!((text(&answer, "Status"), text(&answer, "PhysicalResourceId")), ("SUCCESS", "thing/a"));
        assert_eq!(bench.calls(), [format!("cleanup thing/a {is_readable} properties as Delete")]);
    }
    for no_object in [json!(null), json!("text"), json!([1]), json!(7), json!(true)] {
        let event = with(&delete(KIND, "thing/a", &good()), "ResourceProperties", no_object);
        assert_eq!(text(&bench.answer(&event).await, "Status"), "SUCCESS");
        assert_eq!(bench.calls(), ["cleanup thing/a without properties as Delete"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_with_an_id_that_cloudformation_invented_is_answered_from_the_properties() {
    let bench = Bench::willing();
    let answer = bench.answer(&delete(KIND, "stack-Connection-1ABC", &good())).await;
    assert_eq!(
        (text(&answer, "Status"), text(&answer, "PhysicalResourceId")),
        ("SUCCESS", "stack-Connection-1ABC")
    );
    assert_eq!(bench.calls(), ["cleanup thing/a with properties as Delete"]);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_names_nothing_succeeds_and_calls_nothing() {
    let bench = Bench::willing();
    let answer = bench.answer(&delete(KIND, "stack-Connection-1ABC", &json!({ "Name": "UPPER" }))).await;
    assert_eq!(text(&answer, "Status"), "SUCCESS");
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_delete_after_a_refused_create_touches_nothing_even_if_its_properties_name_something() {
    let bench = Bench::willing();
    let wrong = json!({ "Name": "a", "Sufix": "x" });
    // A mistyped type is refused, and its Delete must not block the rollback.
    for resource_type in [KIND, "Custom::Thign"] {
        let refused = bench.answer(&create(resource_type, &wrong)).await;
        let id = text(&refused, "PhysicalResourceId");
        let answer = bench.answer(&delete(resource_type, id, &wrong)).await;
        assert_eq!((text(&answer, "Status"), text(&answer, "PhysicalResourceId")), ("SUCCESS", id));
    }
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_unknown_type_is_refused_naming_what_is_served() {
    let bench = Bench::willing();
    let near = bench.answer(&create("Custom::Thign", &good())).await;
    assert_eq!(text(&near, "PhysicalResourceId"), "unidentified/Connection/Create-request");
    insta::assert_snapshot!(reason(&near), @"This function does not serve `Custom::Thign`: it serves Custom::Thing. Did you mean `Custom::Thing`?");
    let far = bench.answer(&update("Custom::Elephant", "thing/a", &good(), &good())).await;
    assert_eq!(text(&far, "PhysicalResourceId"), "thing/a");
    insta::assert_snapshot!(reason(&far), @"This function does not serve `Custom::Elephant`: it serves Custom::Thing. Give ServiceToken the ARN of the function that does.");
    // Something was made, and who knows how to take it away is not here.
    assert!(bench.reason(&delete("Custom::Elephant", "elephant/1", &good())).await.contains("serves"));
    assert!(bench.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_kind_serves_its_further_types_too() {
    let bench = Bench::willing();
    bench.answer(&create("Custom::ThingOfOld", &good())).await;
    assert_eq!(bench.calls(), ["apply thing/a as Create"]);
}

#[tokio::test(start_paused = true)]
async fn an_id_that_cloudformation_would_not_keep_is_refused_before_anything_is_made() {
    let bench = Bench::willing();
    let long = bench.answer(&create(KIND, &json!({ "Name": "a".repeat(1019) }))).await;
    assert_eq!(text(&long, "PhysicalResourceId"), "unidentified/Connection/Create-request");
    insta::assert_snapshot!(reason(&long), @"The properties give a PhysicalResourceId of 1025 bytes: CloudFormation keeps 1 to 1024 bytes without control characters.");
    for suffix in ["\0", "\n", "\u{7f}", "ü".repeat(510).as_str()] {
        let answer =
            bench.answer(&update(KIND, "thing/a", &json!({ "Name": "a", "Suffix": suffix }), &good())).await;
        assert_eq!((text(&answer, "Status"), text(&answer, "PhysicalResourceId")), ("FAILED", "thing/a"));
    }
    assert!(bench.calls().is_empty());
    let longest = json!({ "Name": "a".repeat(1018) });
    assert_eq!(text(&bench.answer(&create(KIND, &longest)).await, "Status"), "SUCCESS");
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_event_is_answered_if_it_says_where() {
    let bench = Bench::willing();
    let event = with(&create(KIND, &good()), "RequestType", json!("Replace"));
    let answer = bench.answer(&event).await;
    assert_eq!(text(&answer, "PhysicalResourceId"), "unidentified/Connection/Create-request");
    insta::assert_snapshot!(reason(&answer), @"the event cannot be read as a request of CloudFormation's: unknown variant `Replace`, expected one of `Create`, `Update`, `Delete`.");
    let known = bench.answer(&with(&event, "PhysicalResourceId", json!("thing/a"))).await;
    assert_eq!(text(&known, "PhysicalResourceId"), "thing/a");
}

#[tokio::test(start_paused = true)]
async fn an_event_without_an_address_is_an_error_that_repeats_no_secret() {
    let bench = Bench::willing();
    let error = bench.serve(&without(&create(KIND, &good()), "ResponseURL")).await.unwrap_err();
    insta::assert_snapshot!(error, @"the event cannot be read as a request of CloudFormation's: missing field `ResponseURL`; nobody can be answered without a ResponseURL and the ids of the request, the stack and the resource");
    for event in [
        json!("https://response.example/stack?X-Amz-Signature=secret"),
        json!(["https://response.example/stack?X-Amz-Signature=secret"]),
        with(&create(KIND, &good()), "RequestId", json!(7)),
        with(&create(KIND, &good()), "StackId", json!(null)),
        with(&create(KIND, &good()), "ResponseURL", json!(["https://u:secret@h/?secret"])),
    ] {
        let error = bench.serve(&event).await.unwrap_err();
        assert!(matches!(error, ServeError::NotARequest(_)), "{error}");
        assert!(!format!("{error} {error:?}").contains("secret"), "{error}");
    }
    assert_eq!((bench.answers(), bench.calls()), (vec![], vec![]));
}

#[tokio::test(start_paused = true)]
async fn a_function_arn_that_says_nothing_is_a_failure_that_says_so() {
    let bench = Bench::willing();
    let invocation = Invocation { function_arn: "tandem".to_owned(), ..bench.invocation(900) };
    bench.service.serve(create(KIND, &good()), &invocation).await.unwrap();
    insta::assert_snapshot!(reason(&bench.only_answer()), @"The function's ARN `tandem` cannot be read.");
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_properties_are_read_is_answered() {
    let bench = Bench::willing();
    let broken = json!({ "Name": "a", "Panics": "true" });
    let created = bench.answer(&create(KIND, &broken)).await;
    assert_eq!(text(&created, "PhysicalResourceId"), "unidentified/Connection/Create-request");
    insta::assert_snapshot!(reason(&created), @"The function panicked, which is a defect of it: the reader of properties is broken. Its log has the place; please report it.");
    assert!(bench.reason(&update(KIND, "thing/a", &broken, &good())).await.contains("panicked"));
    assert!(bench.reason(&delete(KIND, "thing/a", &broken)).await.contains("panicked"));
}
