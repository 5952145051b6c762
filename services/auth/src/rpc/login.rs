//! E-mail and password for a session.

use super::invalid;
use super::session;
use crate::app::AppState;
use crate::domain::email::Email;
use crate::domain::password::PasswordError;
use crate::domain::secret;
use crate::domain::session::UserStatus;
use crate::store;
use crate::store::sessions::NewToken;
use secrecy::SecretString;
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_service::{Detail, ErrorCode, ServiceError};

/// Longest password that is looked at: hashing more is only work for an attacker.
const MAX_PASSWORD_CHARS: usize = 200;

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
            Self::Password(_) | Self::Signing(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Invalid { field, problem } => vec![invalid(field, problem)],
            Self::Refused | Self::Password(_) | Self::Signing(_) | Self::Store(_) => Vec::new(),
        }
    }
}

/// Checks the password and opens a session.
#[tracing::instrument(name = "rpc.auth.login", skip_all, err(level = "debug"))]
pub async fn login(
    state: &AppState,
    request: pb::LoginRequest,
) -> Result<pb::LoginResponse, LoginError> {
    let email = Email::parse(&request.email).ok_or(LoginError::Invalid {
        field: "email",
        problem: "must be an e-mail address",
    })?;
    let length = request.password.chars().count();
    if length == 0 || length > MAX_PASSWORD_CHARS {
        let problem = "must have 1 to 200 characters";
        return Err(LoginError::Invalid {
            field: "password",
            problem,
        });
    }
    let password = SecretString::from(request.password);

    // The connection goes back before the hash is computed: a login takes tens of milliseconds.
    let known = store::users::credentials(&mut *state.pool.acquire().await?, &email).await?;
    let stored = known.as_ref().and_then(|user| user.password_hash.clone());
    let fits = state.passwords.verify(password, stored).await?;
    let user = known
        .filter(|user| fits && user.status == UserStatus::Active)
        .ok_or(LoginError::Refused)?;

    let refresh_token = secret::generate();
    let family = Uuid::new_v4();
    let client = request.client.unwrap_or_default();
    let mut tx = state.pool.begin().await?;
    let new = NewToken {
        user_id: user.id,
        hash: &secret::hash(&refresh_token),
        family_id: family,
        ttl: state.lifetimes.refresh,
        family_ttl: state.lifetimes.session,
        ip: client.ip.as_deref(),
        user_agent: client.user_agent.as_deref(),
    };
    let expires_at = store::sessions::open(&mut tx, &new).await?;
    store::users::touch_login(&mut tx, user.id).await?;
    let account = session::account(&mut tx, user.id)
        .await?
        .ok_or(LoginError::Refused)?;
    tx.commit().await?;
    let session = session::answer(state, account, family, &refresh_token, expires_at)?;
    Ok(pb::LoginResponse {
        session: Some(session),
    })
}
