//! The caller's own account, read live: it may differ from the token.

use super::session;
use crate::app::AppState;
use crate::domain::session::UserStatus;
use crate::store::sessions;
use tonic::{Request, Status};
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;
use vigie_service::{ErrorCode, ServiceError, status};

/// Why there is no account to show.
#[derive(Debug, thiserror::Error)]
pub enum MeError {
    /// A machine token has no account.
    #[error("Invalid or expired access token")]
    NotAUser,
    /// The account is gone.
    #[error("User not found")]
    NotFound,
    /// The account may not log in any more (W2).
    #[error("User is disabled")]
    Disabled,
    /// Its session was ended; verifiers hear of it within a minute.
    #[error("Session has ended")]
    Ended,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for MeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAUser | Self::NotFound | Self::Disabled | Self::Ended => {
                ErrorCode::Authentication
            }
            Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The account behind the user's token.
pub async fn get_me(
    state: &AppState,
    request: &Request<pb::GetMeRequest>,
) -> Result<pb::GetMeResponse, Status> {
    let principal = Caller::from_request(request)?.principal()?;
    let user = principal
        .user_id()
        .ok_or(MeError::NotAUser)
        .map_err(status)?;
    let session = principal.session.as_deref();
    let user = read(state, user.get(), session).await.map_err(status)?;
    Ok(pb::GetMeResponse { user: Some(user) })
}

#[tracing::instrument(name = "rpc.auth.me", skip_all, err(level = "debug"))]
async fn read(state: &AppState, id: i64, session: Option<&str>) -> Result<pb::User, MeError> {
    let mut conn = state.pool.acquire().await?;
    let (account, grants) = session::account(&mut conn, id)
        .await?
        .ok_or(MeError::NotFound)?;
    if account.status != UserStatus::Active {
        return Err(MeError::Disabled);
    }
    if let Some(session) = session {
        // What is no session's id is that of none that lives.
        let sid = Uuid::parse_str(session).map_err(|_| MeError::Ended)?;
        if !sessions::is_live(&mut conn, id, sid).await? {
            return Err(MeError::Ended);
        }
    }
    Ok(session::user(account, &grants))
}
