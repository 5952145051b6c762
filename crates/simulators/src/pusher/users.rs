use std::collections::VecDeque;

use axum::Json;
use axum::extract::{OriginalUri, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::Utc;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Server, signature};

/// Terminations kept for `GET /__terminations`.
const KEPT: usize = 1_000;

/// Whose connections were ended, oldest first.
#[derive(Default)]
pub(super) struct Terminated {
    total: u64,
    kept: VecDeque<Termination>,
}

#[derive(Serialize)]
struct Termination {
    at_ms: i64,
    app_id: String,
    user_id: String,
}

/// Pusher answers the same whether the user was connected or not.
pub(super) async fn terminate(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    Path((app_id, user_id)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    if let Err(why) = signature::verify(&server.options, &uri, &body, Utc::now().timestamp()) {
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    let termination = Termination {
        at_ms: Utc::now().timestamp_millis(),
        app_id,
        user_id,
    };
    server.terminated(|terminated| {
        terminated.total += 1;
        terminated.kept.push_back(termination);
        let excess = terminated.kept.len().saturating_sub(KEPT);
        terminated.kept.drain(..excess);
    });
    Json(json!({})).into_response()
}

pub(super) async fn list(State(server): State<Server>) -> Json<Value> {
    Json(
        server.terminated(
            |terminated| json!({ "total": terminated.total, "users": terminated.kept }),
        ),
    )
}

pub(super) async fn forget(State(server): State<Server>) -> StatusCode {
    server.terminated(|terminated| *terminated = Terminated::default());
    StatusCode::NO_CONTENT
}
