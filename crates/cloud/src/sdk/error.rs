//! From the SDK's errors to ours.

use std::error::Error as StdError;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_opensearch::operation::RequestId;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::{Code, Error};

/// The conversion for one operation, for `map_err`.
pub(super) fn failed<E>(operation: &'static str) -> impl FnOnce(SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    move |error| convert(operation, &error)
}

/// An answer that lacks what the service always gives.
pub(super) fn incomplete(operation: &'static str, lacking: &str) -> Error {
    Error {
        operation,
        code: Code::Internal,
        message: format!("the answer has no {lacking}"),
        request_id: None,
    }
}

fn convert<E>(operation: &'static str, error: &SdkError<E, HttpResponse>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    // A session renews its credentials inside of other operations: what failed then is the renewal.
    if let Some(renewal) = cause::<Error>(error) {
        return renewal.clone();
    }
    let (code, message) = match error {
        SdkError::ConstructionFailure(_) => {
            (Code::Validation, format!("the request could not be made: {}", root(error)))
        }
        SdkError::DispatchFailure(_) if cause::<CredentialsError>(error).is_some() => {
            (Code::Other("NoCredentials".to_owned()), root(error))
        }
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) => (Code::NoAnswer, root(error)),
        SdkError::ResponseError(response) => (by_status(response.raw()), unreadable(error)),
        // Only declared errors have a variant of their own; the code is there for the others too.
        SdkError::ServiceError(service) => match (service.err().code(), service.err().message()) {
            (Some(code), message) => (Code::parse(code), presentable(message)),
            // The SDK takes a body that it cannot read for an error without a code, even after a 200.
            (None, None) if service.raw().status().is_success() => (Code::NoAnswer, unreadable(error)),
            (None, message) => (by_status(service.raw()), presentable(message)),
        },
        unknown => (Code::Other("Unknown".to_owned()), root(unknown)),
    };
    Error { operation, code, message, request_id: error.request_id().map(str::to_owned) }
}

/// What the HTTP status alone can say, for an answer without a code.
fn by_status(response: &HttpResponse) -> Code {
    match response.status().as_u16() {
        ..300 => Code::NoAnswer,
        429 => Code::Throttled,
        500.. => Code::Internal,
        other => Code::Other(format!("HTTP {other}")),
    }
}

/// The service's words, without the request they may quote.
///
/// "The request signature we calculated does not match" goes on with the canonical request, and that holds the
/// session token (amzn/selling-partner-api-models#1900; this service's words: carsales/aws-request-signer#10).
fn presentable(message: Option<&str>) -> String {
    let words = message.and_then(|message| message.split("The Canonical String").next()).unwrap_or_default();
    match words.trim() {
        "" => "the service gives no reason".to_owned(),
        words => words.to_owned(),
    }
}

fn unreadable(error: &(dyn StdError + 'static)) -> String {
    format!("the answer cannot be read: {}", root(error))
}

/// The first error of this type among the sources.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    sources(error).find_map(|source| source.downcast_ref::<T>())
}

