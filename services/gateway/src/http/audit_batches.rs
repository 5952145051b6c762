//! Audits of many fiches at once (`audits.md` 6.7).

use super::edge::Payload;
use super::failure::Failure;
use super::reply::{Data, data};
use crate::app::{AppState, call};
use crate::domain::run_input::{self, InputError};
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// Fiches to audit.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct AuditBatchBody {
    /// 1 to 500; doubles count once.
    fiche_ids: Vec<String>,
    /// A string of digits is taken too; by default the installation's, else the newest active one.
    audit_config_id: Option<i64>,
    /// For machine callers: who asked.
    user_id: Option<String>,
    /// Lets the model search the transcript itself.
    use_rlm: Option<bool>,
}

/// A batch that will run.
#[derive(Serialize, ToSchema)]
pub struct AuditBatchQueued {
    success: bool,
    message: String,
    fiche_ids: Vec<String>,
    audit_config_id: i64,
    batch_id: String,
    event_ids: Vec<String>,
}

/// Audits fiches, all or none.
#[utoipa::path(post, path = "/api/audits/batch", tag = "audits", request_body = AuditBatchBody,
    responses((status = 200, body = AuditBatchQueued), (status = 429, description = "asked too often")))]
pub async fn start(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<AuditBatchQueued>, Failure> {
    let input = run_input::batch(&body.0).map_err(|error| match error {
        InputError::Missing => invalid("fiche_ids"),
        InputError::Invalid(field) => invalid(field),
    })?;
    let request = pb::StartBatchRequest {
        fiche_ids: input.fiche_ids,
        audit_config_id: input.config_id.map(|id| id.to_string()),
        user_id: input.user_id,
        use_rlm: input.use_rlm,
    };
    let mut batches = gateway.audit_batches.clone();
    let answer = batches.start_batch(call(&caller, request)).await?;
    let answer = answer.into_inner();
    Ok(Json(AuditBatchQueued {
        success: true,
        message: format!("Batch audit queued for {} fiches", answer.fiche_ids.len()),
        fiche_ids: answer.fiche_ids,
        audit_config_id: answer.audit_config_id,
        batch_id: answer.batch_id,
        event_ids: answer.event_ids,
    }))
}

fn invalid(field: &str) -> Failure {
    Failure::validation("Invalid batch audit input").with_detail(field, "has an invalid value")
}

/// How far a batch is: what `batch.progress` tells, and its members in scope.
#[utoipa::path(get, path = "/api/audits/batches/{batch_id}", tag = "audits",
    params(("batch_id" = String, Path)),
    responses((status = 200, body = Data<pb::AuditBatch>)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(batch_id): Path<String>,
) -> Result<Json<Data<pb::AuditBatch>>, Failure> {
    let request = pb::GetBatchRequest {
        batch_id,
        without_items: false,
    };
    let mut batches = gateway.audit_batches.clone();
    let answer = batches.get_batch(call(&caller, request)).await?;
    shown(answer.into_inner().batch, "GetBatch")
}

/// Cancels the audits of a batch that have not ended, and ends it.
#[utoipa::path(post, path = "/api/audits/batches/{batch_id}/cancel", tag = "audits",
    params(("batch_id" = String, Path)),
    responses((status = 200, body = Data<pb::AuditBatch>), (status = 409, description = "it has ended")))]
pub async fn cancel(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(batch_id): Path<String>,
) -> Result<Json<Data<pb::AuditBatch>>, Failure> {
    let request = call(&caller, pb::CancelBatchRequest { batch_id });
    let mut batches = gateway.audit_batches.clone();
    let answer = batches.cancel_batch(request).await?;
    shown(answer.into_inner().batch, "CancelBatch")
}

fn shown(
    batch: Option<pb::AuditBatch>,
    rpc: &'static str,
) -> Result<Json<Data<pb::AuditBatch>>, Failure> {
    Ok(data(batch.ok_or_else(|| Failure::incomplete(rpc))?))
}
