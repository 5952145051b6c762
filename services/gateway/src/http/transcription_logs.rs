//! What happened to the transcription of a fiche (automation-and-transcription.md A10.5).

use super::edge::Params;
use super::failure::Failure;
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::Uri;
use serde::Serialize;
use utoipa::ToSchema;
use vigie_contracts::transcription::v1 as pb;
use vigie_identity::Caller;

const LIMIT: i32 = 200;
const MOST: i32 = 1000;

/// Lines, oldest first.
#[derive(Serialize, ToSchema)]
pub struct Logs {
    success: bool,
    count: usize,
    limit: i32,
    offset: i32,
    /// The run that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    data: Vec<pb::LogEntry>,
}

/// Who did what when.
#[utoipa::path(get, path = "/api/transcriptions/{fiche_id}/logs", tag = "transcriptions",
    params(("fiche_id" = String, Path, description = "digits"),
        ("run_id" = Option<String>, Query),
        ("trace_id" = Option<String>, Query, description = "the same as run_id, which wins"),
        ("level" = Option<String>, Query, description = "debug, info, warning or error"),
        ("since" = Option<String>, Query, description = "ISO 8601, inclusive"),
        ("until" = Option<String>, Query, description = "ISO 8601, inclusive"),
        ("limit" = Option<i32>, Query, description = "1 to 1000, 200 when absent"),
        ("offset" = Option<i32>, Query)),
    responses((status = 200, body = Logs)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    params: Params,
    uri: Uri,
) -> Result<Json<Logs>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let text = |name| params.filled(name).map(str::to_owned);
    let trace_id = text("run_id").or_else(|| text("trace_id"));
    let limit = number(&params, "limit", LIMIT).clamp(1, MOST);
    let offset = number(&params, "offset", 0).max(0);
    let request = pb::ListLogsRequest {
        fiche_id,
        run_id: trace_id.clone(),
        level: text("level"),
        since: text("since"),
        until: text("until"),
        limit,
        offset,
    };
    let mut operations = gateway.transcription_operations.clone();
    let answer = operations.list_logs(call(&caller, request)).await?;
    let logs = answer.into_inner().logs;
    Ok(Json(Logs {
        success: true,
        count: logs.len(),
        limit,
        offset,
        trace_id,
        data: logs,
    }))
}

/// A whole number; what is none counts as absent, what is too large as the largest.
fn number(params: &Params, name: &str, default: i32) -> i32 {
    let value = params.filled(name).and_then(|text| text.parse().ok());
    value.map_or(default, |value: i64| {
        i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX })
    })
}
