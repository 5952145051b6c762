//! The recordings of a cached fiche, oldest first (fiches.md 3.13).

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::recording::{StoredRecording, display, iso};
use crate::store;
use vigie_contracts::fiche::v1 as pb;
use vigie_events::ids::FicheId;
use vigie_identity::FicheScope;

/// Lists them. Who may not see everything is not told whether an unknown fiche exists.
#[tracing::instrument(name = "rpc.fiche.list_recordings", skip_all, fields(fiche.id = request.fiche_id), err(level = "debug"))]
pub(super) async fn list_recordings(
    state: &AppState,
    scope: &FicheScope,
    request: &pb::ListRecordingsRequest,
) -> Result<pb::ListRecordingsResponse, ReadError> {
    let unknown = || {
        if scope.all() {
            ReadError::NotFound(format!("Fiche {} not found in cache", request.fiche_id))
        } else {
            ReadError::Forbidden
        }
    };
    let fiche: FicheId = request.fiche_id.parse().map_err(|_| unknown())?;
    let mut conn = state.db.acquire().await?;
    let found = store::fiche::scoped(&mut conn, fiche.as_str(), scope).await?;
    let found = found.ok_or_else(unknown)?;
    if !found.in_scope {
        return Err(ReadError::Forbidden);
    }
    let recordings = store::recordings::of_fiche(&mut conn, found.summary.id).await?;
    Ok(pb::ListRecordingsResponse {
        recordings: recordings.into_iter().map(encode).collect(),
    })
}

fn encode(recording: StoredRecording) -> pb::Recording {
    pb::Recording {
        id: recording.id.to_string(),
        fiche_cache_id: recording.fiche_cache_id.to_string(),
        call_id: recording.call_id,
        recording_url: recording.recording_url,
        recording_date: recording.recording_date,
        recording_time: recording.recording_time,
        from_number: display(recording.from_number),
        to_number: display(recording.to_number),
        uuid: recording.uuid,
        direction: recording.direction,
        answered: recording.answered,
        start_time: recording.start_time.map(iso),
        duration_seconds: recording.duration_seconds,
        created_at: iso(recording.created_at),
        updated_at: iso(recording.updated_at),
    }
}
