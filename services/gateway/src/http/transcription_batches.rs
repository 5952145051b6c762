//! Transcription of many fiches at once (automation-and-transcription.md A10.2).

use super::edge::Payload;
use super::failure::Failure;
use super::reply::{Data, data};
use super::transcriptions::known_priority;
use crate::app::{AppState, call};
use crate::domain::ids;
use axum::Json;
use axum::extract::{Extension, Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::transcription::v1 as pb;
use vigie_identity::Caller;

const INVALID: &str = "Invalid request - fiche_ids array required";

/// Fiches to transcribe.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct BatchBody {
    /// 1 to 500 ids of digits; doubles count once.
    fiche_ids: Vec<String>,
    /// high, normal or low.
    priority: Option<String>,
}

/// Transcriptions that were started or joined.
#[derive(Serialize, ToSchema)]
pub struct BatchQueued {
    success: bool,
    message: String,
    batch_id: String,
    fiche_ids: Vec<String>,
    event_ids: Vec<String>,
    /// What became of each fiche.
    results: Vec<pb::BatchStart>,
}

/// Starts or joins a run for each fiche, all or none.
#[utoipa::path(post, path = "/api/transcriptions/batch", tag = "transcriptions",
    request_body = BatchBody,
    responses((status = 200, body = BatchQueued)))]
pub async fn start(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<BatchQueued>, Failure> {
    let request = request(&body)?;
    let mut operations = gateway.transcription_operations.clone();
    let answer = operations.start_batch(call(&caller, request)).await?;
    let answer = answer.into_inner();
    let of = |field: fn(&pb::BatchStart) -> &String| answer.fiches.iter().map(field).cloned();
    Ok(Json(BatchQueued {
        success: true,
        message: format!("{} transcription jobs queued", answer.fiches.len()),
        fiche_ids: of(|it| &it.fiche_id).collect(),
        event_ids: of(|it| &it.event_id).collect(),
        batch_id: answer.batch_id,
        results: answer.fiches,
    }))
}

fn request(body: &Payload) -> Result<pb::StartBatchRequest, Failure> {
    let Some(Value::Array(ids)) = body.get("fiche_ids") else {
        return Err(Failure::validation(INVALID).with_detail("fiche_ids", "must be a list of ids"));
    };
    let ids = ids.iter().enumerate().map(|(index, id)| {
        let id = id.as_str().filter(|id| ids::is_digits(id));
        id.map(str::to_owned).ok_or_else(|| {
            Failure::validation("Invalid request - fiche_ids must be digits")
                .with_detail(&format!("fiche_ids.{index}"), "must be a text of digits")
        })
    });
    let priority = match body.get("priority") {
        None => "normal",
        Some(Value::String(priority)) => known_priority(priority)?,
        Some(_) => known_priority("")?,
    };
    Ok(pb::StartBatchRequest {
        fiche_ids: ids.collect::<Result<_, _>>()?,
        priority: priority.to_owned(),
    })
}

/// How far a batch is: what `batch.progress` tells, and its fiches.
#[utoipa::path(get, path = "/api/transcriptions/batches/{batch_id}", tag = "transcriptions",
    params(("batch_id" = String, Path)),
    responses((status = 200, body = Data<pb::GetBatchResponse>)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(batch_id): Path<String>,
) -> Result<Json<Data<pb::GetBatchResponse>>, Failure> {
    let request = call(&caller, pb::GetBatchRequest { batch_id });
    let mut operations = gateway.transcription_operations.clone();
    Ok(data(operations.get_batch(request).await?.into_inner()))
}
