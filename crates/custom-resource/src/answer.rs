//! The answer to CloudFormation, never above its size limit.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Envelope, PhysicalId};

/// CloudFormation refuses a larger body, in bytes.
pub const LARGEST_BODY: usize = 4096;

/// What the stack gets to read with `Fn::GetAtt`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Applied {
    /// Success without attributes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attributes.insert(name.to_owned(), value.into());
        self
    }
}

/// The outcome of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with the attributes.
    Success(Applied),
    /// Not done, and why.
    Failed(String),
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    physical_resource_id: &'a str,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    data: &'a BTreeMap<String, String>,
}

/// The body of the answer, at most [`LARGEST_BODY`] bytes.
///
/// Attributes that do not fit turn success into a failure that says so, because a stack that reads a cut attribute
/// would be told an untruth. A Reason that does not fit loses its middle: its head says what failed, its tail the last
/// status and what to do.
pub(crate) fn body(envelope: &Envelope, id: &PhysicalId, outcome: &Outcome) -> String {
    let write = |status, reason: Option<&str>, data: &BTreeMap<String, String>| {
        let body = Body {
            status,
            reason,
            physical_resource_id: id.as_str(),
            stack_id: &envelope.stack_id,
            request_id: &envelope.request_id,
            logical_resource_id: &envelope.logical_id,
            data,
        };
        // A map of strings always serialises; an empty body would be refused, loudly.
        serde_json::to_string(&body).unwrap_or_default()
    };
    let none = BTreeMap::new();
    let reason = match outcome {
        Outcome::Success(applied) => {
            let whole = write("SUCCESS", None, &applied.attributes);
            if whole.len() <= LARGEST_BODY {
                return whole;
            }
            let over = whole.len() - LARGEST_BODY;
            format!(
                "The attributes do not fit into CloudFormation's answer of {LARGEST_BODY} bytes: {over} bytes too many."
            )
        }
        Outcome::Failed(reason) => reason.clone(),
    };
    // Escapes make the length of the body unequal to that of the text: shorten until it fits.
    let mut keep = reason.chars().count().min(LARGEST_BODY);
    loop {
        let whole = write("FAILED", Some(&middle_cut(&reason, keep)), &none);
        if whole.len() <= LARGEST_BODY || keep == 0 {
            return whole;
        }
        keep = keep.saturating_sub((whole.len() - LARGEST_BODY).div_ceil(6).max(1));
    }
}

/// At most `keep` characters of the text, the middle replaced by an ellipsis: two thirds head, one third tail.
fn middle_cut(text: &str, keep: usize) -> String {
    let count = text.chars().count();
    if count <= keep {
        return text.to_owned();
    }
    let head = keep * 2 / 3;
    let tail = count - (keep - head);
    let start: String = text.chars().take(head).collect();
    let end: String = text.chars().skip(tail).collect();
    format!("{start} … {end}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;
    use crate::ResponseUrl;

    fn envelope() -> Envelope {
        Envelope {
            request_id: "request".to_owned(),
            response_url: ResponseUrl::new("https://bucket/key?signature"),
            stack_id: "arn:aws:cloudformation:us-west-2:123456789012:stack/s/u".to_owned(),
            logical_id: "Connection".to_owned(),
            resource_type: "Custom::Thing".to_owned(),
        }
    }

    fn answer(outcome: &Outcome) -> Value {
        let body = body(&envelope(), &PhysicalId::new("id"), outcome);
        assert!(body.len() <= LARGEST_BODY, "{} bytes", body.len());
        serde_json::from_str(&body).unwrap()
    }

    #[test]
    fn success_carries_the_attributes_and_the_ids_of_the_request() {
        let body =
            body(&envelope(), &PhysicalId::new("id"), &Outcome::Success(Applied::new().attribute("A", "1")));
        insta::assert_snapshot!(body, @r#"{"Status":"SUCCESS","PhysicalResourceId":"id","StackId":"arn:aws:cloudformation:us-west-2:123456789012:stack/s/u","RequestId":"request","LogicalResourceId":"Connection","Data":{"A":"1"}}"#);
    }

    #[test]
    fn attributes_that_do_not_fit_are_a_failure_that_says_so() {
        let answer = answer(&Outcome::Success(Applied::new().attribute("A", "x".repeat(5000))));
        assert_eq!(answer["Status"], "FAILED");
        let reason = answer["Reason"].as_str().unwrap();
        assert!(
            reason.starts_with("The attributes do not fit into CloudFormation's answer of 4096 bytes"),
            "{reason}"
        );
    }

    #[test]
    fn a_long_reason_keeps_its_beginning_and_its_end() {
        let reason = format!("what failed {} last status: VALIDATING", "…".repeat(5000));
        let answer = answer(&Outcome::Failed(reason));
        let reason = answer["Reason"].as_str().unwrap();
        assert!(reason.starts_with("what failed") && reason.ends_with("last status: VALIDATING"), "{reason}");
        assert!(reason.len() > 3000, "the room is used: {}", reason.len());
    }

    proptest! {
        #[test]
        fn no_reason_is_too_long(reason in ".{0,6000}") {
            answer(&Outcome::Failed(reason));
        }
    }
}
