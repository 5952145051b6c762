//! Links that are shown once, and the end of all sessions.

use super::super::announce::{self, Reason};
use super::super::call::Call;
use super::super::{AdminError, views};
use crate::app::AppState;
use crate::domain::admin::fields;
use crate::domain::secret;
use crate::domain::session::UserStatus;
use crate::store::{links, sessions};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_contracts::auth::v1 as pb;

const INVITE: Duration = Duration::from_hours(7 * 24);
const RESET: Duration = Duration::from_hours(1);

/// A link with which a user sets a new password.
#[tracing::instrument(name = "rpc.admin.issue_reset_link", skip_all, err(level = "debug"))]
pub async fn reset_link(
    state: &AppState,
    call: Call,
    request: pb::IssueResetLinkRequest,
) -> Result<pb::IssueResetLinkResponse, AdminError> {
    let id = fields::id("user", &request.user_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let account = super::locked(&mut tx, id).await?;
    if account.status != UserStatus::Active {
        return Err(AdminError::Conflict(
            "Only an active user can reset a password",
        ));
    }
    admin.may_take_over(&mut tx, id).await?;
    let token = secret::generate();
    let expires_at = links::reset(&mut tx, id, &secret::hash(&token), RESET).await?;
    let after = json!({ "expires_at": views::moment(expires_at) });
    admin
        .note(
            &mut tx,
            "user.reset_link_issued",
            super::target(&account),
            None,
            Some(after),
        )
        .await?;
    tx.commit().await?;
    Ok(pb::IssueResetLinkResponse {
        reset_token: token.expose_secret().to_owned(),
        expires_at: views::moment(expires_at),
    })
}

/// A new invite for a user who has not accepted one; those before it end (W10).
#[tracing::instrument(name = "rpc.admin.invite_user", skip_all, err(level = "debug"))]
pub async fn invite(
    state: &AppState,
    call: Call,
    request: pb::InviteUserRequest,
) -> Result<pb::InviteUserResponse, AdminError> {
    let id = fields::id("user", &request.user_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let account = super::locked(&mut tx, id).await?;
    if account.status != UserStatus::Invited {
        return Err(AdminError::Conflict(
            "Only a user with status INVITED can be invited",
        ));
    }
    admin.may_take_over(&mut tx, id).await?;
    let (token, expires_at) = issue_invite(&mut tx, id).await?;
    let after = json!({ "expires_at": views::moment(expires_at) });
    let target = super::target(&account);
    admin
        .note(&mut tx, "user.invited", target, None, Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::InviteUserResponse {
        invite_token: token.expose_secret().to_owned(),
        expires_at: views::moment(expires_at),
    })
}

/// Makes an invite and stores its hash.
pub(super) async fn issue_invite(
    conn: &mut PgConnection,
    user: i64,
) -> Result<(SecretString, DateTime<Utc>), AdminError> {
    let token = secret::generate();
    let expires_at = links::invite(conn, user, &secret::hash(&token), INVITE).await?;
    Ok((token, expires_at))
}

/// Ends every session of a user.
#[tracing::instrument(name = "rpc.admin.log_out_user", skip_all, err(level = "debug"))]
pub async fn log_out(
    state: &AppState,
    call: Call,
    request: pb::LogOutUserRequest,
) -> Result<pb::LogOutUserResponse, AdminError> {
    let id = fields::id("user", &request.user_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let account = super::locked(&mut tx, id).await?;
    let ended = sessions::end_all(&mut tx, id, None).await?;
    let revoked = views::count(&ended);
    announce::changed(&mut tx, &[id], Reason::Logout).await?;
    let after = json!({ "revoked": revoked });
    let target = super::target(&account);
    admin
        .note(&mut tx, "user.logged_out", target, None, Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::LogOutUserResponse { revoked })
}
