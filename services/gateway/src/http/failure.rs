//! Failed answers: what they carry until the outermost layer writes the envelope (identity.md 4.2).

use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::{Map, Value};
use tonic::Status;
use utoipa::ToSchema;
use vigie_service::{Detail, ErrorCode, WireError};

/// A request that fails, and how.
#[derive(Debug, Clone)]
pub struct Failure(Box<WireError>);

/// Travels in the response to the layer that knows the request's id.
#[derive(Debug, Clone)]
pub(super) struct Told(pub(super) Box<WireError>);

impl Failure {
    /// A failure without details.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        WireError::new(code, message).into()
    }

    /// A refused value.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::Validation, message)
    }

    /// Something that cannot be; it was logged where it was seen.
    pub fn internal() -> Self {
        Self::new(ErrorCode::Internal, WireError::INTERNAL)
    }

    /// An answer of a service that lacks what its contract promises.
    pub fn incomplete(rpc: &'static str) -> Self {
        tracing::error!(rpc.method = rpc, "the answer lacks a field");
        Self::internal()
    }

    /// With an issue of the input.
    #[must_use]
    pub fn with_detail(mut self, path: &str, message: &str) -> Self {
        self.0.details.push(Detail {
            path: path.to_owned(),
            code: "invalid".to_owned(),
            message: message.to_owned(),
        });
        self
    }

    /// With a value beside the error.
    #[must_use]
    pub fn with_extra(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.0.extras.insert(name.to_owned(), value.into());
        self
    }

    /// What it is.
    pub fn error(&self) -> &WireError {
        &self.0
    }
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self(Box::new(error))
    }
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        WireError::from(&status).into()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = self.0.code.http_status().into_response();
        response.extensions_mut().insert(Told(self.0));
        response
    }
}

/// The envelope, for the API's description.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorBody {
    /// Always false.
    success: bool,
    /// One sentence.
    error: String,
    /// The class of the error, for example `NOT_FOUND`.
    code: String,
    /// The same as the header `X-Request-Id`.
    request_id: String,
    /// The issues of a refused input.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<ErrorDetail>,
    /// Named values beside the error.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    extras: Map<String, Value>,
}

/// One issue of a refused input.
#[derive(Serialize, ToSchema)]
pub(super) struct ErrorDetail {
    /// Where.
    path: String,
    /// What kind of issue.
    code: String,
    /// For a person.
    message: String,
}

pub(super) fn body(error: &WireError, request_id: &str) -> ErrorBody {
    let mut details: Vec<_> = error
        .details
        .iter()
        .map(|detail| ErrorDetail {
            path: detail.path.clone(),
            code: detail.code.clone(),
            message: detail.message.clone(),
        })
        .collect();
    if details.is_empty() && error.code == ErrorCode::Validation {
        // The contract promises details with this code.
        details.push(ErrorDetail {
            path: String::new(),
            code: "invalid".to_owned(),
            message: error.message.clone(),
        });
    }
    let mut extras = error.extras.clone();
    for reserved in ["success", "error", "code", "request_id", "details"] {
        extras.remove(reserved);
    }
    ErrorBody {
        success: false,
        error: error.message.clone(),
        code: error.code.wire().to_owned(),
        request_id: request_id.to_owned(),
        details,
        extras,
    }
}
