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

#[cfg(test)]
mod tests {
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

    use crate::sdk::replay::{answer, answers, aws, lines, signers, texts, xml_refusal};
    use crate::{Code, Error, StackResource, Stacks};

    const STACK: &str = "arn:aws:cloudformation:us-west-2:222222222222:stack/follower-connection/7";

    fn detail(fields: &str) -> HttpResponse {
        answer(
            200,
            format!(
                "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail>{fields}\
                 </StackResourceDetail></DescribeStackResourceResult></DescribeStackResourceResponse>"
            ),
        )
    }

    async fn resource(answer: HttpResponse) -> Result<Option<StackResource>, Error> {
        aws(answers([answer])).resource(STACK, "Connection").await
    }

    #[tokio::test]
    async fn a_resource_is_asked_for_by_stack_id_and_logical_id() {
        let http = answers([detail(
            "<ResourceStatus>UPDATE_COMPLETE</ResourceStatus><PhysicalResourceId>connection/1</PhysicalResourceId>",
        )]);
        let found = aws(http.clone()).resource(STACK, "Connection").await.unwrap();
        assert_eq!(
            found,
            Some(StackResource {
                status: "UPDATE_COMPLETE".to_owned(),
                physical_id: Some("connection/1".to_owned())
            })
        );
        assert_eq!(lines(&http), ["POST https://cloudformation.us-west-2.amazonaws.com/"]);
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 cloudformation"]);
        assert_eq!(
            texts(&http),
            [
                "Action=DescribeStackResource&Version=2010-05-15&StackName=arn%3Aaws%3Acloudformation%3Aus-west-2\
              %3A222222222222%3Astack%2Ffollower-connection%2F7&LogicalResourceId=Connection"
            ]
        );
    }

    #[tokio::test]
    async fn a_resource_being_created_has_no_id_yet() {
        for id in ["", "<PhysicalResourceId></PhysicalResourceId>"] {
            let found =
                resource(detail(&format!("<ResourceStatus>CREATE_IN_PROGRESS</ResourceStatus>{id}"))).await;
            assert_eq!(
                found.unwrap(),
                Some(StackResource { status: "CREATE_IN_PROGRESS".to_owned(), physical_id: None })
            );
        }
    }

    #[tokio::test]
    async fn a_stack_or_a_resource_that_does_not_exist_is_none() {
        for words in [
            "Stack 'follower-connection' does not exist",
            "Stack with id follower-connection does not exist",
            "Resource Connection does not exist for stack follower-connection",
        ] {
            assert_eq!(resource(xml_refusal(400, "ValidationError", words)).await.unwrap(), None, "{words}");
        }
    }

    #[tokio::test]
    async fn every_other_refusal_is_an_error() {
        for (status, written, words, code) in [
            (400, "ValidationError", "1 validation error detected", Code::Validation),
            (403, "AccessDenied", "the role does not exist or may not", Code::AccessDenied),
        ] {
            let error = resource(xml_refusal(status, written, words)).await.unwrap_err();
            assert_eq!((error.operation, error.code), ("DescribeStackResource", code));
            assert_eq!(error.request_id.as_deref(), Some("request-1"));
        }
    }

    #[tokio::test]
    async fn an_answer_without_the_resource_is_one_that_cannot_be_used() {
        let nothing =
            "<DescribeStackResourceResponse><DescribeStackResourceResult/></DescribeStackResourceResponse>";
        let error = resource(answer(200, nothing)).await.unwrap_err();
        assert_eq!(error.to_string(), "DescribeStackResource failed: Internal: the answer has no resource");
    }
}
