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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::sdk::replay::{answer, answers, aws, bodies, lines, refusal, signers};
    use crate::{Code, Function};

    const ARN: &str = "arn:aws:lambda:us-west-2:222222222222:function:tandem";

    #[tokio::test]
    async fn the_function_is_invoked_without_waiting_for_it() {
        let http = answers([answer(202, "")]);
        aws(http.clone()).invoke(ARN, r#"{"continue":true}"#).await.unwrap();
        assert_eq!(
            lines(&http),
            ["POST https://lambda.us-west-2.amazonaws.com/2015-03-31/functions/\
              arn%3Aaws%3Alambda%3Aus-west-2%3A222222222222%3Afunction%3Atandem/invocations"]
        );
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 lambda"]);
        assert_eq!(bodies(&http), [json!({ "continue": true })]);
        let kinds: Vec<_> = http
            .actual_requests()
            .map(|request| request.headers().get("x-amz-invocation-type").map(str::to_owned))
            .collect();
        assert_eq!(kinds, [Some("Event".to_owned())]);
    }

    #[tokio::test]
    async fn a_refusal_is_an_error() {
        let http = answers([refusal(403, "AccessDeniedException", "not authorized")]);
        let error = aws(http).invoke(ARN, "{}").await.unwrap_err();
        assert_eq!((error.operation, error.code), ("Invoke", Code::AccessDenied));
    }
}
