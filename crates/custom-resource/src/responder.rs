//! Delivering the answer.

use wait::{Deadline, Retry, Retryable};

use crate::ResponseUrl;

/// Why an answer did not arrive.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeliveryError {
    /// The ResponseURL is not one to send a secret to.
    #[error("the ResponseURL `{0}` is neither https nor http to this machine")]
    Insecure(String),
    /// The bucket refused, and will refuse again.
    #[error("the response bucket refused the answer with HTTP {0}")]
    Refused(u16),
    /// The bucket is unwell or could not be reached.
    #[error("the response bucket could not be reached: {0}")]
    Unreachable(String),
    /// It stayed so until the time was up.
    #[error("the answer could not be delivered in time: {0}")]
    OutOfTime(String),
}

impl Retryable for DeliveryError {
    fn retry(&self) -> Retry {
        match self {
            Self::Unreachable(_) => Retry::Later,
            Self::Insecure(_) | Self::Refused(_) | Self::OutOfTime(_) => Retry::Never,
        }
    }
}

/// Takes an answer to CloudFormation.
pub trait Responder: Send + Sync {
    /// Delivers the body, trying again while that can help and the deadline has not passed.
    fn deliver(
        &self,
        url: &ResponseUrl,
        body: &str,
        deadline: Deadline,
    ) -> impl Future<Output = Result<(), DeliveryError>> + Send;
}
