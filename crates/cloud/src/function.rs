//! The function itself.

use crate::Error;

/// The function this program runs in.
pub trait Function: Send + Sync {
    /// Invokes the function asynchronously with this payload (`lambda:InvokeFunction`, invocation type Event).
    fn invoke(&self, function_arn: &str, payload: &str) -> impl Future<Output = Result<(), Error>> + Send;
}
