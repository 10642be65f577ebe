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
        SdkError::TimeoutError(_) => (Code::NoAnswer, root(error)),
        SdkError::DispatchFailure(_) if cause::<CredentialsError>(error).is_some() => {
            (Code::Other("NoCredentials".to_owned()), root(error))
        }
        SdkError::DispatchFailure(_) => (Code::NoAnswer, root(error)),
        SdkError::ResponseError(response) => {
            (by_status(response.raw(), Code::NoAnswer), format!("the answer cannot be read: {}", root(error)))
        }
        // Only declared errors have a variant of their own; the code is there for the others too.
        SdkError::ServiceError(service) => (
            service.err().code().map_or_else(
                || {
                    let status = service.raw().status().as_u16();
                    by_status(service.raw(), Code::Other(format!("HTTP {status}")))
                },
                Code::parse,
            ),
            service.err().message().map_or_else(|| "the service gives no reason".to_owned(), presentable),
        ),
        unknown => (Code::Other("Unknown".to_owned()), root(unknown)),
    };
    Error { operation, code, message, request_id: error.request_id().map(str::to_owned) }
}

/// What the HTTP status alone can say, for an answer without a code.
fn by_status(response: &HttpResponse, otherwise: Code) -> Code {
    match response.status().as_u16() {
        429 => Code::Throttled,
        500.. => Code::Internal,
        _ => otherwise,
    }
}

/// The service's words, without the request they may quote.
///
/// "The request signature we calculated does not match" goes on with the canonical request, and that holds the
/// session token (amzn/selling-partner-api-models#1900; this service's words: carsales/aws-request-signer#10).
fn presentable(message: &str) -> String {
    let quoted = message.find("The Canonical String").unwrap_or(message.len());
    message.get(..quoted).unwrap_or(message).trim().to_owned()
}

/// The first error of this type among the sources.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    sources(error).find_map(|source| source.downcast_ref::<T>())
}

/// What the last of the sources says: the SDK's wrappers name themselves, the cause is below them.
fn root(error: &(dyn StdError + 'static)) -> String {
    sources(error).last().map_or_else(|| error.to_string(), ToString::to_string)
}

fn sources<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(error.source(), |&source| source.source())
}
