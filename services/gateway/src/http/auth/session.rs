//! Login, refresh, logout, and who that is (identity.md 2.2).

use super::cookie;
use crate::app::{AppState, anonymous_call, call};
use crate::http::edge::{Payload, client_address, require_own_origin};
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{ConnectInfo, Extension, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use utoipa::ToSchema;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;
use vigie_identity::tokens::{Jwk, Jwks};

/// Who wants to log in.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct LoginBody {
    email: String,
    password: String,
}

/// A session to go on with, for clients without cookies.
#[derive(Debug, Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct RefreshBody {
    refresh_token: Option<String>,
}

/// A session. Its refresh token is in the cookie only.
#[derive(Debug, Serialize, ToSchema)]
pub struct Session {
    access_token: String,
    token_type: &'static str,
    expires_in: i64,
    user: pb::User,
}

/// The answer of a logout.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedOut {
    logged_out: bool,
}

/// The caller's account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Me {
    user: pb::User,
}

/// Logs in.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", request_body = LoginBody,
    responses((status = 200, body = Data<Session>)))]
pub async fn login(
    State(gateway): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let mut fields = Fields::new(&body, "Invalid login input");
    // No more than a text: a wrong one is told like any other wrong one.
    let (email, password) = (fields.secret("email"), fields.secret("password"));
    fields.done()?;
    let request = pb::LoginRequest {
        email,
        password,
        client: Some(client(&gateway, &headers, peer)),
    };
    let answer = gateway
        .auth
        .clone()
        .login(anonymous_call(request))
        .await?
        .into_inner();
    opened(
        &gateway,
        answer.session.ok_or_else(|| Failure::incomplete("Login"))?,
    )
}

/// Rotates the refresh token.
#[utoipa::path(post, path = "/api/auth/refresh", tag = "auth", request_body = RefreshBody,
    responses((status = 200, body = Data<Session>)))]
pub async fn refresh(
    State(gateway): State<AppState>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let request = pb::RefreshRequest {
        refresh_token: refresh_token(&gateway, &headers, &body)?,
        client: Some(client(&gateway, &headers, peer)),
    };
    let answer = gateway
        .auth
        .clone()
        .refresh(anonymous_call(request))
        .await?
        .into_inner();
    opened(
        &gateway,
        answer
            .session
            .ok_or_else(|| Failure::incomplete("Refresh"))?,
    )
}

/// Ends the session.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", request_body = RefreshBody,
    responses((status = 200, body = Data<LoggedOut>)))]
pub async fn logout(
    State(gateway): State<AppState>,
    headers: HeaderMap,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let request = pb::LogoutRequest {
        refresh_token: refresh_token(&gateway, &headers, &body)?,
    };
    gateway.auth.clone().logout(anonymous_call(request)).await?;
    let cleared = cookie::clear(&gateway.config.cookie).ok_or_else(Failure::internal)?;
    let headers = [(header::SET_COOKIE, cleared)];
    Ok((headers, data(LoggedOut { logged_out: true })).into_response())
}

/// The caller's account, read live.
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", responses((status = 200, body = Data<Me>)))]
pub async fn me(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<Me>>, Failure> {
    let request = call(&caller, pb::GetMeRequest {});
    let answer = gateway.auth.clone().get_me(request).await?.into_inner();
    let user = answer.user.ok_or_else(|| Failure::incomplete("GetMe"))?;
    Ok(data(Me { user }))
}

/// The keys that tokens are verified with.
#[utoipa::path(get, path = "/.well-known/jwks.json", tag = "auth",
    responses((status = 200, description = "a JWK set, not wrapped", body = Object)))]
pub async fn jwks(State(gateway): State<AppState>) -> Result<Response, Failure> {
    let answer = gateway.auth.clone().get_jwks(pb::GetJwksRequest {}).await?;
    let keys = answer.into_inner().keys.into_iter();
    let keys = keys.map(|key| Jwk::ed25519(key.kid, key.x)).collect();
    let cache = HeaderValue::from_static("public, max-age=60");
    Ok(([(header::CACHE_CONTROL, cache)], Json(Jwks { keys })).into_response())
}

/// The cookie's token, else the body's; a cookie counts only when it comes from one of our pages.
fn refresh_token(
    gateway: &AppState,
    headers: &HeaderMap,
    body: &Payload,
) -> Result<Option<String>, Failure> {
    let mut fields = Fields::new(body, "Invalid refresh input");
    let sent = match body.get("refresh_token") {
        Some(_) => fields.optional_text("refresh_token", usize::MAX),
        None => None,
    };
    fields.done()?;
    if let Some(token) = cookie::read(headers, &gateway.config.cookie) {
        require_own_origin(headers, &gateway.config.allowed_origins)?;
        return Ok(Some(token.to_owned()));
    }
    Ok(sent.map(|token| token.trim().to_owned()))
}

pub(super) fn client(gateway: &AppState, headers: &HeaderMap, peer: SocketAddr) -> pb::Client {
    let agent = headers
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    let address = client_address(headers, peer, &gateway.config.trusted_proxies);
    pb::Client {
        ip: Some(address.to_string()),
        user_agent: agent.map(str::to_owned),
    }
}

pub(super) fn opened(gateway: &AppState, session: pb::Session) -> Result<Response, Failure> {
    let cookie = cookie::set(
        &gateway.config.cookie,
        &session.refresh_token,
        session.refresh_expires_in_seconds,
        gateway.clock.now(),
    );
    let cookie = cookie.ok_or_else(Failure::internal)?;
    let headers = [(header::SET_COOKIE, cookie)];
    let body = Session {
        access_token: session.access_token,
        token_type: "Bearer",
        expires_in: session.expires_in_seconds,
        user: session.user.ok_or_else(|| Failure::incomplete("Session"))?,
    };
    Ok((headers, data(body)).into_response())
}
