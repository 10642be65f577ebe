//! The one error of every port: which operation failed, and whether asking again can help.

use wait::{Retry, Retryable};

/// A call that failed.
///
/// Decisions are made by [`Code`], never by the HTTP status: the service answers `ResourceNotFoundException` with
/// HTTP 409.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{operation} failed: {code}: {message}{}", request_id_suffix(.request_id.as_deref()))]
pub struct Error {
    /// The API operation, `CreateOutboundConnection`.
    pub operation: &'static str,
    /// What kind of failure it was.
    pub code: Code,
    /// What the service said, for people.
    pub message: String,
    /// The service's id of the request, for its support.
    pub request_id: Option<String>,
}

fn request_id_suffix(request_id: Option<&str>) -> String {
    request_id.map(|id| format!(" (AWS request id {id})")).unwrap_or_default()
}

/// The failures that somebody decides by, and the rest by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Code {
    /// What was named does not exist, or not in the account and Region that was asked.
    ResourceNotFound,
    /// What was to be made is there already: an alias is taken, a pair is connected, a route exists.
    ResourceAlreadyExists,
    /// A limit of the service.
    LimitExceeded,
    /// There are no machines left of this kind in this place, for now.
    InsufficientCapacity,
    /// The operation is not possible in this state.
    DisabledOperation,
    /// The request is wrong.
    Validation,
    /// IAM says no.
    AccessDenied,
    /// Too many requests.
    Throttled,
    /// The service is unwell (5xx).
    Internal,
    /// No answer: connection refused, reset, timed out.
    NoAnswer,
    /// Any other code, as the service wrote it.
    Other(String),
}

impl Code {
    /// From the code as services write it, with or without the `Exception` or `Error` at its end.
    pub fn parse(code: &str) -> Self {
        let bare = code.strip_suffix("Exception").or_else(|| code.strip_suffix("Error")).unwrap_or(code);
        match bare {
            "ResourceNotFound"
            | "ParameterNotFound"
            | "ParameterVersionNotFound"
            | "InvalidInstanceID.NotFound" => Self::ResourceNotFound,
            "ResourceAlreadyExists"
            | "ParameterAlreadyExists"
            | "RouteAlreadyExists"
            | "DuplicateTransitGatewayAttachment"
            | "Resource.AlreadyAssociated" => Self::ResourceAlreadyExists,
            "LimitExceeded" | "ParameterLimitExceeded" => Self::LimitExceeded,
            "InsufficientInstanceCapacity" => Self::InsufficientCapacity,
            "DisabledOperation" | "IncorrectState" | "IncorrectInstanceState" => Self::DisabledOperation,
            "Validation" | "InvalidParameterValue" | "InvalidInstanceID.Malformed" => Self::Validation,
            "AccessDenied" | "Forbidden" | "UnauthorizedOperation" | "NotAuthorized" => Self::AccessDenied,
            "Throttling"
            | "Throttled"
            | "TooManyRequests"
            | "RequestLimitExceeded"
            | "RequestThrottled"
            | "TooManyUpdates" => Self::Throttled,
            "Internal"
            | "InternalServer"
            | "InternalService"
            | "InternalFailure"
            | "InternalServerFailure"
            | "ServiceUnavailable"
            | "Unavailable"
            | "Service" => Self::Internal,
            // EC2 names the thing: `InvalidTransitGatewayAttachmentID.NotFound`, `TransitGatewayRouteLimitExceeded`.
            _ if bare.ends_with(".NotFound") => Self::ResourceNotFound,
            _ if bare.ends_with("LimitExceeded") => Self::LimitExceeded,
            _ => Self::Other(code.to_owned()),
        }
    }
}

impl std::fmt::Display for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::ResourceNotFound => "ResourceNotFound",
            Self::ResourceAlreadyExists => "ResourceAlreadyExists",
            Self::LimitExceeded => "LimitExceeded",
            Self::InsufficientCapacity => "InsufficientCapacity",
            Self::DisabledOperation => "DisabledOperation",
            Self::Validation => "Validation",
            Self::AccessDenied => "AccessDenied",
            Self::Throttled => "Throttled",
            Self::Internal => "Internal",
            Self::NoAnswer => "NoAnswer",
            Self::Other(code) => code,
        })
    }
}

impl Retryable for Error {
    fn retry(&self) -> Retry {
        match self.code {
            Code::Throttled | Code::Internal | Code::NoAnswer => Retry::Later,
            Code::ResourceNotFound
            | Code::ResourceAlreadyExists
            | Code::LimitExceeded
            | Code::InsufficientCapacity
            | Code::DisabledOperation
            | Code::Validation
            | Code::AccessDenied
            | Code::Other(_) => Retry::Never,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_read_as_services_write_it() {
        for (written, code) in [
            ("ResourceNotFoundException", Code::ResourceNotFound),
            ("ParameterNotFound", Code::ResourceNotFound),
            ("ParameterAlreadyExists", Code::ResourceAlreadyExists),
            ("ParameterLimitExceeded", Code::LimitExceeded),
            ("ThrottlingException", Code::Throttled),
            ("Throttling", Code::Throttled),
            ("TooManyRequestsException", Code::Throttled),
            ("AccessDenied", Code::AccessDenied),
            ("AccessDeniedException", Code::AccessDenied),
            ("ServiceException", Code::Internal),
            ("InternalServerError", Code::Internal),
            ("IncorrectInstanceState", Code::DisabledOperation),
            ("InsufficientInstanceCapacity", Code::InsufficientCapacity),
            ("InstanceLimitExceeded", Code::LimitExceeded),
            ("VcpuLimitExceeded", Code::LimitExceeded),
            ("TagLimitExceeded", Code::LimitExceeded),
            ("InvalidInstanceID.NotFound", Code::ResourceNotFound),
            ("UnauthorizedOperation", Code::AccessDenied),
            ("RequestLimitExceeded", Code::Throttled),
            ("InvalidTransitGatewayAttachmentID.NotFound", Code::ResourceNotFound),
            ("InvalidRoute.NotFound", Code::ResourceNotFound),
            ("RouteAlreadyExists", Code::ResourceAlreadyExists),
            ("TransitGatewayRouteLimitExceeded", Code::LimitExceeded),
            ("RequestLimitExceeded", Code::Throttled),
            ("IncorrectState", Code::DisabledOperation),
            ("UnauthorizedOperation", Code::AccessDenied),
            ("ExpiredTokenException", Code::Other("ExpiredTokenException".to_owned())),
        ] {
            assert_eq!(Code::parse(written), code, "{written}");
        }
    }

    #[test]
    fn only_what_may_pass_is_retried() {
        let retry = |code: Code| {
            Error { operation: "DescribeOutboundConnections", code, message: String::new(), request_id: None }
                .retry()
        };
        for code in [Code::Throttled, Code::Internal, Code::NoAnswer] {
            assert_eq!(retry(code), Retry::Later);
        }
        for code in
            [Code::AccessDenied, Code::Validation, Code::ResourceNotFound, Code::Other("X".to_owned())]
        {
            assert_eq!(retry(code), Retry::Never);
        }
    }
}
