//! Rotation and end of a session, by its refresh token.

use super::session::Opened;
use super::throttle::{Attempt, Limited, ThrottleError};
use super::{invalid, session};
use crate::app::AppState;
use crate::domain::secret;
use crate::domain::session::{Decision, PresentedToken};
use crate::revocation;
use crate::store;
use crate::store::trail::{self, Actor, Entry, Target};
use secrecy::SecretString;
use serde_json::json;
use tonic::Request;
use vigie_bus::{OutboxError, Tx};
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::PrincipalChange;
use vigie_identity::tokens::SigningError;
use vigie_service::grpc::Origin;
use vigie_service::{Detail, ErrorCode, Extras, ServiceError};

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
    /// Too many refreshes from one address.
    #[error(transparent)]
    Limited(#[from] Limited),
    /// The end of a session could not be announced.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
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
            Self::Limited(_) => Limited::CODE,
            Self::Outbox(_) | Self::Signing(_) | Self::Store(_) => ErrorCode::Internal,
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
            | Self::Limited(_)
            | Self::Outbox(_)
            | Self::Signing(_)
            | Self::Store(_) => Vec::new(),
        }
    }

    fn extras(&self) -> Extras {
        match self {
            Self::Limited(limited) => limited.extras(),
            Self::Blank
            | Self::Missing
            | Self::Unknown
            | Self::Revoked
            | Self::Expired
            | Self::UserDisabled
            | Self::Outbox(_)
            | Self::Signing(_)
            | Self::Store(_) => Extras::new(),
        }
    }
}

impl From<ThrottleError> for RefreshError {
    fn from(error: ThrottleError) -> Self {
        match error {
            ThrottleError::Limited(limited) => Self::Limited(limited),
            ThrottleError::Store(error) => Self::Store(error),
        }
    }
}

/// Rotates a refresh token: exactly one of parallel callers wins; a later reuse ends the session.
#[tracing::instrument(name = "rpc.auth.refresh", skip_all, err(level = "debug"))]
pub async fn refresh(
    state: &AppState,
    request: Request<pb::RefreshRequest>,
) -> Result<pb::RefreshResponse, RefreshError> {
    let origin = session::origin(&request, request.get_ref().client.as_ref());
    let request = request.into_inner();
    let presented = parse(request.refresh_token.as_deref())?.ok_or(RefreshError::Missing)?;
    let attempt = Attempt::refresh(&origin);
    attempt.admit(state).await?;
    attempt.count(state).await?;

    let hash = secret::hash(&presented);
    let mut tx = state.db.begin().await?;
    let unknown = RefreshError::Unknown;
    store::sessions::lock_owner(&mut tx, &hash)
        .await?
        .ok_or(unknown)?;
    let (token, now) = store::sessions::presented(&mut tx, &hash)
        .await?
        .ok_or(RefreshError::Unknown)?;
    match token.decide(now) {
        Decision::Rotate => {}
        Decision::DoubleClick => return Err(RefreshError::Revoked),
        Decision::Reused => {
            stolen(&mut tx, &token, &origin).await?;
            tx.commit().await?;
            return Err(RefreshError::Revoked);
        }
        Decision::Expired => return Err(RefreshError::Expired),
        Decision::UserDisabled => return Err(RefreshError::UserDisabled),
    }
    let client = request.client.as_ref();
    let ip = origin.address.map(|address| address.to_string());
    let successor = secret::generate();
    let expires_at = store::sessions::rotate(
        &mut tx,
        token.id,
        &secret::hash(&successor),
        state.lifetimes.refresh,
        ip.as_deref(),
        session::agent(client).as_deref(),
    )
    .await?
    .ok_or(RefreshError::Revoked)?;
    let account = session::account(&mut tx, token.user_id)
        .await?
        .ok_or(RefreshError::Unknown)?;
    tx.commit().await?;
    let opened = Opened {
        account,
        family: token.family_id,
        refresh_token: successor,
        expires_at,
    };
    Ok(pb::RefreshResponse {
        session: Some(session::answer(state, opened)?),
    })
}

/// Ends the session of a token that came back: either its owner or somebody else has an old one.
async fn stolen(tx: &mut Tx, token: &PresentedToken, origin: &Origin) -> Result<(), RefreshError> {
    let (user, sid) = (token.user_id, token.family_id);
    if !store::sessions::end(tx, user, sid).await? {
        return Ok(());
    }
    tracing::warn!(user.id = user, session.id = %sid, "refresh token used twice, session ended");
    let whose = (user, token.user_version);
    revocation::end_sessions(tx, whose, &[sid], PrincipalChange::Reuse).await?;
    let entry = Entry {
        actor: &Actor::anonymous(),
        action: "session.reused",
        target: Target {
            kind: "session",
            id: Some(sid.to_string()),
            name: None,
        },
        before: None,
        after: Some(json!({ "user_id": user.to_string() })),
        origin,
    };
    Ok(trail::append(tx, entry).await?)
}

/// Ends the session of a refresh token. Absent, unknown or ended is a success too.
#[tracing::instrument(name = "rpc.auth.logout", skip_all, err(level = "debug"))]
pub async fn logout(
    state: &AppState,
    request: Request<pb::LogoutRequest>,
) -> Result<pb::LogoutResponse, RefreshError> {
    let request = request.into_inner();
    let Some(presented) = parse(request.refresh_token.as_deref())? else {
        return Ok(pb::LogoutResponse {});
    };
    let hash = secret::hash(&presented);
    let mut tx = state.db.begin().await?;
    if store::sessions::lock_owner(&mut tx, &hash).await?.is_none() {
        return Ok(pb::LogoutResponse {});
    }
    let Some((token, _)) = store::sessions::presented(&mut tx, &hash).await? else {
        return Ok(pb::LogoutResponse {});
    };
    let (user, sid) = (token.user_id, token.family_id);
    if store::sessions::end(&mut tx, user, sid).await? {
        let whose = (user, token.user_version);
        revocation::end_sessions(&mut tx, whose, &[sid], PrincipalChange::Logout).await?;
    }
    tx.commit().await?;
    Ok(pb::LogoutResponse {})
}

fn parse(token: Option<&str>) -> Result<Option<SecretString>, RefreshError> {
    match token.map(str::trim) {
        None => Ok(None),
        Some("") => Err(RefreshError::Blank),
        Some(token) => Ok(Some(SecretString::from(token))),
    }
}
