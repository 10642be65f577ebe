//! What CloudFormation itself says of a resource.

use crate::Error;

/// One resource of a stack as CloudFormation sees it now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StackResource {
    /// `CREATE_IN_PROGRESS`, `UPDATE_COMPLETE`, …
    pub status: String,
    /// The id CloudFormation has on record; none while a Create runs.
    pub physical_id: Option<String>,
}

/// Stacks of the function's own account and Region.
pub trait Stacks: Send + Sync {
    /// The resource's present state (`cloudformation:DescribeStackResource`); none when the stack has no such resource.
    fn resource(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> impl Future<Output = Result<Option<StackResource>, Error>> + Send;
}
