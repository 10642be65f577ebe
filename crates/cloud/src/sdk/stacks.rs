//! What CloudFormation says of a resource, on its API.

use super::Aws;
use super::error::{failed, incomplete};
use crate::{Code, Error, StackResource, Stacks};

impl Stacks for Aws {
    async fn resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, Error> {
        let operation = "DescribeStackResource";
        match self
            .stacks
            .describe_stack_resource()
            .stack_name(stack_id)
            .logical_resource_id(logical_id)
            .send()
            .await
            .map_err(failed(operation))
        {
            Ok(answer) => {
                let detail = answer.stack_resource_detail.ok_or_else(|| incomplete(operation, "resource"))?;
                let status = detail.resource_status.ok_or_else(|| incomplete(operation, "status"))?;
                Ok(Some(StackResource {
                    status: status.as_str().to_owned(),
                    physical_id: detail.physical_resource_id.filter(|id| !id.is_empty()),
                }))
            }
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `DescribeStackResource` declares no error. For a missing stack and a missing resource alike the service answers
/// `ValidationError` with "Stack … does not exist" (boto/boto3#2807) or "Resource … does not exist for stack …"
/// (getmoto/moto#4186); the words are all that tells it from a malformed request.
fn is_absent(error: &Error) -> bool {
    error.code == Code::Validation && error.message.contains("does not exist")
}
