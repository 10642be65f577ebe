//! Whether there is a way out.

use crate::Error;

/// The way from the function to the service that the connections are made with.
pub trait Reach: Send + Sync {
    /// Completes a TLS handshake with the configuration API's endpoint in a Region, on a connection of its own and
    /// without credentials. Not a call to the API: nothing is authorised and nothing is counted.
    ///
    /// No answer is [`crate::Code::NoAnswer`]; a Region that has no endpoint is [`crate::Code::Validation`].
    fn reach(&self, region: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
