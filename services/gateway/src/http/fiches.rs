//! Fiches (`fiches.md` 3): what the cache and the CRM know, with what others know of it.

use super::edge::Params;
use super::failure::Failure;
use super::reply::{Data, data};
use crate::app::{AppState, call, patient_call};
use crate::domain::recordings::into_payload;
use crate::domain::status::{AuditStatus, ConfigName, FicheStatus, Known, TranscriptionStatus};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::{HeaderName, Uri};
use axum::response::{IntoResponse, Response};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use serde_json::Value;
use tonic::Status;
use utoipa::ToSchema;
use vigie_contracts::audit::v1::{FicheAudit, ListFicheStatusesRequest};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::transcription::v1::{ListTranscriptsRequest, TranscriptSummary};
use vigie_identity::{Caller, Guard};

const X_CACHE: HeaderName = HeaderName::from_static("x-cache");
const REFRESH: Guard = Guard::parse("fiches.write");
pub(super) const PERMISSION: &str = "fiches";
/// Fiches of one question; the services take 5,000.
const FICHES_AT_ONCE: usize = 2_000;
const QUESTIONS_AT_ONCE: usize = 3;
const NO_DATE: &str = "Missing or invalid date parameter (YYYY-MM-DD required)";

/// The sales of a day.
#[derive(Serialize, ToSchema)]
pub struct Sales {
    fiches: Vec<Sale>,
    total: i32,
}

/// A sale, and what Vigie knows of it.
#[derive(Serialize, ToSchema)]
pub struct Sale {
    #[serde(flatten)]
    sale: pb::SaleFiche,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<FicheStatus>,
}

/// The cached fiches of a day.
#[derive(Serialize, ToSchema)]
pub struct Day {
    date: String,
    total: usize,
    fiches: Vec<Row>,
}

/// A cached fiche, and what Vigie knows of it.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    fiche_id: String,
    groupe: Option<String>,
    agence_nom: Option<String>,
    prospect_nom: Option<String>,
    prospect_prenom: Option<String>,
    prospect_email: Option<String>,
    prospect_tel: Option<String>,
    fetched_at: Option<String>,
    created_at: String,
    transcription: TranscriptionStatus,
    audit: RowAudits,
    recordings: Vec<RowRecording>,
}

/// What the audits of a fiche say, and the audits.
#[derive(Serialize, ToSchema)]
pub struct RowAudits {
    #[serde(flatten)]
    summary: AuditStatus,
    audits: Vec<RowAudit>,
}

/// One audit of a fiche.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowAudit {
    id: String,
    overall_score: String,
    score_percentage: String,
    niveau: String,
    is_compliant: bool,
    status: String,
    completed_at: Option<String>,
    created_at: String,
    audit_config: Option<ConfigName>,
}

/// One recording of a fiche.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RowRecording {
    id: String,
    call_id: String,
    has_transcription: bool,
    transcribed_at: Option<String>,
    start_time: Option<String>,
    duration_seconds: Option<i32>,
}

/// The sales of one day, live from the CRM.
#[utoipa::path(get, path = "/api/fiches/search", tag = "fiches",
    params(("date" = String, Query, description = "YYYY-MM-DD"),
        ("includeStatus" = Option<String>, Query, description = "`false` leaves `status` out")),
    responses((status = 200, body = Sales)))]
pub async fn search(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Sales>, Failure> {
    let date = params
        .filled("date")
        .filter(|date| is_date(date))
        .ok_or_else(|| Failure::validation(NO_DATE))?;
    let request = patient_call(
        &caller,
        pb::SearchSalesRequest {
            date: date.to_owned(),
        },
    );
    let mut sales = gateway
        .fiches
        .clone()
        .search_sales(request)
        .await?
        .into_inner();
    for sale in &mut sales.fiches {
        hide_addresses(&gateway, &caller, sale);
    }
    let known = if params.get("includeStatus") == Some("false") || sales.fiches.is_empty() {
        None
    } else {
        let ids = sales.fiches.iter().map(|sale| sale.id.clone()).collect();
        Some(known(&gateway, &caller, ids, true).await?)
    };
    let with_status = params.get("includeStatus") != Some("false");
    let known = known.unwrap_or_default();
    let fiches = sales.fiches.into_iter().map(|sale| Sale {
        status: with_status.then(|| known.status(&sale.id)),
        sale,
    });
    Ok(Json(Sales {
        fiches: fiches.collect(),
        total: sales.total,
    }))
}

/// Links stand for addresses, where they are configured.
fn hide_addresses(gateway: &AppState, caller: &Caller, sale: &mut pb::SaleFiche) {
    let Some(recordings) = &gateway.recordings else {
        return;
    };
    // What is no JSON is shown to nobody.
    let mut calls = serde_json::from_str(&sale.recordings_json).unwrap_or(Value::Array(Vec::new()));
    let now = gateway.clock.now();
    recordings.links.into_recordings(caller, &mut calls, now);
    sale.recordings_json = calls.to_string();
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
        it.links
            .into_recordings(&caller, recordings, gateway.clock.now());
    }
    Ok(([(X_CACHE, cache)], Json(payload)).into_response())
}

