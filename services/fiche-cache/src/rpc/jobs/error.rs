use crate::workflow::JobError;
use vigie_service::{Detail, ErrorCode, ServiceError};
use vigie_webhooks::GuardError;

/// What RPCs about jobs can end in.
#[derive(Debug, thiserror::Error)]
pub enum JobRpcError {
    /// A field cannot be what it should be.
    #[error("{message}")]
    Invalid {
        /// Which one.
        path: &'static str,
        /// For a person.
        message: String,
    },
    /// A URL will not be called.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// There is no such thing, or it is somebody else's.
    #[error("{0}")]
    NotFound(&'static str),
    /// Not in this state.
    #[error("{0}")]
    Conflict(&'static str),
    /// Something the wish needs is not configured.
    #[error("{0}")]
    NotConfigured(&'static str),
    /// A step failed.
    #[error(transparent)]
    Job(#[from] JobError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl JobRpcError {
    /// There is no such job, or it is somebody else's.
    pub const NO_JOB: Self = Self::NotFound("Job not found");

    pub(in crate::rpc) fn invalid(path: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            path,
            message: message.into(),
        }
    }
}

impl ServiceError for JobRpcError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } | Self::Guard(_) => ErrorCode::Validation,
            Self::NotFound(_) => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::NotConfigured(_) => ErrorCode::Configuration,
            Self::Job(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        let (path, message) = match self {
            Self::Invalid { path, message } => (*path, message.clone()),
            Self::Guard(error) => ("query.webhookUrl", error.to_string()),
            Self::NotFound(_)
            | Self::Conflict(_)
            | Self::NotConfigured(_)
            | Self::Job(_)
            | Self::Store(_) => return Vec::new(),
        };
        vec![Detail {
            path: path.to_owned(),
            code: "invalid".to_owned(),
            message,
        }]
    }
}
