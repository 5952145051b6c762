use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::{Value, json};

use super::{Calls, Faults, Rule};

pub(super) async fn add(State(faults): State<Faults>, Json(rule): Json<Rule>) -> StatusCode {
    faults.add(rule);
    StatusCode::CREATED
}

pub(super) async fn list(State(faults): State<Faults>) -> Json<Value> {
    let rules: Vec<Value> = faults
        .rules()
        .into_iter()
        .map(|(rule, applied)| json!({ "rule": rule, "applied": applied }))
        .collect();
    Json(json!(rules))
}

pub(super) async fn clear(State(faults): State<Faults>) -> StatusCode {
    faults.clear();
    StatusCode::NO_CONTENT
}

pub(super) async fn calls(State(faults): State<Faults>) -> Json<Calls> {
    Json(faults.calls())
}

pub(super) async fn forget_calls(State(faults): State<Faults>) -> StatusCode {
    faults.forget_calls();
    StatusCode::NO_CONTENT
}
