//! Fiches (`fiches.md` 3): a day's list from the cache, and one with all its sections.

use super::edge::Params;
use super::failure::Failure;
use super::fiche_rows::{Row, rows};
use super::reply::{Data, data};
use crate::app::{AppState, call, patient_call};
use crate::domain::recordings::into_payload;
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::transcription::v1::ListTranscriptsRequest;
use vigie_identity::{Caller, Guard};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const REFRESH: Guard = Guard::parse("fiches.write");
pub(super) const NO_DATE: &str = "Missing or invalid date parameter (YYYY-MM-DD required)";

/// The cached fiches of a day.
#[derive(Serialize, ToSchema)]
pub struct Day {
    date: String,
    total: usize,
    fiches: Vec<Row>,
}

/// The cached fiches of one day.
#[utoipa::path(get, path = "/api/fiches/status/by-date", tag = "fiches",
    params(("date" = String, Query, description = "YYYY-MM-DD")),
    responses((status = 200, body = Data<Day>)))]
pub async fn by_date(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<Day>>, Failure> {
    let date = params
        .get("date")
        .ok_or_else(|| Failure::validation(NO_DATE))?;
    if !is_date(date) {
        return Err(Failure::validation("Invalid date format. Use YYYY-MM-DD"));
    }
    let request = call(
        &caller,
        pb::ListByDateRequest {
            date: date.to_owned(),
        },
    );
    let listed = gateway
        .fiches
        .clone()
        .list_by_date(request)
        .await?
        .into_inner()
        .fiches;
    let fiches = rows(&gateway, &caller, listed).await?;
    Ok(data(Day {
        date: date.to_owned(),
        total: fiches.len(),
        fiches,
    }))
}

/// A fiche with all its sections, as the CRM gives it.
#[utoipa::path(get, path = "/api/fiches/{fiche_id}", tag = "fiches",
    params(("fiche_id" = String, Path, description = "digits"),
        ("refresh" = Option<bool>, Query, description = "from the CRM; needs `fiches.write`"),
        ("include_mail_devis" = Option<bool>, Query)),
    responses((status = 200, description = "the CRM's payload, not wrapped; `X-Cache` says whence",
        body = Object)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
    params: Params,
    uri: Uri,
) -> Result<Response, Failure> {
    let fiche_id = super::fiche_id(fiche_id, &uri)?;
    let refresh = params.is_true("refresh");
    if refresh {
        caller.require(REFRESH)?;
    }
    let fiche = patient_call(
        &caller,
        pb::GetFicheRequest {
            fiche_id: fiche_id.clone(),
            refresh,
            include_mail_devis: params.is_true("include_mail_devis"),
        },
    );
    let transcripts = ListTranscriptsRequest {
        fiche_ids: vec![fiche_id],
        include_text: true,
    };
    let mut fiches = gateway.fiches.clone();
    let mut transcriptions = gateway.transcriptions.clone();
    let (fiche, transcripts) = tokio::join!(
        fiches.get_fiche(fiche),
        transcriptions.list_transcripts(call(&caller, transcripts)),
    );
    // Whether the caller may see the fiche at all comes first.
    let fiche = fiche?.into_inner();
    let cache = cache_word(fiche.cache());
    let mut payload: Value = serde_json::from_str(&fiche.payload_json).map_err(|error| {
        tracing::error!(%error, "the fiche's payload is not JSON");
        Failure::internal()
    })?;
    into_payload(&mut payload, transcripts?.into_inner().transcripts);
    if let (Some(it), Some(recordings)) = (&gateway.recordings, payload.get_mut("recordings")) {
        it.links.within(&caller, recordings, gateway.clock.now());
    }
    Ok(([(X_CACHE, cache)], Json(payload)).into_response())
}

fn cache_word(cache: pb::CacheState) -> &'static str {
    match cache {
        pb::CacheState::Hit => "hit",
        pb::CacheState::Stale => "stale",
        pb::CacheState::Miss => "miss",
        pb::CacheState::Unstored | pb::CacheState::Unspecified => "unstored",
    }
}

/// `^\d{4}-\d{2}-\d{2}$`.
pub(super) fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
