//! What happened to an audit, what it waits for, and one of its control points (`audits.md` 6.10,
//! 6.13).

use super::audit_changes::known;
use super::edge::Params;
use super::failure::Failure;
use super::reply::{self, Data, List, data};
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::Serialize;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

const LIMIT: i32 = 200;
const MOST: i32 = 1_000;

/// Lines, oldest first.
#[derive(Serialize, ToSchema)]
pub struct AuditLogs {
    success: bool,
    data: Vec<pb::AuditLogEntry>,
    count: usize,
    limit: i32,
    offset: i32,
}

/// Who did what when.
#[utoipa::path(get, path = "/api/audits/{audit_id}/logs", tag = "audits",
    params(("audit_id" = String, Path),
        ("level" = Option<String>, Query, description = "debug, info, warning or error"),
        ("step" = Option<String>, Query), ("attempt" = Option<String>, Query),
        ("since" = Option<String>, Query, description = "ISO 8601, inclusive"),
        ("until" = Option<String>, Query, description = "ISO 8601, inclusive"),
        ("limit" = Option<i32>, Query, description = "1 to 1000, 200 when absent"),
        ("offset" = Option<i32>, Query)),
    responses((status = 200, body = AuditLogs)))]
pub async fn logs(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
    params: Params,
) -> Result<Json<AuditLogs>, Failure> {
    let text = |name| params.filled(name).map(str::to_owned);
    let number = |name, default| {
        let value = params.filled(name).and_then(|text| text.parse().ok());
        value.unwrap_or(default)
    };
    let limit = number("limit", LIMIT).clamp(1, MOST);
    let offset = number("offset", 0).max(0);
    let request = pb::ListAuditLogsRequest {
        audit_id: known(audit_id)?,
        level: text("level"),
        step: text("step"),
        attempt: text("attempt"),
        since: text("since"),
        until: text("until"),
        limit,
        offset,
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.list_audit_logs(call(&caller, request)).await?;
    let logs = answer.into_inner().logs;
    Ok(Json(AuditLogs {
        success: true,
        count: logs.len(),
        data: logs,
        limit,
        offset,
    }))
}

/// One control point.
#[utoipa::path(get,
    path = "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}",
    tag = "audits", params(("audit_id" = String, Path), ("step_position" = i32, Path),
        ("control_point_index" = i32, Path)),
    responses((status = 200, body = Data<pb::ControlPointView>)))]
pub async fn control_point(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((audit_id, step_position, control_point_index)): Path<(String, String, String)>,
) -> Result<Json<Data<pb::ControlPointView>>, Failure> {
    let request = pb::GetControlPointRequest {
        audit_id: known(audit_id)?,
        step_position,
        control_point_index,
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.get_control_point(call(&caller, request)).await?;
    let point = answer.into_inner().point;
    Ok(data(
        point.ok_or_else(|| Failure::incomplete("GetControlPoint"))?,
    ))
}

/// Audits that have not ended and what they wait for, the one that waits longest first.
#[utoipa::path(get, path = "/api/audits/stuck", tag = "audits",
    params(("limit" = Option<i32>, Query, description = "1 to 1000, 200 when absent")),
    responses((status = 200, body = List<pb::StuckAudit>)))]
pub async fn stuck(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<List<pb::StuckAudit>>, Failure> {
    let limit = params.filled("limit").and_then(|text| text.parse().ok());
    let request = pb::ListStuckRequest {
        limit: limit.unwrap_or(LIMIT),
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.list_stuck(call(&caller, request)).await?;
    Ok(reply::list(answer.into_inner().audits))
}
