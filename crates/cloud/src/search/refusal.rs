//! What a domain says when it refuses, in whichever of its shapes.

use std::fmt;

use serde_json::Value;

/// Longer than any reason, and short enough for a page of HTML.
const LONGEST: usize = 600;

/// A call that the domain, or the gate before it, refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The type of the error, `index_not_found_exception`; the status' name from the security API, `NOT_FOUND`; none
    /// where only words come, as from IAM.
    pub kind: Option<String>,
    /// The reason, for people.
    pub reason: String,
    /// Type and reason of what lies below, where that is something else.
    pub cause: Option<String>,
}

impl Refusal {
    /// From status and body: `{"error":{"type","reason","root_cause"}}`, `{"error":"words"}`,
    /// `{"status":"FORBIDDEN","message"}` and `{"status":"error","reason"}` of the security API, `{"Message"}` of IAM,
    /// or plain text.
    pub fn read(request: String, status: u16, body: &[u8]) -> Self {
        let (kind, reason, cause) = match serde_json::from_slice::<Value>(body) {
            Ok(value) => read(&value),
            Err(_) => (None, String::from_utf8_lossy(body).into_owned(), None),
        };
        Self {
            request,
            status,
            kind,
            reason: presentable(&reason),
            cause: cause.map(|cause| presentable(&cause)),
        }
    }

    /// True for an error of this type.
    pub fn is(&self, kind: &str) -> bool {
        self.kind.as_deref() == Some(kind)
    }

    /// True when reason or cause contain these words.
    pub fn says(&self, words: &str) -> bool {
        self.reason.contains(words) || self.cause.as_ref().is_some_and(|cause| cause.contains(words))
    }

    /// True when IAM or the domain's resource policy refused, before the domain's own roles were asked.
    pub fn is_by_iam(&self) -> bool {
        self.status == 403 && self.kind.is_none()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "HTTP {}", self.status)?;
        if let Some(kind) = &self.kind {
            write!(formatter, " {kind}")?;
        }
        write!(formatter, ": {}", self.reason)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(formatter, " ({cause})"))
    }
}

type Read = (Option<String>, String, Option<String>);

fn read(body: &Value) -> Read {
    let text = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    match body.get("error") {
        Some(Value::String(words)) => (None, words.clone(), None),
        Some(error) => {
            let (kind, reason) = (text(error, "type"), text(error, "reason").unwrap_or_default());
            let below = error.get("root_cause").and_then(|causes| causes.get(0)).into_iter();
            let cause = below.chain(causes(error)).find_map(|cause| {
                let (type_below, reason_below) =
                    (text(cause, "type")?, text(cause, "reason").unwrap_or_default());
                let is_another = Some(&type_below) != kind.as_ref() || reason_below != reason;
                is_another.then(|| format!("{type_below}: {reason_below}"))
            });
            (kind, reason, cause)
        }
        None => {
            let words = ["message", "Message", "reason"].into_iter().find_map(|name| text(body, name));
            (text(body, "status"), words.unwrap_or_else(|| body.to_string()), None)
        }
    }
}

fn causes(error: &Value) -> impl Iterator<Item = &Value> {
    std::iter::successors(error.get("caused_by"), |cause| cause.get("caused_by"))
}

/// The words on one line, without the request that a refused signature quotes: it holds the session token.
fn presentable(words: &str) -> String {
    let words = words.split("The Canonical String").next().unwrap_or_default();
    let line = words.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None if line.is_empty() => "no reason is given".to_owned(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, expected: &str) -> Refusal {
        let refusal = Refusal::read("GET x".to_owned(), status, body.as_bytes());
        assert_eq!(refusal.to_string(), expected);
        refusal
    }

    /// As the real ones answered.
    #[test]
    fn every_shape_of_a_refusal_is_read() {
        let refusal = check(
            404,
            r#"{"error":{"root_cause":[{"type":"index_not_found_exception","reason":"no such index [nope]"}],"type":"index_not_found_exception","reason":"no such index [nope]"},"status":404}"#,
            "HTTP 404 index_not_found_exception: no such index [nope]",
        );
        assert!(refusal.is("index_not_found_exception") && !refusal.is_by_iam());
        let refusal = check(
            500,
            r#"{"error":{"root_cause":[{"type":"resource_already_exists_exception","reason":"task with id {autofollow:conn:r1} already exist"}],"type":"exception","reason":"Exisiting autofollow replication rule cannot be recreated/updated","caused_by":{"type":"resource_already_exists_exception","reason":"task with id {autofollow:conn:r1} already exist"}},"status":500}"#,
            "HTTP 500 exception: Exisiting autofollow replication rule cannot be recreated/updated \
             (resource_already_exists_exception: task with id {autofollow:conn:r1} already exist)",
        );
        assert!(refusal.says("already exist"));
        check(
            500,
            r#"{"error":{"root_cause":[{"type":"connect_transport_exception","reason":"[][127.0.0.1:19300] connect_exception"}],"type":"connect_transport_exception","reason":"[][127.0.0.1:19300] connect_exception","caused_by":{"type":"annotated_connect_exception","reason":"Connection refused: /127.0.0.1:19300"}},"status":500}"#,
            "HTTP 500 connect_transport_exception: [][127.0.0.1:19300] connect_exception \
             (annotated_connect_exception: Connection refused: /127.0.0.1:19300)",
        );
        check(
            400,
            r#"{"error":"no handler found for uri [/_plugins/_replication/x] and method [GET]"}"#,
            "HTTP 400: no handler found for uri [/_plugins/_replication/x] and method [GET]",
        );
        check(
            404,
            r#"{"status":"NOT_FOUND","message":"role 'nope' not found."}"#,
            "HTTP 404 NOT_FOUND: role 'nope' not found.",
        );
        check(
            400,
            r#"{"status":"error","reason":"Invalid configuration","invalid_keys":{"keys":"bogus"}}"#,
            "HTTP 400 error: Invalid configuration",
        );
        check(401, "Unauthorized", "HTTP 401: Unauthorized");
        check(503, "OpenSearch Security not initialized.", "HTTP 503: OpenSearch Security not initialized.");
        check(502, "", "HTTP 502: no reason is given");
    }

    #[test]
    fn iam_says_no_before_the_domain_is_asked() {
        let words = r#"{"Message":"User: arn:aws:sts::1:assumed-role/x/y is not authorized to perform: es:ESHttpPut"}"#;
        assert!(Refusal::read("PUT x".to_owned(), 403, words.as_bytes()).is_by_iam());
        let words = r#"{"status":"FORBIDDEN","message":"No permission to access REST API"}"#;
        assert!(!Refusal::read("PUT x".to_owned(), 403, words.as_bytes()).is_by_iam());
    }

    #[test]
    fn a_quoted_request_and_a_long_page_are_cut() {
        check(
            403,
            r#"{"message":"The request signature we calculated does not match.\n\nThe Canonical String for this request should have been\n'GET\nx-amz-security-token:FwoGZXIvYXdz'"}"#,
            "HTTP 403: The request signature we calculated does not match.",
        );
        let refusal = Refusal::read("GET x".to_owned(), 500, "é ".repeat(5000).as_bytes());
        assert_eq!(refusal.reason.chars().count(), LONGEST + 1);
    }
}
