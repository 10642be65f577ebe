//! What the protocol needs of the platform, beside the answer.

use wait::Retryable;

use crate::StackResource;

/// Lambda and CloudFormation, as far as the protocol itself uses them.
pub trait Host: Send + Sync {
    /// A failed call.
    type Error: std::error::Error + Retryable + Send + Sync + 'static;

    /// Invokes the function asynchronously with this payload: the operation goes on there.
    fn continue_in(
        &self,
        function_arn: &str,
        payload: &str,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// Records which invocation of those started for a resource goes on, or that none does any more.
    fn pass_baton(
        &self,
        stack_id: &str,
        logical_id: &str,
        baton: Option<&str>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The baton on record.
    fn baton(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> impl Future<Output = Result<Option<String>, Self::Error>> + Send;

    /// What CloudFormation has on record for a resource now.
    fn stack_resource(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> impl Future<Output = Result<Option<StackResource>, Self::Error>> + Send;
}