/// Asks the owners of what status pages show, at once, many fiches in one question.
pub(super) async fn known(
    gateway: &AppState,
    caller: &Caller,
    fiche_ids: Vec<String>,
    summaries: bool,
) -> Result<Known, Failure> {
    let mut questions = Vec::new();
    for ids in fiche_ids.chunks(FICHES_AT_ONCE) {
        questions.push(ask(gateway, caller, ids.to_vec(), summaries));
    }
    let answers = stream::iter(questions).buffered(QUESTIONS_AT_ONCE);
    let answers: Vec<Answers> = answers.try_collect().await?;
    let mut known = Known::default();
    for answer in answers {
        known.learn(answer.summaries, answer.transcripts, answer.audits);
    }
    Ok(known)
}

/// What the owners say of some fiches.
struct Answers {
    summaries: Vec<pb::FicheSummary>,
    transcripts: Vec<TranscriptSummary>,
    audits: Vec<FicheAudit>,
}

async fn ask(
    gateway: &AppState,
    caller: &Caller,
    fiche_ids: Vec<String>,
    summaries: bool,
) -> Result<Answers, Status> {
    let mut fiches = gateway.fiches.clone();
    let mut transcriptions = gateway.transcriptions.clone();
    let mut audits = gateway.audits.clone();
    let wanted = pb::GetSummariesRequest {
        fiche_ids: fiche_ids.clone(),
        permission: PERMISSION.to_owned(),
        write: false,
        look_up: false,
    };
    let summaries = async {
        if !summaries {
            return Ok(Vec::new());
        }
        let answer = fiches.get_summaries(call(caller, wanted)).await?;
        Ok(answer.into_inner().fiches)
    };
    let transcripts = ListTranscriptsRequest {
        fiche_ids: fiche_ids.clone(),
        include_text: false,
    };
    let (summaries, transcripts, audits) = tokio::try_join!(
        summaries,
        transcriptions.list_transcripts(call(caller, transcripts)),
        audits.list_fiche_statuses(call(caller, ListFicheStatusesRequest { fiche_ids })),
    )?;
    Ok(Answers {
        summaries,
        transcripts: transcripts.into_inner().transcripts,
        audits: audits.into_inner().audits,
    })
}

/// Rows of a list, with what others know of them.
pub(super) async fn rows(
    gateway: &AppState,
    caller: &Caller,
    rows: Vec<pb::FicheRow>,
) -> Result<Vec<Row>, Failure> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids = rows.iter().map(|row| row.fiche_id.clone()).collect();
    let known = known(gateway, caller, ids, false).await?;
    Ok(rows.into_iter().map(|row| compose(row, &known)).collect())
}

fn compose(row: pb::FicheRow, known: &Known) -> Row {
    let call_ids: Vec<_> = row
        .recordings
        .iter()
        .map(|call| call.call_id.as_str())
        .collect();
    let transcription = known.transcription_of(&row.fiche_id, &call_ids);
    let audit = RowAudits {
        summary: known.audit(&row.fiche_id),
        audits: known.audits(&row.fiche_id).iter().map(row_audit).collect(),
    };
    let recordings = row.recordings.into_iter().map(|recording| {
        let transcript = known.transcript(&row.fiche_id, &recording.call_id);
        RowRecording {
            has_transcription: transcript.is_some(),
            transcribed_at: transcript.map(|transcript| transcript.transcribed_at.clone()),
            id: recording.id,
            call_id: recording.call_id,
            start_time: recording.start_time,
            duration_seconds: recording.duration_seconds,
        }
    });
    Row {
        transcription,
        audit,
        recordings: recordings.collect(),
        fiche_id: row.fiche_id,
        groupe: row.groupe,
        agence_nom: row.agence_nom,
        prospect_nom: row.prospect_nom,
        prospect_prenom: row.prospect_prenom,
        prospect_email: row.prospect_email,
        prospect_tel: row.prospect_tel,
        fetched_at: row.fetched_at,
        created_at: row.created_at,
    }
}

fn row_audit(audit: &FicheAudit) -> RowAudit {
    RowAudit {
        id: audit.id.clone(),
        overall_score: audit.overall_score.clone(),
        score_percentage: audit.score_percentage.clone(),
        niveau: audit.niveau.clone(),
        is_compliant: audit.is_compliant,
        status: audit.status.clone(),
        completed_at: audit.completed_at.clone(),
        created_at: audit.created_at.clone(),
        audit_config: audit.audit_config.as_ref().map(ConfigName::of),
    }
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
fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(i, byte)| match i {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
}
