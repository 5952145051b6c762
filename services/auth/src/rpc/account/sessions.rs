//! The caller's sessions.

use super::AccountError;
use super::own::Own;
use crate::app::AppState;
use crate::revocation;
use crate::store;
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::json;
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_events::auth::PrincipalChange;

/// The live ones.
#[tracing::instrument(name = "rpc.account.list_sessions", skip_all, err(level = "debug"))]
pub async fn list(state: &AppState, own: &Own) -> Result<pb::ListSessionsResponse, AccountError> {
    let mut tx = state.pool.begin().await?;
    own.lock(&mut tx).await?;
    let sessions = store::sessions::list(&mut tx, own.user).await?;
    tx.commit().await?;
    let sessions: Vec<_> = sessions
        .into_iter()
        .map(|session| pb::SessionInfo {
            sid: session.family_id.to_string(),
            created_at: moment(session.created_at),
            last_used_at: moment(session.last_used_at),
            ip: session.ip,
            user_agent: session.user_agent,
            current: own.sid == Some(session.family_id),
        })
        .collect();
    Ok(pb::ListSessionsResponse {
        count: i64::try_from(sessions.len()).unwrap_or(i64::MAX),
        sessions,
    })
}

/// Ends one of them.
#[tracing::instrument(name = "rpc.account.revoke_session", skip_all, err(level = "debug"))]
pub async fn revoke(
    state: &AppState,
    own: &Own,
    request: pb::RevokeSessionRequest,
) -> Result<pb::RevokeSessionResponse, AccountError> {
    let sid: Uuid = request.sid.parse().map_err(|_| AccountError::Invalid {
        field: "sid",
        problem: "must be a session id",
    })?;
    let mut tx = state.db.begin().await?;
    let held = own.lock(&mut tx).await?;
    if !store::sessions::end(&mut tx, own.user, sid).await? {
        return Err(AccountError::NoSession(sid.to_string()));
    }
    let whose = (own.user, held.version);
    revocation::end_sessions(&mut tx, whose, &[sid], PrincipalChange::Logout).await?;
    let after = json!({ "sid": sid.to_string() });
    own.note(&mut tx, &held.email, "session.revoked", Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::RevokeSessionResponse { revoked: true })
}

/// Ends all of them: every access token is refused from now on.
#[tracing::instrument(
    name = "rpc.account.log_out_everywhere",
    skip_all,
    err(level = "debug")
)]
pub async fn log_out_everywhere(
    state: &AppState,
    own: &Own,
) -> Result<pb::LogOutEverywhereResponse, AccountError> {
    let mut tx = state.db.begin().await?;
    let held = own.lock(&mut tx).await?;
    let ended = store::sessions::end_all(&mut tx, own.user, None).await?;
    revocation::end_all(&mut tx, own.user, PrincipalChange::Logout).await?;
    let revoked = i64::try_from(ended.len()).unwrap_or(i64::MAX);
    let after = json!({ "revoked": revoked });
    own.note(&mut tx, &held.email, "sessions.revoked", Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::LogOutEverywhereResponse { revoked })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
