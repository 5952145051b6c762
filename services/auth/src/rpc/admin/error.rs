use crate::domain::admin::fields::Refused;
use crate::domain::password::PasswordError;
use tonic::Status;
use vigie_bus::OutboxError;
use vigie_identity::Denied;
use vigie_service::{Detail, ErrorCode, ServiceError, WireError};

/// What an operation of administration can end in.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A field or a rule of the contract.
    #[error(transparent)]
    Invalid(#[from] Refused),
    /// There is no such thing.
    #[error("{kind} with ID '{id}' not found")]
    NotFound {
        /// `User`, `Role`, `Team`, `Service token`.
        kind: &'static str,
        /// As asked for.
        id: String,
    },
    /// The state of things refuses it.
    #[error("{0}")]
    Conflict(&'static str),
    /// The caller lacks the permission.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The caller would give, or take over, more than it holds (W16).
    #[error("{0}")]
    BeyondOwnRights(&'static str),
    /// The caller's account or token has ended since its access token was signed (W2).
    #[error("{0}")]
    Ended(&'static str),
    /// The CRM's directory, or the way to it, failed.
    #[error("{}", .0.message)]
    Directory(WireError),
    /// A password could not be hashed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// A change could not be announced.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    /// What is stored cannot be read.
    #[error("stored {0} cannot be read")]
    Inconsistent(&'static str),
    /// The database failed.
    #[error(transparent)]
    Store(sqlx::Error),
}

impl AdminError {
    /// A broken rule of the contract that is not about one field.
    pub fn rule(path: &str, message: impl Into<String>) -> Self {
        Self::Invalid(Refused::new(path, message))
    }

    /// There is no such thing.
    pub fn not_found(kind: &'static str, id: i64) -> Self {
        let id = id.to_string();
        Self::NotFound { kind, id }
    }
}

/// Unique keys and what a caller is told when one is taken (W39).
const TAKEN: [(&str, &str); 3] = [
    ("users_email_key", "A user with this email already exists"),
    (
        "users_crm_user_id_key",
        "This CRM user is already linked to another user",
    ),
    ("roles_key_key", "A role with this key already exists"),
];

impl From<sqlx::Error> for AdminError {
    fn from(error: sqlx::Error) -> Self {
        let constraint = error
            .as_database_error()
            .and_then(|error| error.constraint());
        let taken = TAKEN.iter().find(|(name, _)| constraint == Some(*name));
        match taken {
            Some((_, sentence)) => Self::Conflict(sentence),
            None => Self::Store(error),
        }
    }
}

impl From<Status> for AdminError {
    /// A failed call of the directory.
    fn from(status: Status) -> Self {
        Self::Directory(WireError::from(&status))
    }
}

impl ServiceError for AdminError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::NotFound { .. } => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Denied(_) | Self::BeyondOwnRights(_) => ErrorCode::Authorization,
            Self::Ended(_) => ErrorCode::Authentication,
            Self::Directory(error) => error.code,
            Self::Password(_) | Self::Outbox(_) | Self::Inconsistent(_) | Self::Store(_) => {
                ErrorCode::Internal
            }
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid(refused) => vec![super::super::invalid(&refused.path, &refused.message)],
            Self::NotFound { .. }
            | Self::Conflict(_)
            | Self::Denied(_)
            | Self::BeyondOwnRights(_)
            | Self::Ended(_)
            | Self::Directory(_)
            | Self::Password(_)
            | Self::Outbox(_)
            | Self::Inconsistent(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}
