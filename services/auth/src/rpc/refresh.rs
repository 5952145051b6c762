//! Rotation and end of a session, by its refresh token.

use super::invalid;
use super::session;
use crate::app::AppState;
use crate::domain::secret;
use crate::domain::session::Decision;
use crate::store;
use secrecy::SecretString;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_service::{Detail, ErrorCode, ServiceError};

/// Why a refresh token does not work.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// There is one, and it is blank.
    #[error("Invalid refresh input")]
    Blank,
    /// There is none.
    #[error("Missing refresh token")]
    Missing,
    /// It was never issued.
    #[error("Invalid refresh token")]
    Unknown,
    /// It was rotated or logged out.
    #[error("Refresh token revoked")]
    Revoked,
    /// It is too old.
    #[error("Refresh token expired")]
    Expired,
    /// Its user may not log in any more.
    #[error("User is disabled")]
    UserDisabled,
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for RefreshError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Blank => ErrorCode::Validation,
            Self::Missing | Self::Unknown | Self::Revoked | Self::Expired | Self::UserDisabled => {
                ErrorCode::Authentication
            }
            Self::Signing(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Blank => vec![invalid("refresh_token", "must not be blank")],
            Self::Missing
            | Self::Unknown
            | Self::Revoked
            | Self::Expired
            | Self::UserDisabled
            | Self::Signing(_)
            | Self::Store(_) => Vec::new(),
        }
    }
}

/// Rotates a refresh token: exactly one of parallel callers wins; a later reuse ends the session.
#[tracing::instrument(name = "rpc.auth.refresh", skip_all, err(level = "debug"))]
pub async fn refresh(
    state: &AppState,
    request: pb::RefreshRequest,
) -> Result<pb::RefreshResponse, RefreshError> {
    let presented = parse(request.refresh_token.as_deref())?.ok_or(RefreshError::Missing)?;
    let mut tx = state.pool.begin().await?;
    let (token, now) = store::sessions::lock(&mut tx, &secret::hash(&presented))
        .await?
        .ok_or(RefreshError::Unknown)?;
    match token.decide(now) {
        Decision::Rotate => {}
        Decision::DoubleClick => return Err(RefreshError::Revoked),
        Decision::Reused => {
            let ended = store::sessions::end_family(&mut tx, token.family_id).await?;
            tx.commit().await?;
            tracing::warn!(user.id = token.user_id, session.id = %token.family_id, ended,
                "refresh token used twice, session ended");
            return Err(RefreshError::Revoked);
        }
        Decision::Expired => return Err(RefreshError::Expired),
        Decision::UserDisabled => return Err(RefreshError::UserDisabled),
    }
    let client = request.client.unwrap_or_default();
    let successor = secret::generate();
    let expires_at = store::sessions::rotate(
        &mut tx,
        &token,
        &secret::hash(&successor),
        state.lifetimes.refresh,
        client.ip.as_deref(),
        client.user_agent.as_deref(),
    )
    .await?;
    let account = session::account(&mut tx, token.user_id)
        .await?
        .ok_or(RefreshError::Unknown)?;
    tx.commit().await?;
    let session = session::answer(state, account, token.family_id, &successor, expires_at)?;
    Ok(pb::RefreshResponse {
        session: Some(session),
    })
}

/// Ends the session of a refresh token. Absent, unknown or ended is a success too.
#[tracing::instrument(name = "rpc.auth.logout", skip_all, err(level = "debug"))]
pub async fn logout(
    state: &AppState,
    request: pb::LogoutRequest,
) -> Result<pb::LogoutResponse, RefreshError> {
    if let Some(presented) = parse(request.refresh_token.as_deref())? {
        let hash = secret::hash(&presented);
        store::sessions::end_by_token(&mut *state.pool.acquire().await?, &hash).await?;
    }
    Ok(pb::LogoutResponse {})
}

fn parse(token: Option<&str>) -> Result<Option<SecretString>, RefreshError> {
    match token.map(str::trim) {
        None => Ok(None),
        Some("") => Err(RefreshError::Blank),
        Some(token) => Ok(Some(SecretString::from(token))),
    }
}
