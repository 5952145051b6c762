//! Starting audits (`audits.md` 6.5, 6.6).

use super::edge::Payload;
use super::failure::Failure;
use crate::app::{AppState, patient_call};
use crate::domain::run_input::{self, InputError, RunInput};
use axum::Json;
use axum::extract::{Extension, State};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::Caller;

/// An audit to run.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct RunBody {
    /// A number is taken too.
    fiche_id: String,
    /// A string of digits is taken too; `audit_id` is an alias. Not for `run-latest`.
    audit_config_id: Option<i64>,
    /// For machine callers: who asked.
    user_id: Option<String>,
    /// Lets the model search the transcript itself.
    use_rlm: Option<bool>,
    /// Only on `POST /api/audits`.
    automation_schedule_id: Option<String>,
    /// Only on `POST /api/audits`.
    automation_run_id: Option<String>,
    /// Only on `POST /api/audits`.
    trigger_source: Option<String>,
}

/// An audit that will run.
#[derive(Serialize, ToSchema)]
pub struct Queued {
    success: bool,
    message: &'static str,
    event_id: String,
    /// Its tracking id.
    audit_id: String,
    fiche_id: String,
    audit_config_id: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    audit_config_name: Option<String>,
    metadata: QueuedMetadata,
    /// Its database id.
    audit_db_id: String,
    phase: String,
}

/// When it was taken.
#[derive(Serialize, ToSchema)]
pub struct QueuedMetadata {
    timestamp: String,
    status: &'static str,
}

/// Runs an audit.
#[utoipa::path(post, path = "/api/audits/run", tag = "audits", request_body = RunBody,
    responses((status = 200, body = Queued), (status = 429, description = "asked too often")))]
pub async fn run(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Queued>, Failure> {
    let input = run_input::run(&body.0).map_err(refused_run)?;
    start(&gateway, &caller, input).await
}

/// The same, saying what it belongs to.
#[utoipa::path(post, path = "/api/audits", tag = "audits", request_body = RunBody,
    responses((status = 200, body = Queued), (status = 429, description = "asked too often")))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Queued>, Failure> {
    let input = run_input::create(&body.0).map_err(refused_run)?;
    start(&gateway, &caller, input).await
}

/// Runs an audit with the newest active configuration.
#[utoipa::path(post, path = "/api/audits/run-latest", tag = "audits", request_body = RunBody,
    responses((status = 200, body = Queued), (status = 429, description = "asked too often")))]
pub async fn run_latest(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Queued>, Failure> {
    let input = run_input::run_latest(&body.0).map_err(|error| match error {
        InputError::Missing => Failure::validation("Missing required parameter")
            .with_extra("message", "fiche_id is required"),
        InputError::Invalid(field) => invalid(field),
    })?;
    let request = pb::RunLatestRequest {
        fiche_id: input.fiche_id,
        user_id: input.user_id,
        use_rlm: input.use_rlm,
    };
    let answer = gateway
        .audits
        .clone()
        .run_latest(patient_call(&caller, request))
        .await?;
    let mut answer = answer.into_inner();
    let name = std::mem::take(&mut answer.audit_config_name);
    Ok(queued(answer, Some(name)))
}

async fn start(
    gateway: &AppState,
    caller: &Caller,
    input: RunInput,
) -> Result<Json<Queued>, Failure> {
    let request = pb::RunAuditRequest {
        fiche_id: input.fiche_id,
        audit_config_id: input.config_id.map(|id| id.to_string()).unwrap_or_default(),
        user_id: input.user_id,
        use_rlm: input.use_rlm,
        automation_schedule_id: input.linkage.schedule_id,
        automation_run_id: input.linkage.run_id,
        trigger_source: input.linkage.source,
    };
    let answer = gateway
        .audits
        .clone()
        .run_audit(patient_call(caller, request))
        .await?;
    Ok(queued(answer.into_inner(), None))
}

fn queued(answer: pb::RunAuditResponse, config_name: Option<String>) -> Json<Queued> {
    Json(Queued {
        success: true,
        message: "Audit queued for processing",
        event_id: answer.event_id,
        audit_id: answer.tracking_id,
        fiche_id: answer.fiche_id,
        audit_config_id: answer.audit_config_id,
        audit_config_name: config_name,
        metadata: QueuedMetadata {
            timestamp: answer.queued_at,
            status: "queued",
        },
        audit_db_id: answer.audit_id,
        phase: answer.phase,
    })
}

fn refused_run(error: InputError) -> Failure {
    match error {
        InputError::Missing => Failure::validation("Missing required parameters").with_extra(
            "message",
            "Both audit_config_id (or audit_id) and fiche_id are required",
        ),
        InputError::Invalid(field) => invalid(field),
    }
}

fn invalid(field: &str) -> Failure {
    Failure::validation("Invalid run audit input").with_detail(field, "has an invalid value")
}
