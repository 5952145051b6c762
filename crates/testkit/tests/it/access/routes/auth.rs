use super::{Row, Rule, auth};
use serde_json::json;
use vigie_contracts::auth::v1 as pb;

const OK: Rule = Rule::any(&[200]);
const REFUSED: Rule = Rule::any(&[400]);
const MISSING: Rule = Rule::any(&[404]);

pub(super) fn rows() -> Vec<Row> {
    let mut rows = public();
    rows.extend(own());
    rows
}

fn public() -> Vec<Row> {
    vec![
        Row::new("GET", "/health", OK),
        Row::new("GET", "/ready", Rule::any(&[200, 503])),
        Row::new("GET", "/.well-known/jwks.json", OK)
            .rpc(|_| auth("/vigie.auth.v1.AuthService/GetJwks", &pb::GetJwksRequest {})),
        Row::new("GET", "/api-docs", OK),
        Row::new("GET", "/api-docs.json", OK),
        Row::new("POST", "/api/auth/login", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::LoginRequest::default();
                auth("/vigie.auth.v1.AuthService/Login", &message)
            }),
        Row::new("POST", "/api/auth/refresh", Rule::any(&[401]))
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::RefreshRequest::default();
                auth("/vigie.auth.v1.AuthService/Refresh", &message)
            }),
        Row::new("POST", "/api/auth/logout", OK)
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::LogoutRequest::default();
                auth("/vigie.auth.v1.AuthService/Logout", &message)
            }),
        Row::new("POST", "/api/auth/invite/accept", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::AcceptInviteRequest::default();
                auth("/vigie.auth.v1.AccountService/AcceptInvite", &message)
            }),
        Row::new("POST", "/api/auth/password/reset", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::ResetPasswordRequest::default();
                auth("/vigie.auth.v1.AccountService/ResetPassword", &message)
            }),
    ]
}

fn own() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/auth/me", OK)
            .rpc(|_| auth("/vigie.auth.v1.AuthService/GetMe", &pb::GetMeRequest {})),
        Row::new("POST", "/api/auth/password", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let message = pb::ChangePasswordRequest::default();
                auth("/vigie.auth.v1.AccountService/ChangePassword", &message)
            }),
        Row::new("GET", "/api/auth/sessions", OK).rpc(|_| {
            let message = pb::ListSessionsRequest {};
            auth("/vigie.auth.v1.AccountService/ListSessions", &message)
        }),
        Row::new("DELETE", "/api/auth/sessions/{sid}", MISSING).rpc(|_| {
            let message = pb::RevokeSessionRequest {
                sid: "00000000-0000-4000-8000-000000000000".to_owned(),
            };
            auth("/vigie.auth.v1.AccountService/RevokeSession", &message)
        }),
        Row::new("POST", "/api/auth/logout-all", OK)
            .ending_sessions()
            .rpc(|_| {
                let message = pb::LogOutEverywhereRequest {};
                auth("/vigie.auth.v1.AccountService/LogOutEverywhere", &message)
            }),
    ]
}
