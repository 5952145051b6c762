//! The caller's own account, read live: it may differ from the token.

use super::session;
use crate::app::AppState;
use crate::domain::session::UserStatus;
use tonic::{Request, Status};
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
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for MeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotAUser | Self::NotFound | Self::Disabled => ErrorCode::Authentication,
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
    let user = read(state, user.get()).await.map_err(status)?;
    Ok(pb::GetMeResponse { user: Some(user) })
}

#[tracing::instrument(name = "rpc.auth.me", skip_all, err(level = "debug"))]
async fn read(state: &AppState, id: i64) -> Result<pb::User, MeError> {
    let mut conn = state.pool.acquire().await?;
    let (account, grants) = session::account(&mut conn, id)
        .await?
        .ok_or(MeError::NotFound)?;
    if account.status != UserStatus::Active {
        return Err(MeError::Disabled);
    }
    Ok(session::user(account, &grants))
}
