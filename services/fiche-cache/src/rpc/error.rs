//! What reading fiches can end in.

use vigie_service::{Detail, ErrorCode, ServiceError};
use vigie_upstream::crm::CrmError;

/// Why a read failed.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A field cannot be what it should be.
    #[error("{message}")]
    Invalid {
        /// Which one.
        path: &'static str,
        /// For a person.
        message: &'static str,
    },
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// It is not in the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// The CRM did not answer.
    #[error(transparent)]
    Crm(#[from] CrmError),
    /// The CRM's answer is of no use.
    #[error("{0}")]
    Unusable(&'static str),
    /// A stored payload does not serialise, or stored details are gone.
    #[error("{0}")]
    Inconsistent(String),
    /// The outbox refused the message.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ReadError {
    pub(super) const NO_DATE: Self = Self::Invalid {
        path: "query.date",
        message: "Missing or invalid date parameter (YYYY-MM-DD required)",
    };
    pub(super) const BAD_DATE: Self = Self::Invalid {
        path: "query.date",
        message: "Invalid date format. Use YYYY-MM-DD",
    };
    pub(super) const NO_INFORMATION: Self =
        Self::Unusable("Cannot cache fiche: missing information object");
}

impl ServiceError for ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } => ErrorCode::Validation,
            Self::NotFound(_) | Self::Crm(CrmError::NotFound { .. }) => ErrorCode::NotFound,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Crm(
                CrmError::Auth { .. }
                | CrmError::InvalidResponse { .. }
                | CrmError::Upstream { .. }
                | CrmError::RetryLater { .. }
                | CrmError::Timeout { .. },
            )
            | Self::Unusable(_) => ErrorCode::ExternalApi,
            Self::Inconsistent(_) | Self::Outbox(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid { path, message } => vec![Detail {
                path: (*path).to_owned(),
                code: "invalid".to_owned(),
                message: (*message).to_owned(),
            }],
            Self::NotFound(_)
            | Self::Forbidden
            | Self::Crm(_)
            | Self::Unusable(_)
            | Self::Inconsistent(_)
            | Self::Outbox(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}
