//! Lambda and CloudFormation, as the protocol asks for them, on the ports of `cloud`.

use std::sync::Arc;

use cloud::{Claims, Cloud, Error, Function, Stacks};
use custom_resource::{Host, StackResource};

/// The platform the function runs on.
#[derive(Debug)]
pub struct Platform<C>(Arc<C>);

impl<C> Platform<C> {
    /// The platform behind this cloud.
    pub fn new(cloud: Arc<C>) -> Self {
        Self(cloud)
    }
}

impl<C: Cloud + Function + Stacks> Host for Platform<C> {
    type Error = Error;

    async fn continue_in(&self, function_arn: &str, payload: &str) -> Result<(), Error> {
        self.0.invoke(function_arn, payload).await
    }

    async fn pass_baton(&self, stack_id: &str, logical_id: &str, baton: Option<&str>) -> Result<(), Error> {
        let (claims, name) = (self.0.claims(), baton_name(stack_id, logical_id));
        match baton {
            Some(baton) => claims.write(&name, baton).await.map(drop),
            None => claims.remove(&name).await,
        }
    }

    async fn baton(&self, stack_id: &str, logical_id: &str) -> Result<Option<String>, Error> {
        let recorded = self.0.claims().read(&baton_name(stack_id, logical_id)).await?;
        Ok(recorded.map(|recorded| recorded.text))
    }

    async fn stack_resource(&self, stack_id: &str, logical_id: &str) -> Result<Option<StackResource>, Error> {
        let seen = self.0.resource(stack_id, logical_id).await?;
        Ok(seen.map(|seen| StackResource { status: seen.status, physical_id: seen.physical_id }))
    }
}

/// Where the baton of a resource's request is: beside the claims, which begin with an account.
fn baton_name(stack_id: &str, logical_id: &str) -> String {
    let stack = stack_id.rsplit('/').next().unwrap_or_default();
    format!("continuations/{stack}/{logical_id}")
}
