//! Transcription of a fiche (automation-and-transcription.md A10).

use super::edge::Params;
use super::failure::Failure;
use super::reply::{Data, data};
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderMap, Uri};
use serde::Serialize;
use utoipa::ToSchema;
use vigie_contracts::transcription::v1 as pb;
use vigie_identity::Caller;

const IDEMPOTENCY_KEY: &str = "idempotency-key";
const PRIORITIES: [&str; 3] = ["high", "normal", "low"];

/// A transcription that was started or joined.
#[derive(Serialize, ToSchema)]
pub struct Queued {
    success: bool,
    message: &'static str,
    fiche_id: String,
    event_id: String,
    run_id: String,
    state: String,
}

/// Starts a run, or joins the open one.
#[utoipa::path(post, path = "/api/transcriptions/{fiche_id}", tag = "transcriptions",
    params(("fiche_id" = String, Path, description = "digits"),
        ("priority" = Option<String>, Query, description = "high, normal or low"),
        ("force" = Option<bool>, Query),
        ("Idempotency-Key" = Option<String>, Header)),
    responses((status = 200, body = Queued)))]
pub async fn start(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    params: Params,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Queued>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let priority = known_priority(params.filled("priority").unwrap_or("normal"))?;
    let key = headers
        .get(IDEMPOTENCY_KEY)
        .and_then(|key| key.to_str().ok());
    let request = pb::StartRunRequest {
        fiche_id,
        priority: priority.to_owned(),
        force: params.is_true("force"),
        idempotency_key: key.map(str::to_owned),
    };
    let mut transcriptions = gateway.transcriptions.clone();
    let run = transcriptions
        .start_run(call(&caller, request))
        .await?
        .into_inner();
    Ok(Json(Queued {
        success: true,
        message: "Transcription job queued",
        fiche_id: run.fiche_id,
        event_id: run.event_id,
        run_id: run.run_id,
        state: run.state,
    }))
}

/// One of the three words.
pub(super) fn known_priority(word: &str) -> Result<&str, Failure> {
    if PRIORITIES.contains(&word) {
        return Ok(word);
    }
    let refused = Failure::validation("Invalid priority");
    Err(refused.with_detail("priority", "must be high, normal or low"))
}

/// Coverage of a fiche, and its latest run.
#[utoipa::path(get, path = "/api/transcriptions/{fiche_id}/status", tag = "transcriptions",
    params(("fiche_id" = String, Path, description = "digits")),
    responses((status = 200, body = Data<pb::GetStatusResponse>)))]
pub async fn status(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    uri: Uri,
) -> Result<Json<Data<pb::GetStatusResponse>>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let request = call(&caller, pb::GetStatusRequest { fiche_id });
    Ok(data(
        gateway
            .transcriptions
            .clone()
            .get_status(request)
            .await?
            .into_inner(),
    ))
}

/// The transcript of one recording.
#[utoipa::path(get, path = "/api/transcriptions/{fiche_id}/recordings/{call_id}",
    tag = "transcriptions",
    params(("fiche_id" = String, Path, description = "digits"), ("call_id" = String, Path),
        ("include_words" = Option<bool>, Query, description = "with the words and their times")),
    responses((status = 200, body = Data<pb::GetTranscriptResponse>)))]
pub async fn transcript(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path((fiche_id, call_id)): Path<(String, String)>,
    params: Params,
    uri: Uri,
) -> Result<Json<Data<pb::GetTranscriptResponse>>, Failure> {
    let request = pb::GetTranscriptRequest {
        fiche_id: super::fiche_id(fiche_id, &uri)?,
        call_id,
        include_words: params.is_true("include_words"),
    };
    let mut transcriptions = gateway.transcriptions.clone();
    let answer = transcriptions
        .get_transcript(call(&caller, request))
        .await?;
    let mut answer = answer.into_inner();
    if let Some(recordings) = &gateway.recordings {
        let (call_id, url) = (&answer.call_id, &answer.recording_url);
        answer.recording_url = recordings
            .links
            .link(&caller, call_id, url, gateway.clock.now());
    }
    Ok(data(answer))
}
