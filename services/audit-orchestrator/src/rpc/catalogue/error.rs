use crate::domain::input::{self, Refused};
use serde_json::Value;
use vigie_service::{Detail, ErrorCode, ServiceError};

/// Why the catalogue was not shown or changed.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Not an id.
    #[error("Invalid {0}")]
    InvalidId(&'static str),
    /// No such configuration.
    #[error("Audit config with ID '{0}' not found")]
    ConfigNotFound(i64),
    /// No such step.
    #[error("Audit step with ID '{0}' not found")]
    StepNotFound(i64),
    /// Audits refer to it.
    #[error("Audit config with ID '{0}' is used by audits: deactivate it instead")]
    InUse(i64),
    /// The body.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
}

impl ServiceError for ConfigError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidId(_) | Self::Refused(_) => ErrorCode::Validation,
            Self::ConfigNotFound(_) | Self::StepNotFound(_) => ErrorCode::NotFound,
            Self::InUse(_) => ErrorCode::Conflict,
            Self::Store(_) | Self::Outbox(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Refused(refused) => refused.details(),
            _ => Vec::new(),
        }
    }
}

pub(super) fn config_id(text: &str) -> Result<i64, ConfigError> {
    input::id(text).ok_or(ConfigError::InvalidId("config_id"))
}

pub(super) fn step_id(text: &str) -> Result<i64, ConfigError> {
    input::id(text).ok_or(ConfigError::InvalidId("step_id"))
}

/// A body as the gateway sent it; what is no JSON has no fields.
pub(super) fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