/// What the last of the sources says: the SDK's wrappers name themselves, the cause is below them.
///
/// Below "HTTP connect timeout occurred after 3s" the SDK puts a bare "timed out" for its own use.
fn root(error: &(dyn StdError + 'static)) -> String {
    sources(error)
        .map(ToString::to_string)
        .filter(|words| words != "timed out")
        .last()
        .unwrap_or_else(|| error.to_string())
}

fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use aws_credential_types::credential_fn::provide_credentials_fn;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use aws_credential_types::provider::error::CredentialsError;
    use aws_sdk_sts::operation::assume_role::AssumeRoleError;
    use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
    use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
    use serde_json::json;
    use wait::{Retry, Retryable};

    use super::failed;
    use crate::sdk::Aws;
    use crate::sdk::replay::{answer, answers, config, lines, own, refusal, session};
    use crate::{Cloud, Code, Connections, Error, Filter};

    /// What becomes of this answer to a change, which is sent once.
    async fn accepting(answer: HttpResponse) -> Error {
        session(answers([answer])).await.accept("abcdefghij").await.unwrap_err()
    }

    #[tokio::test]
    async fn what_is_not_found_is_told_by_its_code_for_the_status_is_409() {
        let error = accepting(refusal(409, "ResourceNotFoundException", "no such connection")).await;
        assert_eq!(error.code, Code::ResourceNotFound);
        assert_eq!(
            error.to_string(),
            "AcceptInboundConnection failed: ResourceNotFound: no such connection (AWS request id request-1)"
        );
        assert!(error.source().is_none());
    }

    #[tokio::test]
    async fn errors_that_the_operation_does_not_declare_are_told_apart() {
        // Accept declares neither, and both come: aws/aws-sdk-js-v3#4453, crossplane-contrib/provider-upjet-aws#1411.
        for (status, written, code, retry) in [
            (400, "ValidationException", Code::Validation, Retry::Never),
            (429, "ThrottlingException", Code::Throttled, Retry::Later),
            (403, "AccessDeniedException", Code::AccessDenied, Retry::Never),
            (403, "ExpiredTokenException", Code::Other("ExpiredTokenException".to_owned()), Retry::Never),
            (500, "InternalException", Code::Internal, Retry::Later),
        ] {
            let error = accepting(refusal(status, written, "in its words")).await;
            assert_eq!((&error.code, error.retry()), (&code, retry), "{written}");
            assert_eq!(error.message, "in its words");
        }
    }

    #[tokio::test]
    async fn a_code_in_the_body_or_with_its_namespace_is_the_same_code() {
        let in_body =
            answer(409, json!({ "__type": "com.amazonaws.es#LimitExceededException", "message": "20" }));
        assert_eq!(accepting(in_body).await.code, Code::LimitExceeded);
        let with_address = refusal(409, "DisabledOperationException:http://internal.example/", "not now");
        assert_eq!(accepting(with_address).await.code, Code::DisabledOperation);
    }

    #[tokio::test]
    async fn without_a_code_the_status_decides() {
        for (status, code) in [
            (500, Code::Internal),
            (503, Code::Internal),
            (429, Code::Throttled),
            (403, Code::Other("HTTP 403".to_owned())),
        ] {
            let error = accepting(answer(status, json!({}))).await;
            assert_eq!(error.code, code);
            assert_eq!(error.message, "the service gives no reason");
            assert_eq!(error.request_id, None);
        }
    }

    #[tokio::test]
    async fn an_answer_that_cannot_be_read_is_no_answer() {
        let page = "<html>proxy</html>";
        let error = accepting(answer(200, page)).await;
        assert_eq!(error.code, Code::NoAnswer);
        assert!(error.message.starts_with("the answer cannot be read: "), "{}", error.message);
        assert_eq!(accepting(answer(502, page)).await.code, Code::Internal);
    }

    #[tokio::test]
    async fn a_quoted_request_with_its_session_token_is_cut_off() {
        let words = "The request signature we calculated does not match the signature you provided.\n\n\
                     The Canonical String for this request should have been\n'PUT\n/\n\n\
                     x-amz-security-token:FwoGZXIvYXdz\n'";
        let error = accepting(refusal(403, "InvalidSignatureException", words)).await;
        assert_eq!(
            error.message,
            "The request signature we calculated does not match the signature you provided."
        );
    }

    #[test]
    fn a_way_that_is_blocked_is_told_from_a_slow_service() {
        #[derive(Debug, thiserror::Error)]
        #[error("timed out")]
        struct TimedOut;
        #[derive(Debug, thiserror::Error)]
        #[error("HTTP connect timeout occurred after 3s")]
        struct Connect(#[source] TimedOut);
        let blocked = SdkError::dispatch_failure(ConnectorError::timeout(Connect(TimedOut).into()));
        let error = failed::<AssumeRoleError>("AssumeRole")(blocked);
        assert_eq!(error.to_string(), "AssumeRole failed: NoAnswer: HTTP connect timeout occurred after 3s");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_read_is_repeated() {
        let throttled = || refusal(429, "ThrottlingException", "Rate exceeded");
        let http = answers([throttled(), throttled(), answer(200, json!({ "Connections": [] }))]);
        assert_eq!(session(http.clone()).await.outbound(Filter::Id("abcdefghij")).await.unwrap(), []);
        assert_eq!(lines(&http).len(), 3);
    }

    #[tokio::test]
    async fn without_credentials_nothing_is_sent_and_waiting_would_not_help() {
        let http = answers([]);
        let config = config(http.clone())
            .into_builder()
            .credentials_provider(SharedCredentialsProvider::new(provide_credentials_fn(async || {
                Err(CredentialsError::not_loaded("nothing in the environment"))
            })))
            .build();
        let session = Aws::connect(&config, "/tandem/claims").connections(&own()).await.unwrap();
        let error = session.accept("abcdefghij").await.unwrap_err();
        assert_eq!((&error.code, error.retry()), (&Code::Other("NoCredentials".to_owned()), Retry::Never));
        assert_eq!(error.message, "nothing in the environment");
        assert_eq!(lines(&http).len(), 0);
    }
}
