//! Why a call to a domain failed, and whether asking again can help.

use wait::{Retry, Retryable};

use super::Refusal;
use crate::Error;

/// A call to a domain that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchError {
    /// There is nothing to sign with: the request was not sent.
    #[error("{request} was not sent")]
    Unsigned {
        /// Method and path.
        request: String,
        /// What failed.
        #[source]
        source: Error,
    },
    /// Connection refused, reset, timed out, or an answer that cannot be read.
    #[error("{request} failed: no answer: {words}")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// What the network said.
        words: String,
    },
    /// The domain said no.
    #[error("{} failed: {}", .0.request, .0)]
    Refused(Refusal),
}

impl SearchError {
    /// What the domain said, if it said something.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            Self::Unsigned { .. } | Self::NoAnswer { .. } => None,
        }
    }
}

impl Retryable for SearchError {
    fn retry(&self) -> Retry {
        match self {
            Self::Unsigned { source, .. } => source.retry(),
            // 409: somebody changed the same thing at the same time.
            Self::NoAnswer { .. } | Self::Refused(Refusal { status: 408 | 409 | 429 | 500.., .. }) => {
                Retry::Later
            }
            Self::Refused(_) => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_retried() {
        let refused = |status| SearchError::Refused(Refusal::read("GET x".to_owned(), status, b"words"));
        for (status, retry) in [
            (429, Retry::Later),
            (500, Retry::Later),
            (503, Retry::Later),
            (409, Retry::Later),
            (400, Retry::Never),
            (401, Retry::Never),
            (403, Retry::Never),
            (404, Retry::Never),
        ] {
            assert_eq!(refused(status).retry(), retry, "{status}");
        }
        let silent = SearchError::NoAnswer { request: "GET x".to_owned(), words: "reset".to_owned() };
        assert_eq!(silent.retry(), Retry::Later);
        assert_eq!(refused(404).to_string(), "GET x failed: HTTP 404: words");
    }
}
