use crate::domain::batch::InvalidFiches;
use crate::neighbours::NeighbourError;
use crate::rpc::{RunAuditError, TooFast};
use crate::workflow::{CancelError, WorkflowError};
use vigie_service::{ErrorCode, Extras, ServiceError};

/// Why a batch was not queued, read or cancelled.
#[derive(Debug, thiserror::Error)]
pub enum BatchError {
    /// The ids, their number or the configuration's id.
    #[error(transparent)]
    Invalid(#[from] InvalidFiches),
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] RunAuditError),
    /// A fiche is unknown or out of the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// There is none for the caller.
    #[error("Batch not found")]
    NotFound,
    /// The caller asks too often.
    #[error(transparent)]
    TooFast(#[from] TooFast),
    /// It could not be cancelled.
    #[error(transparent)]
    Cancel(#[from] CancelError),
    /// The scope could not be decided.
    #[error("Service unavailable")]
    Neighbour(#[from] NeighbourError),
    /// Internal.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for BatchError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::Config(error) => error.code(),
            Self::Forbidden => ErrorCode::Authorization,
            Self::NotFound => ErrorCode::NotFound,
            Self::TooFast(_) => TooFast::CODE,
            Self::Cancel(CancelError::Ended(_) | CancelError::LostRace) => ErrorCode::Conflict,
            Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Cancel(CancelError::Workflow(_)) | Self::Workflow(_) | Self::Store(_) => {
                ErrorCode::Internal
            }
        }
    }
    fn extras(&self) -> Extras {
        match self {
            Self::TooFast(error) => error.extras(),
            _ => Extras::new(),
        }
    }
}
