//! Rows of lists of cached fiches, with what other services know of them: many fiches in one question.

use super::failure::Failure;
use crate::app::{AppState, call};
use crate::domain::status::{AuditStatus, ConfigName, Known, TranscriptionStatus};
use futures::{StreamExt, TryStreamExt, stream};
use serde::Serialize;
use tonic::Status;
use utoipa::ToSchema;
use vigie_contracts::audit::v1::{FicheAudit, ListFicheStatusesRequest};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::transcription::v1::{ListTranscriptsRequest, TranscriptSummary};
use vigie_identity::Caller;

pub(super) const PERMISSION: &str = "fiches";
/// Fiches of one question; the services take 5,000.
const FICHES_AT_ONCE: usize = 2_000;
const QUESTIONS_AT_ONCE: usize = 3;

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
