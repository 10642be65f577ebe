//! Why a question has no answer.

use std::fmt;

use cloud::{Refusal, SearchError};
use serde::{Deserialize, Serialize};
use wait::{Retry, Retryable, chain};

use crate::Identity;

/// Why a side could not answer, in words: it may have crossed from another function.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "PascalCase")]
#[error("{sentence}")]
pub struct Problem {
    /// What failed and why, one sentence without a full stop.
    pub sentence: String,
    /// What to do next, a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// Whether the same question may have an answer later.
    pub may_pass: bool,
}

impl Problem {
    /// What will not become better by asking again.
    pub(crate) fn lasting(sentence: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), hint: Some(hint.into()), may_pass: false }
    }

    /// What may be better when it is asked again.
    pub(crate) fn passing(sentence: impl Into<String>) -> Self {
        Self { sentence: sentence.into(), hint: None, may_pass: true }
    }

    /// One id, and routing, must be one document: nobody can tell which of two would count.
    pub(crate) fn twice(index: &str, identity: &Identity) -> Self {
        Self::lasting(
            format!("the document `{identity}` is there twice in the index `{index}`"),
            "Delete every document of this id there and write it once more, or have the index copied anew.",
        )
    }

    /// A domain that refused or gave no answer. `wanted`: "cannot read the index `x`".
    pub(crate) fn search(wanted: &str, error: &SearchError) -> Self {
        Self {
            sentence: format!("{wanted}: {}", chain(error)),
            hint: error.refusal().and_then(hint),
            may_pass: error.retry() == Retry::Later,
        }
    }

    /// A function that could not be asked.
    pub(crate) fn call(wanted: &str, error: &cloud::Error) -> Self {
        let hint = match (error.operation, &error.code) {
            ("Invoke", cloud::Code::AccessDenied) => {
                "Allow lambda:InvokeFunction on that alias of the function in the role that asks, and in the alias's own \
                 policy when its account is another one and no role leads there."
            }
            ("Invoke", cloud::Code::ResourceNotFound) => {
                "Check the ARN of the function and its Region, and that its stack has the alias `questions`."
            }
            _ => "",
        };
        Self {
            sentence: format!("{wanted}: {}", chain(error)),
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            may_pass: error.retry() == Retry::Later,
        }
    }

    /// The same, told of a side: "the leader: …".
    pub(crate) fn of(self, side: impl fmt::Display) -> Self {
        Self { sentence: format!("{side}: {}", self.sentence), ..self }
    }

    /// Sentence and hint in one line.
    pub fn told(&self) -> String {
        match &self.hint {
            Some(hint) => format!("{}. {hint}", self.sentence),
            None => format!("{}.", self.sentence),
        }
    }
}

impl Retryable for Problem {
    fn retry(&self) -> Retry {
        if self.may_pass { Retry::Later } else { Retry::Never }
    }
}

/// What a role of the domain must allow on the whole cluster, so that its index can be compared.
pub const CLUSTER_ACTIONS: [&str; 1] = ["indices:data/read/mget"];

/// What it must allow on the index. To list the indexes of a pattern needs `indices:admin/resolve/index` too.
pub const INDEX_ACTIONS: [&str; 5] = [
    "indices:admin/get",
    "indices:admin/refresh*",
    "indices:data/read/mget*",
    "indices:data/read/point_in_time/*",
    "indices:data/read/search*",
];

fn hint(refusal: &Refusal) -> Option<String> {
    if refusal.is_by_iam() {
        return Some(
            "Allow es:ESHttpGet, es:ESHttpPost and es:ESHttpDelete on the domain's paths both in the policy of the role \
             that reads and in the domain's access policy, and check the Region."
                .to_owned(),
        );
    }
    if refusal.is("security_exception") && refusal.request.contains("_resolve/index") {
        return Some(
            "Map the role that reads to a role of the domain with indices:admin/resolve/index on the pattern."
                .to_owned(),
        );
    }
    if refusal.is("security_exception") {
        return Some(format!(
            "Map the role that reads to a role of the domain with the cluster permission {} and these on the index: {}.",
            CLUSTER_ACTIONS.join(", "),
            INDEX_ACTIONS.join(", ")
        ));
    }
    if refusal.is("index_closed_exception") || refusal.says("closed") {
        return Some("Open the index: a closed one cannot be read.".to_owned());
    }
    match refusal.status {
        401 => Some("Check the user and the password of the secret.".to_owned()),
        400 | 405 if refusal.request.contains("point_in_time") => {
            Some("Reading at a point in time needs OpenSearch 2.4 or newer.".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_next() {
        for (status, request, body, said) in [
            (
                405,
                "POST i/_search/point_in_time?keep_alive=5m",
                r#"{"error":"Incorrect HTTP method"}"#,
                "OpenSearch 2.4",
            ),
            (
                400,
                "GET i/_count",
                r#"{"error":{"type":"index_closed_exception","reason":"closed"}}"#,
                "Open the index",
            ),
            (401, "GET i", "Unauthorized", "Check the user"),
            (403, "GET i", r#"{"Message":"User is not authorized"}"#, "es:ESHttpGet"),
            (403, "GET i", r#"{"error":{"type":"security_exception","reason":"no"}}"#, "indices:admin/get"),
        ] {
            let refusal = Refusal::read(request.to_owned(), status, body.as_bytes());
            let problem = Problem::search("cannot read", &SearchError::Refused(refusal));
            assert!(!problem.may_pass);
            assert!(problem.told().contains(said), "{}", problem.told());
        }
        let busy = SearchError::Refused(Refusal::read("GET i".to_owned(), 429, b"slow down"));
        assert_eq!(
            Problem::search("cannot read", &busy).told(),
            "cannot read: GET i failed: HTTP 429: slow down."
        );
    }
}
