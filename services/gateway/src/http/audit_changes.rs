//! Changing, deleting, restoring and cancelling audits (`audits.md` 6.1, 6.11).

use super::audits::Detail;
use super::edge::Payload;
use super::failure::Failure;
use super::reply::{Data, data};
use crate::app::{AppState, call};
use crate::domain::ids::database_id;
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// What may be changed; null clears, what is left out stays.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; the service reads it")]
pub struct ChangeBody {
    /// At most 20,000 characters.
    notes: Option<String>,
    /// Deletes or restores.
    deleted: Option<bool>,
    /// Digits.
    automation_schedule_id: Option<String>,
    /// Digits.
    automation_run_id: Option<String>,
    /// At most 50 characters.
    trigger_source: Option<String>,
    /// At most 200 characters.
    trigger_user_id: Option<String>,
}

/// Changes an audit.
#[utoipa::path(patch, path = "/api/audits/{audit_id}", tag = "audits", request_body = ChangeBody,
    params(("audit_id" = String, Path)), responses((status = 200, body = Data<Detail>)))]
pub async fn change(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<Detail>>, Failure> {
    update(&gateway, &caller, audit_id, body.0.to_string()).await
}

/// Deletes an audit; its rows stay, and it can be restored.
#[utoipa::path(delete, path = "/api/audits/{audit_id}", tag = "audits",
    params(("audit_id" = String, Path)), responses((status = 200, body = Data<Detail>)))]
pub async fn delete(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
) -> Result<Json<Data<Detail>>, Failure> {
    let body = json!({"deleted": true}).to_string();
    update(&gateway, &caller, audit_id, body).await
}

async fn update(
    gateway: &AppState,
    caller: &Caller,
    audit_id: String,
    body_json: String,
) -> Result<Json<Data<Detail>>, Failure> {
    let request = pb::UpdateAuditRequest {
        audit_id: known(audit_id)?,
        body_json,
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.update_audit(call(caller, request)).await?;
    detail(gateway, caller, answer.into_inner().detail, "UpdateAudit").await
}

/// Ends an audit that has not ended.
#[utoipa::path(post, path = "/api/audits/{audit_id}/cancel", tag = "audits",
    params(("audit_id" = String, Path)), responses((status = 200, body = Data<Detail>),
        (status = 409, description = "it has ended")))]
pub async fn cancel(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(audit_id): Path<String>,
) -> Result<Json<Data<Detail>>, Failure> {
    let request = pb::CancelAuditRequest {
        audit_id: known(audit_id)?,
    };
    let mut operations = gateway.audit_operations.clone();
    let answer = operations.cancel_audit(call(&caller, request)).await?;
    let answer = answer.into_inner().detail;
    detail(&gateway, &caller, answer, "CancelAudit").await
}

pub(super) fn known(audit_id: String) -> Result<String, Failure> {
    match database_id(&audit_id) {
        Some(_) => Ok(audit_id),
        None => Err(Failure::validation("Invalid audit_id")),
    }
}

async fn detail(
    gateway: &AppState,
    caller: &Caller,
    answer: Option<pb::GetAuditResponse>,
    rpc: &'static str,
) -> Result<Json<Data<Detail>>, Failure> {
    let answer = answer.ok_or_else(|| Failure::incomplete(rpc))?;
    Ok(data(Detail::of(gateway, caller, answer, rpc).await?))
}
