//! `GetStatus` (A10.3): coverage of a fiche and its latest run.

use super::{RpcError, iso};
use crate::app::AppState;
use crate::domain::count;
use crate::store::view::{self, LatestRun, Transcript};
use std::collections::{HashMap, HashSet};
use vigie_contracts::fiche::v1::Recording;
use vigie_contracts::transcription::v1::{GetStatusResponse, RecordingStatus, RunStatus};
use vigie_events::ids::FicheId;

/// How much of a fiche is transcribed.
pub(super) async fn get_status(
    state: &AppState,
    fiche: &FicheId,
) -> Result<GetStatusResponse, RpcError> {
    let recordings = state.fiches.recordings(fiche).await?;
    let recordings = recordings.ok_or_else(|| RpcError::UnknownFiche(fiche.clone()))?;
    let mut conn = state.db.acquire().await?;
    let transcripts = view::transcripts(&mut conn, &[fiche.to_string()], false).await?;
    let failed = view::failed_calls(&mut conn, fiche.as_str()).await?;
    let run = view::latest_run(&mut conn, fiche.as_str()).await?;
    drop(conn);
    Ok(compose(fiche, &recordings, transcripts, &failed, run))
}

fn compose(
    fiche: &FicheId,
    recordings: &[Recording],
    transcripts: Vec<Transcript>,
    failed: &[String],
    run: Option<LatestRun>,
) -> GetStatusResponse {
    let transcripts: HashMap<String, Transcript> = transcripts
        .into_iter()
        .map(|it| (it.call_id.clone(), it))
        .collect();
    let failed: HashSet<&str> = failed.iter().map(String::as_str).collect();
    let open = || {
        recordings
            .iter()
            .filter(|it| !transcripts.contains_key(&it.call_id))
    };
    let total = count(recordings.len());
    let transcribed = total - count(open().count());
    let percentage = if total == 0 {
        0
    } else {
        crate::domain::run::percentage(transcribed, total)
    };
    GetStatusResponse {
        fiche_id: fiche.to_string(),
        total,
        transcribed,
        pending: total - transcribed,
        percentage,
        failed: count(
            open()
                .filter(|it| failed.contains(it.call_id.as_str()))
                .count(),
        ),
        missing_url: count(
            open()
                .filter(|it| it.recording_url.trim().is_empty())
                .count(),
        ),
        recordings: recordings
            .iter()
            .map(|it| recording(it, transcripts.get(&it.call_id)))
            .collect(),
        run: run.map(run_status),
    }
}

fn recording(recording: &Recording, transcript: Option<&Transcript>) -> RecordingStatus {
    RecordingStatus {
        call_id: recording.call_id.clone(),
        has_transcription: transcript.is_some(),
        transcription_id: transcript.map(|it| it.transcription_id.clone()),
        transcribed_at: transcript.map(|it| iso(it.transcribed_at)),
        recording_date: recording.recording_date.clone(),
        recording_time: recording.recording_time.clone(),
        duration_seconds: recording.duration_seconds,
    }
}

fn run_status(run: LatestRun) -> RunStatus {
    RunStatus {
        run_id: run.run_id.to_string(),
        state: run.state,
        processed: run.processed,
        total: run.target_total,
        failed: run.failed,
        started_at: run.started_at.map(iso),
        last_event_at: run.last_event_at.map(iso),
        sequence: run.sequence,
        reason: run.reason,
    }
}
