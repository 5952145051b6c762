use super::super::invalid;
use super::super::throttle::{Limited, ThrottleError};
use crate::domain::password::PasswordError;
use crate::domain::policy::WeakPassword;
use vigie_bus::OutboxError;
use vigie_identity::tokens::SigningError;
use vigie_service::{Detail, ErrorCode, Extras, ServiceError};

/// What an operation on one's own account can end in.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// A field cannot be what it should be.
    #[error("Invalid {field}")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What it should be.
        problem: &'static str,
    },
    /// The new password may not be set.
    #[error("{field} {problem}")]
    Weak {
        /// Which field.
        field: &'static str,
        /// Why.
        problem: WeakPassword,
    },
    /// The credential does not work; the contract's sentence.
    #[error("{0}")]
    Refused(&'static str),
    /// No such session of the caller.
    #[error("Session with ID '{0}' not found")]
    NoSession(String),
    /// Too many failures.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A change could not be announced.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl From<ThrottleError> for AccountError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::Limited(limited) => Self::Limited(limited),
            ThrottleError::Store(error) => Self::Store(error),
        }
    }
}

impl ServiceError for AccountError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } | Self::Weak { .. } => ErrorCode::Validation,
            Self::Refused(_) => ErrorCode::Authentication,
            Self::NoSession(_) => ErrorCode::NotFound,
            Self::Limited(_) => Limited::CODE,
            Self::Password(_) | Self::Signing(_) | Self::Outbox(_) | Self::Store(_) => {
                ErrorCode::Internal
            }
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid { field, problem } => vec![invalid(field, problem)],
            Self::Weak { field, problem } => vec![invalid(field, &problem.to_string())],
            Self::Refused(_)
            | Self::NoSession(_)
            | Self::Limited(_)
            | Self::Password(_)
            | Self::Signing(_)
            | Self::Outbox(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    fn extras(&self) -> Extras {
        if let Self::Limited(limited) = self {
            return limited.extras();
        }
        Extras::new()
    }
}
