//! The function itself, on the Lambda API.

use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;

use super::Aws;
use super::error::failed;
use crate::{Error, Function};

impl Function for Aws {
    /// May be delivered twice, as every asynchronous invocation may.
    async fn invoke(&self, function_arn: &str, payload: &str) -> Result<(), Error> {
        self.function
            .invoke()
            .function_name(function_arn)
            .invocation_type(InvocationType::Event)
            .payload(Blob::new(payload))
            .send()
            .await
            .map_err(failed("Invoke"))?;
        Ok(())
    }
}
