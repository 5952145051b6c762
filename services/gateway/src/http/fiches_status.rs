//! What is known of fiches without asking the CRM (`fiches.md` 3.5 to 3.7).

use super::edge::Payload;
use super::failure::Failure;
use super::fiche_rows::{PERMISSION, known};
use super::reply::{Data, data};
use crate::app::{AppState, call};
use crate::domain::ids;
use crate::domain::status::{FicheStatus, Known};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::Uri;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use vigie_contracts::audit::v1::ListFicheStatusesRequest;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::transcription::v1::ListTranscriptsRequest;
use vigie_identity::Caller;
use vigie_service::ErrorCode;

const MOST: usize = 500;
const NOT_CACHED: &str = "Fiche not cached";
const UNKNOWN: &str = "Fiche not found in database";
const HINT: &str = "The fiche must be fetched or processed first";

/// What the cache holds of a fiche.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cached {
    fiche_id: String,
    groupe: Option<String>,
    prospect_nom: Option<String>,
    prospect_prenom: Option<String>,
    recordings_count: Option<i32>,
    fetched_at: Option<String>,
    /// Null while only a sales list has shown the fiche.
    expires_at: Option<String>,
}

/// A fiche, and what is known of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    fiche_id: String,
    #[serde(flatten)]
    status: FicheStatus,
}

/// The fiches of a batch.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read by hand")]
pub struct StatusBatchBody {
    /// At most 500 ids of digits; doubles count once.
    fiche_ids: Vec<String>,
}

/// What the cache holds of a fiche.
#[utoipa::path(get, path = "/api/fiches/{fiche_id}/cache", tag = "fiches",
    params(("fiche_id" = String, Path, description = "digits"),
        ("include_mail_devis" = Option<bool>, Query, description = "without effect")),
    responses((status = 200, body = Data<Cached>)))]
pub async fn cache(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    uri: Uri,
) -> Result<Json<Data<Cached>>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let mut fiches = gateway.fiches.clone();
    let answer = fiches
        .get_summaries(call(&caller, wanted(fiche_id)))
        .await?;
    let answer = answer.into_inner();
    if !answer.refused.is_empty() {
        return Err(Failure::new(ErrorCode::Authorization, "Forbidden"));
    }
    let found = answer.fiches.into_iter().next();
    let found = found.ok_or_else(|| Failure::new(ErrorCode::NotFound, NOT_CACHED))?;
    Ok(data(Cached {
        fiche_id: found.fiche_id,
        groupe: found.groupe,
        prospect_nom: found.prospect_nom,
        prospect_prenom: found.prospect_prenom,
        recordings_count: found.recordings_count,
        fetched_at: found.fetched_at,
        expires_at: found.expires_at,
    }))
}

/// How far a fiche is transcribed and audited.
#[utoipa::path(get, path = "/api/fiches/{fiche_id}/status", tag = "fiches",
    params(("fiche_id" = String, Path, description = "digits")),
    responses((status = 200, body = Data<Status>)))]
pub async fn status(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    uri: Uri,
) -> Result<Json<Data<Status>>, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let ids = vec![fiche_id.clone()];
    let transcripts = ListTranscriptsRequest {
        fiche_ids: ids.clone(),
        include_text: false,
    };
    let audits = ListFicheStatusesRequest { fiche_ids: ids };
    let mut fiches = gateway.fiches.clone();
    let mut transcriptions = gateway.transcriptions.clone();
    let mut owners = gateway.audits.clone();
    let (summaries, transcripts, audits) = tokio::join!(
        fiches.get_summaries(call(&caller, wanted(fiche_id.clone()))),
        transcriptions.list_transcripts(call(&caller, transcripts)),
        owners.list_fiche_statuses(call(&caller, audits)),
    );
    // Whether there is such a fiche comes first.
    let summaries = summaries?.into_inner();
    if summaries.fiches.is_empty() {
        let failure = Failure::new(ErrorCode::NotFound, UNKNOWN);
        return Err(if summaries.refused.is_empty() {
            failure.with_extra("message", HINT)
        } else {
            failure
        });
    }
    let mut known = Known::default();
    known.learn(
        summaries.fiches,
        transcripts?.into_inner().transcripts,
        audits?.into_inner().audits,
    );
    Ok(data(Status {
        status: known.status(&fiche_id),
        fiche_id,
    }))
}

/// The same of many fiches. Unknown ones, and those out of scope, have the empty status.
#[utoipa::path(post, path = "/api/fiches/status/batch", tag = "fiches",
    request_body = StatusBatchBody,
    responses((status = 200, body = Data<BTreeMap<String, FicheStatus>>)))]
pub async fn batch(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<BTreeMap<String, FicheStatus>>>, Failure> {
    let ids = asked(&body)?;
    let known = if ids.is_empty() {
        Known::default()
    } else {
        known(&gateway, &caller, ids.iter().cloned().collect(), true).await?
    };
    let status = |id: String| {
        let status = known.status(&id);
        (id, status)
    };
    Ok(data(ids.into_iter().map(status).collect()))
}

fn asked(body: &Payload) -> Result<BTreeSet<String>, Failure> {
    let Some(Value::Array(given)) = body.get("ficheIds") else {
        return Err(Failure::validation("ficheIds must be an array"));
    };
    let mut ids = BTreeSet::new();
    for (index, id) in given.iter().enumerate() {
        let Some(id) = id.as_str().filter(|id| ids::is_digits(id)) else {
            return Err(Failure::validation("ficheIds must be ids of digits")
                .with_detail(&format!("ficheIds.{index}"), "must be a text of digits"));
        };
        ids.insert(id.to_owned());
    }
    if ids.len() > MOST {
        let message = format!("ficheIds must hold at most {MOST} ids");
        return Err(Failure::validation(message));
    }
    Ok(ids)
}

fn wanted(fiche_id: String) -> pb::GetSummariesRequest {
    pb::GetSummariesRequest {
        fiche_ids: vec![fiche_id],
        permission: PERMISSION.to_owned(),
        write: false,
        look_up: false,
    }
}
