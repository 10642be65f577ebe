//! Lambda and CloudFormation, as the protocol asks for them, on the ports of `cloud`.

use std::sync::Arc;

use cloud::sdk::Aws;
use cloud::{Claims, Cloud, Function, Stacks};
use custom_resource::{Host, StackResource};

/// The platform the function runs on.
#[derive(Clone, Debug)]
pub(crate) struct Platform {
    aws: Arc<Aws>,
}

impl Platform {
    pub(crate) fn new(aws: Arc<Aws>) -> Self {
        Self { aws }
    }
}

impl Host for Platform {
    type Error = cloud::Error;

    async fn continue_in(&self, function_arn: &str, payload: &str) -> Result<(), cloud::Error> {
        self.aws.invoke(function_arn, payload).await
    }

    async fn pass_baton(
        &self,
        stack_id: &str,
        logical_id: &str,
        baton: Option<&str>,
    ) -> Result<(), cloud::Error> {
        let (claims, name) = (self.aws.claims(), baton_name(stack_id, logical_id));
        match baton {
            Some(baton) => claims.write(&name, baton).await.map(drop),
            None => claims.remove(&name).await,
        }
    }

    async fn baton(&self, stack_id: &str, logical_id: &str) -> Result<Option<String>, cloud::Error> {
        let recorded = self.aws.claims().read(&baton_name(stack_id, logical_id)).await?;
        Ok(recorded.map(|recorded| recorded.text))
    }

    async fn stack_resource(
        &self,
        stack_id: &str,
        logical_id: &str,
    ) -> Result<Option<StackResource>, cloud::Error> {
        let seen = self.aws.resource(stack_id, logical_id).await?;
        Ok(seen.map(|seen| StackResource { status: seen.status, physical_id: seen.physical_id }))
    }
}

/// Where the baton of a resource's request is: beside the claims, which begin with an account.
fn baton_name(stack_id: &str, logical_id: &str) -> String {
    let stack = stack_id.rsplit('/').next().unwrap_or_default();
    format!("continuations/{stack}/{logical_id}")
}
