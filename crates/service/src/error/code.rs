use http::StatusCode;
use tonic::Code;

/// The classes of errors on the wire (identity.md 4.2). Nothing else picks a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// Input or a business rule refused.
    Validation,
    /// The body is not JSON.
    InvalidJson,
    /// No, invalid or expired credential.
    Authentication,
    /// Permission or scope.
    Authorization,
    /// Resource or route.
    NotFound,
    /// Unique key taken, wrong state, stale write.
    Conflict,
    /// Known path, wrong method.
    MethodNotAllowed,
    /// Body over the limit.
    PayloadTooLarge,
    /// Throttled.
    RateLimited,
    /// Another system failed.
    ExternalApi,
    /// This installation is misconfigured.
    Configuration,
    /// Something the request needs is missing or down.
    Unavailable,
    /// Realtime is not configured or cannot decide.
    RealtimeUnavailable,
    /// Anything else.
    Internal,
}

impl ErrorCode {
    /// Every code.
    pub const ALL: [Self; 14] = [
        Self::Validation,
        Self::InvalidJson,
        Self::Authentication,
        Self::Authorization,
        Self::NotFound,
        Self::Conflict,
        Self::MethodNotAllowed,
        Self::PayloadTooLarge,
        Self::RateLimited,
        Self::ExternalApi,
        Self::Configuration,
        Self::Unavailable,
        Self::RealtimeUnavailable,
        Self::Internal,
    ];

    /// The one table: wire code, HTTP status, gRPC code.
    const fn row(self) -> (&'static str, StatusCode, Code) {
        match self {
            Self::Validation => (
                "VALIDATION_ERROR",
                StatusCode::BAD_REQUEST,
                Code::InvalidArgument,
            ),
            Self::InvalidJson => (
                "INVALID_JSON",
                StatusCode::BAD_REQUEST,
                Code::InvalidArgument,
            ),
            Self::Authentication => (
                "AUTHENTICATION_ERROR",
                StatusCode::UNAUTHORIZED,
                Code::Unauthenticated,
            ),
            Self::Authorization => (
                "AUTHORIZATION_ERROR",
                StatusCode::FORBIDDEN,
                Code::PermissionDenied,
            ),
            Self::NotFound => ("NOT_FOUND", StatusCode::NOT_FOUND, Code::NotFound),
            Self::Conflict => ("CONFLICT", StatusCode::CONFLICT, Code::FailedPrecondition),
            Self::MethodNotAllowed => (
                "METHOD_NOT_ALLOWED",
                StatusCode::METHOD_NOT_ALLOWED,
                Code::Unimplemented,
            ),
            Self::PayloadTooLarge => (
                "PAYLOAD_TOO_LARGE",
                StatusCode::PAYLOAD_TOO_LARGE,
                Code::OutOfRange,
            ),
            Self::RateLimited => (
                "RATE_LIMITED",
                StatusCode::TOO_MANY_REQUESTS,
                Code::ResourceExhausted,
            ),
            // Not UNAVAILABLE: that would invite a retry of what was already retried.
            Self::ExternalApi => ("EXTERNAL_API_ERROR", StatusCode::BAD_GATEWAY, Code::Unknown),
            Self::Configuration => (
                "CONFIGURATION_ERROR",
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
            ),
            Self::Unavailable => (
                "SERVICE_UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable,
            ),
            Self::RealtimeUnavailable => (
                "REALTIME_UNAVAILABLE",
                StatusCode::SERVICE_UNAVAILABLE,
                Code::Unavailable,
            ),
            Self::Internal => (
                "INTERNAL_ERROR",
                StatusCode::INTERNAL_SERVER_ERROR,
                Code::Internal,
            ),
        }
    }

    /// The `code` of the HTTP envelope.
    pub const fn wire(self) -> &'static str {
        self.row().0
    }

    /// The HTTP status.
    pub const fn http_status(self) -> StatusCode {
        self.row().1
    }

    /// The gRPC code.
    pub const fn grpc(self) -> Code {
        self.row().2
    }

    /// The code with this name.
    pub fn from_wire(wire: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.wire() == wire)
    }

    /// The class of a status that names none: one that the transport or tonic made.
    pub(super) const fn of_transport(code: Code) -> Self {
        match code {
            Code::InvalidArgument => Self::Validation,
            Code::Unauthenticated => Self::Authentication,
            Code::PermissionDenied => Self::Authorization,
            Code::NotFound => Self::NotFound,
            // Unknown: the connection broke in the middle of the call.
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::ResourceExhausted
            | Code::Unknown => Self::Unavailable,
            Code::Ok
            | Code::AlreadyExists
            | Code::FailedPrecondition
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Internal,
        }
    }
}
