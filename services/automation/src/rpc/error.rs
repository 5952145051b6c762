//! Why an operation was refused.

use crate::neighbours::NeighbourError;
use crate::workflow::WorkflowError;
use serde_json::Value;
use vigie_events::ids::AutomationRunId;
use vigie_service::{Detail, ErrorCode, Extras, ServiceError};

/// The errors of all operations.
#[derive(Debug, thiserror::Error)]
pub enum RpcError {
    /// A body is not what it should be; one text an operation.
    #[error("{message}")]
    Invalid {
        /// For the client.
        message: &'static str,
        /// What is wrong where.
        details: Vec<Detail>,
    },
    /// There is none, or it is out of reach.
    #[error("Schedule not found")]
    ScheduleNotFound,
    /// There is none, or it is out of reach.
    #[error("Run not found")]
    RunNotFound,
    /// Only one run at a time.
    #[error("A run of this schedule is already open")]
    RunOpen(AutomationRunId),
    /// Nothing is left to cancel.
    #[error("The run has already ended")]
    RunEnded(AutomationRunId),
    /// A fiche is out of the caller's scope. Which one is not said.
    #[error("Forbidden")]
    Forbidden,
    /// The scope could not be decided.
    #[error("Service unavailable")]
    Neighbour(#[from] NeighbourError),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
    /// Internal.
    #[error(transparent)]
    Encode(#[from] serde_json::Error),
    /// Internal.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl RpcError {
    /// A refusal with one problem.
    pub(super) fn invalid(message: &'static str, path: &str, code: &str, problem: &str) -> Self {
        let detail = Detail {
            path: path.to_owned(),
            code: code.to_owned(),
            message: problem.to_owned(),
        };
        Self::Invalid {
            message,
            details: vec![detail],
        }
    }
}

impl ServiceError for RpcError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } => ErrorCode::Validation,
            Self::ScheduleNotFound | Self::RunNotFound => ErrorCode::NotFound,
            Self::RunOpen(_) | Self::RunEnded(_) => ErrorCode::Conflict,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Store(_) | Self::Outbox(_) | Self::Encode(_) | Self::Workflow(_) => {
                ErrorCode::Internal
            }
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid { details, .. } => details.clone(),
            _ => Vec::new(),
        }
    }

    fn extras(&self) -> Extras {
        match self {
            Self::RunOpen(run) | Self::RunEnded(run) => {
                Extras::from_iter([("run_id".to_owned(), Value::String(run.to_string()))])
            }
            _ => Extras::new(),
        }
    }
}
