//! What people do with their own account: invites, passwords, sessions.

use super::cookie;
use super::session::{Session, client, opened};
use crate::app::{AppState, anonymous_call, call};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{ConnectInfo, Extension, Path, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::net::SocketAddr;
use utoipa::ToSchema;
use uuid::Uuid;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

/// How long the text of an invite or a reset link is.
const TOKEN_CHARS: std::ops::RangeInclusive<usize> = 20..=500;

/// An invite, and the first password.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct Acceptance {
    invite_token: String,
    /// 12 to 200 characters.
    password: String,
}

/// A reset link's token, and the new password.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct Reset {
    reset_token: String,
    /// 12 to 200 characters.
    password: String,
}

/// The old password, and the new one.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct PasswordChange {
    current_password: String,
    /// 12 to 200 characters.
    new_password: String,
}

/// Accepts an invite.
#[utoipa::path(post, path = "/api/auth/invite/accept", tag = "auth", request_body = Acceptance,
    responses((status = 200, body = Data<Session>)))]
pub async fn accept_invite(
    State(gateway): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let mut fields = Fields::new(&body, "Invalid invite input");
    let request = pb::AcceptInviteRequest {
        invite_token: one_time_token(&mut fields, "invite_token"),
        password: fields.secret("password"),
        client: Some(client(&gateway, &headers, peer)),
    };
    fields.done()?;
    let request = anonymous_call(request);
    let answer = gateway.account.clone().accept_invite(request).await?;
    let session = answer.into_inner().session;
    opened(
        &gateway,
        session.ok_or_else(|| Failure::incomplete("AcceptInvite"))?,
    )
}

/// Sets a new password by a reset link.
#[utoipa::path(post, path = "/api/auth/password/reset", tag = "auth", request_body = Reset,
    responses((status = 200, body = Data<Session>)))]
pub async fn reset_password(
    State(gateway): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let mut fields = Fields::new(&body, "Invalid reset input");
    let request = pb::ResetPasswordRequest {
        reset_token: one_time_token(&mut fields, "reset_token"),
        password: fields.secret("password"),
        client: Some(client(&gateway, &headers, peer)),
    };
    fields.done()?;
    let request = anonymous_call(request);
    let answer = gateway.account.clone().reset_password(request).await?;
    let session = answer.into_inner().session;
    opened(
        &gateway,
        session.ok_or_else(|| Failure::incomplete("ResetPassword"))?,
    )
}

/// Changes the caller's password; other sessions end.
#[utoipa::path(post, path = "/api/auth/password", tag = "auth", request_body = PasswordChange,
    responses((status = 200, body = Data<pb::ChangePasswordResponse>)))]
pub async fn change_password(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::ChangePasswordResponse>>, Failure> {
    let mut fields = Fields::new(&body, "Invalid password input");
    let request = pb::ChangePasswordRequest {
        current_password: fields.secret("current_password"),
        new_password: fields.secret("new_password"),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.account.clone().change_password(request).await?;
    Ok(data(answer.into_inner()))
}

/// The caller's sessions.
#[utoipa::path(get, path = "/api/auth/sessions", tag = "auth",
    responses((status = 200, body = Data<pb::ListSessionsResponse>)))]
pub async fn sessions(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<pb::ListSessionsResponse>>, Failure> {
    let request = call(&caller, pb::ListSessionsRequest {});
    let answer = gateway.account.clone().list_sessions(request).await?;
    Ok(data(answer.into_inner()))
}

/// Ends one of the caller's sessions.
#[utoipa::path(delete, path = "/api/auth/sessions/{sid}", tag = "auth",
    params(("sid" = String, Path)),
    responses((status = 200, body = Data<pb::RevokeSessionResponse>)))]
pub async fn revoke_session(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(sid): Path<String>,
) -> Result<Json<Data<pb::RevokeSessionResponse>>, Failure> {
    if Uuid::try_parse(&sid).is_err() {
        return Err(Failure::validation("Invalid session id"));
    }
    let request = call(&caller, pb::RevokeSessionRequest { sid });
    let answer = gateway.account.clone().revoke_session(request).await?;
    Ok(data(answer.into_inner()))
}

/// Ends every session of the caller, this one too.
#[utoipa::path(post, path = "/api/auth/logout-all", tag = "auth",
    responses((status = 200, body = Data<pb::LogOutEverywhereResponse>)))]
pub async fn logout_all(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    let request = call(&caller, pb::LogOutEverywhereRequest {});
    let answer = gateway.account.clone().log_out_everywhere(request).await?;
    let cleared = cookie::clear(&gateway.config.cookie).ok_or_else(Failure::internal)?;
    let headers = [(header::SET_COOKIE, cleared)];
    Ok((headers, data(answer.into_inner())).into_response())
}

fn one_time_token(fields: &mut Fields<'_>, name: &str) -> String {
    let token = fields.text(name, usize::MAX).trim().to_owned();
    if !token.is_empty() && !TOKEN_CHARS.contains(&token.chars().count()) {
        fields.refuse(name, "must have 20 to 500 characters");
    }
    token
}
