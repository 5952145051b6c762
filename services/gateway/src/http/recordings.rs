//! `GET /api/recordings/:fiche_id` (`fiches.md` 3.13).

use super::failure::Failure;
use super::reply;
use crate::app::{AppState, call};
use crate::domain::recordings::{RecordingRow, rows};
use axum::Json;
use axum::extract::{Extension, Path, State};
use vigie_contracts::fiche::v1::ListRecordingsRequest;
use vigie_contracts::transcription::v1::ListTranscriptsRequest;
use vigie_identity::Caller;

/// The recordings of a cached fiche, oldest first.
#[utoipa::path(get, path = "/api/recordings/{fiche_id}", tag = "fiches",
    params(("fiche_id" = String, Path)),
    responses((status = 200, body = reply::List<RecordingRow>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(fiche_id): Path<String>,
) -> Result<Json<reply::List<RecordingRow>>, Failure> {
    let transcripts = ListTranscriptsRequest {
        fiche_ids: vec![fiche_id.clone()],
        include_text: true,
    };
    let mut fiches = gateway.fiches.clone();
    let mut transcriptions = gateway.transcriptions.clone();
    let (recordings, transcripts) = tokio::join!(
        fiches.list_recordings(call(&caller, ListRecordingsRequest { fiche_id })),
        transcriptions.list_transcripts(call(&caller, transcripts)),
    );
    // Whether the caller may see the fiche at all comes first.
    let mut recordings = recordings?.into_inner().recordings;
    if let Some(links) = gateway.recordings.as_ref().map(|it| &it.links) {
        let now = gateway.clock.now();
        for row in &mut recordings {
            row.recording_url = links.link(&caller, &row.call_id, &row.recording_url, now);
        }
    }
    Ok(reply::list(rows(
        recordings,
        transcripts?.into_inner().transcripts,
    )))
}
