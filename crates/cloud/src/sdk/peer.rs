//! A function of another side, on the Lambda API of its Region.

use std::time::Duration;

use aws_config::identity::IdentityCache;
use aws_config::timeout::TimeoutConfig;
use aws_config::{Region, SdkConfig};
use aws_sdk_lambda::config::Builder;
use aws_sdk_lambda::primitives::Blob;
use aws_sdk_lambda::types::InvocationType;
use serde_json::Value;

use super::error::failed;
use super::role::Role;
use crate::{Code, Error, Peer, PeerAddress};

/// For one invocation, as [`Peer`] promises; less than the 350 s after which a NAT gateway forgets a silent connection.
const ATTEMPT: Duration = Duration::from_mins(2);

/// A function, and who invokes it. A clone is the same.
#[derive(Clone, Debug)]
pub struct RemoteFunction {
    client: aws_sdk_lambda::Client,
    function_arn: String,
    role: Option<Role>,
}

impl RemoteFunction {
    pub(super) fn new(config: &SdkConfig, address: &PeerAddress) -> Self {
        let mut builder = Builder::from(config)
            .region(Region::new(address.region().to_owned()))
            .retry_config(super::once())
            .timeout_config(
                TimeoutConfig::builder()
                    .connect_timeout(super::CONNECT)
                    .operation_attempt_timeout(ATTEMPT)
                    .operation_timeout(ATTEMPT)
                    .build(),
            );
        let role = address.role.as_ref().map(|wanted| Role::new(config, wanted));
        if let Some(role) = role.clone() {
            builder = builder.credentials_provider(role).identity_cache(IdentityCache::no_cache());
        }
        let client = aws_sdk_lambda::Client::from_conf(builder.build());
        Self { client, function_arn: address.function_arn.clone(), role }
    }

    /// Finds out that the role cannot be assumed before anything is asked.
    pub(super) async fn sign_in(&self) -> Result<(), Error> {
        match &self.role {
            Some(role) => role.credentials().await.map(drop),
            None => Ok(()),
        }
    }
}

impl Peer for RemoteFunction {
    async fn ask(&self, payload: &str) -> Result<String, Error> {
        let answer = self
            .client
            .invoke()
            .function_name(&self.function_arn)
            .invocation_type(InvocationType::RequestResponse)
            .payload(Blob::new(payload))
            .send()
            .await
            .map_err(failed("Invoke"))?;
        let text = answer.payload.map(Blob::into_inner).unwrap_or_default();
        // The service answers 200 for a function that crashed or ran out of time.
        match answer.function_error {
            Some(kind) => Err(crashed(kind, &text)),
            None => String::from_utf8(text).map_err(|_| Error {
                operation: "Invoke",
                code: Code::NoAnswer,
                message: "the answer is not text".to_owned(),
                request_id: None,
            }),
        }
    }
}

fn crashed(kind: String, text: &[u8]) -> Error {
    let said = serde_json::from_slice::<Value>(text).ok();
    let words = said.as_ref().and_then(|said| said.get("errorMessage")).and_then(Value::as_str);
    let message = format!("the function failed: {}", words.unwrap_or("it gives no reason"));
    Error { operation: "Invoke", code: Code::Other(kind), message, request_id: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wait::{Retry, Retryable};

    use crate::sdk::replay::{
        Resets, answer, answers, assumed, aws, bodies, leader, lines, refusal, signers, xml_refusal,
    };
    use crate::{Cloud, Code, Peer, PeerAddress};

    const ARN: &str = "arn:aws:lambda:us-east-1:111111111111:function:tandem:questions";

    fn address() -> PeerAddress {
        PeerAddress::parse(ARN, None).unwrap()
    }

    #[tokio::test]
    async fn the_function_is_asked_in_its_own_region_and_its_answer_comes_back() {
        let http = answers([answer(200, r#"{"Answer":1}"#)]);
        let peer = aws(http.clone()).peer(&address()).await.unwrap();
        assert_eq!(peer.ask(r#"{"Tandem":"Compare"}"#).await.unwrap(), r#"{"Answer":1}"#);
        assert_eq!(
            lines(&http),
            ["POST https://lambda.us-east-1.amazonaws.com/2015-03-31/functions/\
              arn%3Aaws%3Alambda%3Aus-east-1%3A111111111111%3Afunction%3Atandem%3Aquestions/invocations"]
        );
        assert_eq!(signers(&http), ["AKIDOWN us-east-1 lambda"]);
        assert_eq!(bodies(&http), [json!({ "Tandem": "Compare" })]);
        let kinds: Vec<_> = http
            .actual_requests()
            .map(|request| request.headers().get("x-amz-invocation-type").map(str::to_owned))
            .collect();
        assert_eq!(kinds, [Some("RequestResponse".to_owned())]);
    }

    #[tokio::test]
    async fn a_role_is_assumed_first_and_signs() {
        let http = answers([assumed("AKIDROLE", "2099-01-01T00:00:00Z"), answer(200, "{}")]);
        let role = leader(Some("stack-7")).role;
        let peer = aws(http.clone()).peer(&PeerAddress { function_arn: ARN.to_owned(), role }).await.unwrap();
        peer.ask("{}").await.unwrap();
        assert_eq!(signers(&http), ["AKIDOWN us-west-2 sts", "AKIDROLE us-east-1 lambda"]);
    }

    #[tokio::test]
    async fn a_role_that_cannot_be_assumed_fails_before_anything_is_asked() {
        let http = answers([xml_refusal(403, "AccessDenied", "not authorized")]);
        let role = leader(Some("stack-7")).role;
        let address = PeerAddress { function_arn: ARN.to_owned(), role };
        let error = aws(http.clone()).peer(&address).await.unwrap_err();
        assert_eq!((error.operation, error.code), ("AssumeRole", Code::AccessDenied));
    }

    #[tokio::test]
    async fn a_function_that_crashed_is_an_error_with_its_words_and_is_not_asked_again() {
        let mut crash = answer(200, json!({ "errorType": "X", "errorMessage": "out of memory" }));
        crash.headers_mut().insert("x-amz-function-error", "Unhandled");
        let http = answers([crash]);
        let error = aws(http.clone()).peer(&address()).await.unwrap().ask("{}").await.unwrap_err();
        assert_eq!(error.to_string(), "Invoke failed: Unhandled: the function failed: out of memory");
        assert_eq!(error.retry(), Retry::Never);
    }

    #[tokio::test]
    async fn a_refusal_is_told_by_its_class() {
        for (status, code, class, retry) in [
            (403, "AccessDeniedException", Code::AccessDenied, Retry::Never),
            (404, "ResourceNotFoundException", Code::ResourceNotFound, Retry::Never),
            (429, "TooManyRequestsException", Code::Throttled, Retry::Later),
            (500, "ServiceException", Code::Internal, Retry::Later),
        ] {
            let http = answers([refusal(status, code, "no")]);
            let error = aws(http.clone()).peer(&address()).await.unwrap().ask("{}").await.unwrap_err();
            assert_eq!((error.code.clone(), error.retry()), (class, retry), "{code}");
            assert_eq!(lines(&http).len(), 1, "one call is one invocation");
        }
    }

    #[tokio::test]
    async fn a_lost_answer_is_no_answer_and_nothing_is_repeated() {
        let network = Resets::default();
        let error = aws(network.clone()).peer(&address()).await.unwrap().ask("{}").await.unwrap_err();
        assert_eq!((error.code.clone(), error.retry()), (Code::NoAnswer, Retry::Later));
        assert_eq!(network.count(), 1);
    }
}
