//! The trail of security and administration (identity.md 2.7).

use super::{given, limit};
use crate::app::{AppState, call};
use crate::http::edge::Params;
use crate::http::failure::Failure;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, State};
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

/// What happened, newest first.
#[utoipa::path(get, path = "/api/admin/audit-events", tag = "admin",
    params(("actor_id" = Option<String>, Query), ("action" = Option<String>, Query),
        ("target_type" = Option<String>, Query), ("target_id" = Option<String>, Query),
        ("since" = Option<String>, Query, description = "RFC 3339, inclusive"),
        ("until" = Option<String>, Query, description = "RFC 3339, exclusive"),
        ("limit" = Option<i64>, Query, description = "1 to 200, 50 by default"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before")),
    responses((status = 200, body = Data<pb::ListAuditEventsResponse>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<pb::ListAuditEventsResponse>>, Failure> {
    let request = pb::ListAuditEventsRequest {
        actor_id: given(&params, "actor_id"),
        action: given(&params, "action"),
        target_type: given(&params, "target_type"),
        target_id: given(&params, "target_id"),
        since: given(&params, "since"),
        until: given(&params, "until"),
        limit: limit(&params)?,
        cursor: given(&params, "cursor"),
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().list_audit_events(request).await?;
    Ok(data(answer.into_inner()))
}
