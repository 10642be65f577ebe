//! A domain's REST API: where it answers, who calls, and one call.

mod error;
mod refusal;

use std::fmt;

use serde_json::Value;

pub use error::SearchError;
pub use refusal::Refusal;

use crate::AssumedRole;

/// Where a domain answers: its host as `DescribeDomain` gives it, without a scheme.
///
/// It is spoken to by `https`; by `http` only on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint(String);

impl Endpoint {
    /// From the host, with a port if it is not the usual one; none when it is something else.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
            Some(_) | None => (text, None),
        };
        let is_name = |host: &str| {
            !host.is_empty()
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
        };
        let is_port = port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0));
        let fits = text.len() <= 255 && (is_name(host) || host == "[::1]") && is_port;
        fits.then(|| Self(text.to_ascii_lowercase()))
    }

    /// Host and port.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for this machine, where there is nobody to listen on the way.
    pub fn is_loopback(&self) -> bool {
        let is_at =
            |host| self.0.strip_prefix(host).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'));
        ["127.0.0.1", "localhost", "[::1]"].into_iter().any(is_at)
    }

    /// The address of a path, which begins without a slash and is encoded already.
    pub fn url(&self, path: &str) -> String {
        let scheme = if self.is_loopback() { "http" } else { "https" };
        format!("{scheme}://{}/{path}", self.0)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Who calls.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Caller {
    /// The function, by its own credentials.
    Own,
    /// The function in a role that it assumes.
    Role(AssumedRole),
    /// The user of whom the Secrets Manager secret of this ARN has `username` and `password`.
    Secret(String),
}

/// A domain, and who calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Access {
    /// Where it answers.
    pub endpoint: Endpoint,
    /// The domain's Region, which requests are signed for.
    pub region: String,
    /// Who calls.
    pub caller: Caller,
}

/// The method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes or replaces.
    Put,
    /// Does.
    Post,
    /// Changes in part.
    Patch,
    /// Removes; with a body, where the API wants one.
    Delete,
}

impl Method {
    /// As it is sent.
    pub fn name(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The action that IAM knows it by.
    pub fn action(self) -> &'static str {
        match self {
            Self::Get => "ESHttpGet",
            Self::Put => "ESHttpPut",
            Self::Post => "ESHttpPost",
            Self::Patch => "ESHttpPatch",
            Self::Delete => "ESHttpDelete",
        }
    }
}

/// What a domain answered to a call that it did.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// 200 to 299.
    pub status: u16,
    /// The body; null where there is none.
    pub body: Value,
}

/// A domain's REST API, as one caller sees it.
///
/// # Guarantees
/// - One call is one request: nothing is repeated here. [`wait::Retryable`] of the error says whether repeating can
///   help, and whoever waits looks again anyway.
/// - A call ends within 25 s. One that the domain goes on with is not over by then: look before asking again.
///
/// # Caveats
/// The plugins answer 500 for much that no repetition mends: decide by [`Refusal`] before asking whether to retry.
pub trait Search: Send + Sync {
    /// Sends a request. The path begins without a slash, may have a query, and is encoded: see [`segment`].
    fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> impl Future<Output = Result<Answer, SearchError>> + Send;

    /// The same, for an answer that may be large: its text as it came, or none when it is longer than `most` bytes.
    ///
    /// A longer one is not kept, so memory is bounded by what the caller allows.
    fn read(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        most: usize,
    ) -> impl Future<Output = Result<Option<String>, SearchError>> + Send;
}

/// A name as one segment of a path.
pub fn segment(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    let encode = |byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_only_this_machine_is_spoken_to_in_the_open() {
        for (text, url) in [
            (
                "search-logs-x.us-east-1.es.amazonaws.com",
                Some("https://search-logs-x.us-east-1.es.amazonaws.com/_cat"),
            ),
            ("127.0.0.1:9200", Some("http://127.0.0.1:9200/_cat")),
            ("localhost", Some("http://localhost/_cat")),
            ("LocalHost:1", Some("http://localhost:1/_cat")),
            ("[::1]:9200", Some("http://[::1]:9200/_cat")),
            ("[::1]", Some("http://[::1]/_cat")),
            ("127.0.0.1.example.com", Some("https://127.0.0.1.example.com/_cat")),
            ("localhost.example.com:9200", Some("https://localhost.example.com:9200/_cat")),
            ("https://search-logs", None),
            ("host/path", None),
            ("user@host", None),
            ("host:port", None),
            ("host:0", None),
            ("", None),
            (":9200", None),
        ] {
            let read = Endpoint::parse(text);
            assert_eq!(read.map(|endpoint| endpoint.url("_cat")).as_deref(), url, "{text}");
        }
    }

    #[test]
    fn a_name_stays_one_segment() {
        assert_eq!(segment("logs-2026.11_a"), "logs-2026.11_a");
        assert_eq!(segment("a/b?c d%é"), "a%2Fb%3Fc%20d%25%C3%A9");
    }
}
