//! E-mail and password for a session.

use super::throttle::{Attempt, Limited, ThrottleError};
use super::{invalid, session};
use crate::app::AppState;
use crate::domain::email::Email;
use crate::domain::password::{PasswordError, Verdict};
use crate::domain::session::UserStatus;
use crate::store;
use secrecy::SecretString;
use std::time::Duration;
use tonic::Request;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_service::{Detail, ErrorCode, Extras, ServiceError};

/// Longest password that is looked at: hashing more is only work for an attacker.
const MAX_PASSWORD_CHARS: usize = 200;

/// Longest wait for the right to hash: less than a caller's deadline.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Why nobody logged in.
#[derive(Debug, thiserror::Error)]
pub enum LoginError {
    /// A field cannot be what it should be.
    #[error("Invalid login input")]
    Invalid {
        /// Which one.
        field: &'static str,
        /// What it should be.
        problem: &'static str,
    },
    /// Unknown address, wrong password, no password, or not an active account: one answer.
    #[error("Invalid email or password")]
    Refused,
    /// Too many failures.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The hash could not be computed.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for LoginError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid { .. } => ErrorCode::Validation,
            Self::Refused => ErrorCode::Authentication,
            Self::Limited(_) => Limited::CODE,
            Self::Password(_) | Self::Signing(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid { field, problem } => vec![invalid(field, problem)],
            Self::Refused
            | Self::Limited(_)
            | Self::Password(_)
            | Self::Signing(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    fn extras(&self) -> Extras {
        match self {
            Self::Limited(limited) => limited.extras(),
            Self::Invalid { .. }
            | Self::Refused
            | Self::Password(_)
            | Self::Signing(_)
            | Self::Store(_) => Extras::new(),
        }
    }
}

impl From<ThrottleError> for LoginError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::Limited(limited) => Self::Limited(limited),
            ThrottleError::Store(error) => Self::Store(error),
        }
    }
}

/// Checks the password and opens a session.
#[tracing::instrument(name = "rpc.auth.login", skip_all, err(level = "debug"))]
pub async fn login(
    state: &AppState,
    request: Request<pb::LoginRequest>,
) -> Result<pb::LoginResponse, LoginError> {
    let origin = session::origin(&request, request.get_ref().client.as_ref());
    let request = request.into_inner();
    let email = Email::parse(&request.email).ok_or(LoginError::Invalid {
        field: "email",
        problem: "must be an e-mail address",
    })?;
    let password = presented("password", request.password)?;

    let attempt = Attempt::password(email.as_str(), &origin);
    attempt.admit(state).await?;
    // Whoever would wait longer than the gateway does is told to come again.
    let slot = tokio::time::timeout(LONGEST_WAIT, state.passwords.slot()).await;
    let slot = slot.map_err(|_| Limited::BUSY)??;
    // Once more: whoever waited for a slot may have been blocked meanwhile.
    attempt.admit(state).await?;
    // The connection goes back before the hash is computed: a login takes tens of milliseconds.
    let known = store::users::credentials(&mut *state.pool.acquire().await?, &email).await?;
    let stored = known.as_ref().and_then(|user| user.password_hash.clone());
    let verdict = slot.verify(password.clone(), stored.clone()).await?;
    let user = known.filter(|user| verdict != Verdict::Wrong && user.status == UserStatus::Active);
    let Some(user) = user else {
        attempt.count(state).await?;
        return Err(LoginError::Refused);
    };
    let rehashed = match verdict {
        Verdict::RightButOld => Some(slot.hash(password).await?),
        Verdict::Wrong | Verdict::Right => None,
    };
    drop(slot);

    let mut tx = state.pool.begin().await?;
    let held = store::users::lock(&mut tx, user.id).await?;
    // Whoever was disabled or got another password meanwhile is not let in with the old one.
    held.filter(|user| user.status == UserStatus::Active && user.password_hash == stored)
        .ok_or(LoginError::Refused)?;
    if let Some(hash) = rehashed {
        store::users::rehash(&mut tx, user.id, &hash).await?;
    }
    attempt.succeeded(&mut tx).await?;
    let opened = session::open(state, &mut tx, user.id, (request.client.as_ref(), &origin))
        .await?
        .ok_or(LoginError::Refused)?;
    tx.commit().await?;
    Ok(pb::LoginResponse {
        session: Some(session::answer(state, opened)?),
    })
}

/// A password that is looked at: not empty, and no longer than any that could be set.
fn presented(field: &'static str, text: String) -> Result<SecretString, LoginError> {
    let length = text.chars().count();
    if length == 0 || length > MAX_PASSWORD_CHARS {
        let problem = "must have 1 to 200 characters";
        return Err(LoginError::Invalid { field, problem });
    }
    Ok(SecretString::from(text))
}
