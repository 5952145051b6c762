//! The cached fiches of one day (fiches.md 3.8). Asks the database only.

use super::error::ReadError;
use crate::app::AppState;
use crate::domain::day;
use crate::domain::recording::{StoredRecording, iso};
use crate::store;
use crate::store::list::ListedFiche;
use std::collections::HashMap;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::FicheScope;

/// Lists the fiches in scope, newest row first, each with its recordings.
#[tracing::instrument(name = "rpc.fiche.list_by_date", skip_all, err(level = "debug"))]
pub(super) async fn list_by_date(
    state: &AppState,
    scope: &FicheScope,
    request: &pb::ListByDateRequest,
) -> Result<pb::ListByDateResponse, ReadError> {
    if request.date.is_empty() {
        return Err(ReadError::NO_DATE);
    }
    let day = day::parse(&request.date).ok_or(ReadError::BAD_DATE)?;
    let mut conn = state.db.acquire().await?;
    let fiches = store::list::of_day(&mut conn, day, scope).await?;
    let ids: Vec<i64> = fiches.iter().map(|fiche| fiche.id).collect();
    let mut recordings: HashMap<i64, Vec<StoredRecording>> = HashMap::new();
    for recording in store::recordings::of_fiches(&mut conn, &ids).await? {
        recordings
            .entry(recording.fiche_cache_id)
            .or_default()
            .push(recording);
    }
    let row = |fiche: ListedFiche| {
        let own = recordings.remove(&fiche.id).unwrap_or_default();
        encode(fiche, own)
    };
    Ok(pb::ListByDateResponse {
        fiches: fiches.into_iter().map(row).collect(),
    })
}

fn encode(fiche: ListedFiche, recordings: Vec<StoredRecording>) -> pb::FicheRow {
    let recording = |it: StoredRecording| pb::FicheRowRecording {
        id: it.id.to_string(),
        call_id: it.call_id,
        start_time: it.start_time.map(iso),
        duration_seconds: it.duration_seconds,
    };
    pb::FicheRow {
        fiche_id: fiche.fiche_id,
        groupe: fiche.groupe,
        agence_nom: fiche.agence_nom,
        prospect_nom: fiche.prospect_nom,
        prospect_prenom: fiche.prospect_prenom,
        prospect_email: fiche.prospect_email,
        prospect_tel: fiche.prospect_tel,
        fetched_at: fiche.fetched_at.map(iso),
        created_at: iso(fiche.created_at),
        recordings: recordings.into_iter().map(recording).collect(),
    }
}
