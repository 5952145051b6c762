//! What reading fiches can end in.

use crate::store::lease::{Failed, FailedKind};
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
    /// The fetch that was waited for failed.
    #[error("{}", .0.message)]
    Shared(Failed),
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
    pub(super) const BAD_LIMIT: Self = Self::Invalid {
        path: "query.limit",
        message: "limit must be from 1 to 100",
    };
    pub(super) const BAD_CURSOR: Self = Self::Invalid {
        path: "query.cursor",
        message: "Invalid cursor",
    };
    pub(super) const NO_INFORMATION: Self =
        Self::Unusable("Cannot cache fiche: missing information object");

    /// What those who waited for this fetch are told too.
    pub(super) fn shared(&self) -> Option<Failed> {
        let kind = match self {
            Self::Crm(CrmError::NotFound { .. }) => FailedKind::Absent,
            Self::Crm(_) => FailedKind::Crm,
            Self::Unusable(_) => FailedKind::Unusable,
            _ => return None,
        };
        Some(Failed {
            kind,
            message: self.to_string(),
        })
    }

    /// Whether the CRM failed, so that an older answer is better than none.
    pub(super) const fn is_crm(&self) -> bool {
        match self {
            Self::Crm(_) => true,
            Self::Shared(failed) => matches!(failed.kind, FailedKind::Absent | FailedKind::Crm),
            _ => false,
        }
    }
}

impl ServiceError for ReadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } => ErrorCode::Validation,
            Self::Shared(Failed {
                kind: FailedKind::Absent,
                ..
            })
            | Self::NotFound(_)
            | Self::Crm(CrmError::NotFound { .. }) => ErrorCode::NotFound,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Crm(
                CrmError::Auth { .. }
                | CrmError::InvalidResponse { .. }
                | CrmError::Upstream { .. }
                | CrmError::RetryLater { .. }
                | CrmError::Timeout { .. },
            )
            | Self::Shared(Failed {
                kind: FailedKind::Crm | FailedKind::Unusable,
                ..
            })
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
            | Self::Shared(_)
            | Self::Inconsistent(_)
            | Self::Outbox(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}
