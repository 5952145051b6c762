//! Rows of lists of days.

use crate::domain::recording::iso;
use crate::store;
use crate::store::list::ListedFiche;
use crate::store::recordings::ListedCall;
use sqlx::PgConnection;
use vigie_contracts::fiche::v1 as pb;

/// The fiches in their order, each with its calls.
pub(super) async fn with_calls(
    conn: &mut PgConnection,
    fiches: Vec<ListedFiche>,
) -> sqlx::Result<Vec<pb::FicheRow>> {
    let ids: Vec<i64> = fiches.iter().map(|fiche| fiche.id).collect();
    let mut calls = store::recordings::listed(conn, &ids).await?;
    let row = |fiche: ListedFiche| {
        let own = calls.remove(&fiche.id).unwrap_or_default();
        encode(fiche, own)
    };
    Ok(fiches.into_iter().map(row).collect())
}

fn encode(fiche: ListedFiche, calls: Vec<ListedCall>) -> pb::FicheRow {
    let recording = |it: ListedCall| pb::FicheRowRecording {
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
        recordings: calls.into_iter().map(recording).collect(),
    }
}
