//! Personal data sealed anew after the key has changed, one batch of rows at a time.

use super::maintenance::MaintenanceError;
use crate::app::AppState;
use crate::store;
use vigie_contracts::fiche::v1 as pb;
use vigie_events::ids::FicheId;

const MOST: i32 = 500;

/// What became of a row.
enum Sealed {
    Current,
    Anew,
    /// No key opens what it holds; it stays as it is.
    Unreadable,
}

/// A stop between two rows leaves each of them whole.
#[tracing::instrument(name = "rpc.fiche.reseal", skip_all, err(level = "debug"))]
pub(super) async fn reseal(
    state: &AppState,
    request: &pb::ResealRequest,
) -> Result<pb::ResealResponse, MaintenanceError> {
    if !(1..=MOST).contains(&request.batch) {
        return Err(MaintenanceError::Invalid("batch must be from 1 to 500"));
    }
    if !state.vault.can_seal() {
        return Err(MaintenanceError::NoKey);
    }
    let mut conn = state.db.acquire().await?;
    let limit = i64::from(request.batch);
    let rows = store::reseal::list(&mut conn, request.after_id, limit).await?;
    drop(conn);
    let last = rows.last().map_or(request.after_id, |row| row.id);
    let mut answer = pb::ResealResponse {
        last_id: last.to_string(),
        ..pb::ResealResponse::default()
    };
    for row in rows {
        answer.looked += 1;
        match one(state, &row, request.dry_run).await? {
            Sealed::Current => {}
            Sealed::Anew => answer.resealed += 1,
            Sealed::Unreadable => {
                tracing::warn!(fiche.id = row.fiche_id, "no key opens what is sealed");
                answer.unreadable += 1;
            }
        }
    }
    let mut conn = state.db.acquire().await?;
    answer.remaining = store::reseal::remaining(&mut conn, last).await?;
    Ok(answer)
}

/// One row, under its lock: nobody fetches it meanwhile.
async fn one(
    state: &AppState,
    row: &store::reseal::Row,
    dry_run: bool,
) -> Result<Sealed, MaintenanceError> {
    let Ok(fiche) = row.fiche_id.parse::<FicheId>() else {
        return Ok(Sealed::Current);
    };
    let mut tx = state.db.begin().await?;
    store::fiche::lock(&mut tx, &fiche).await?;
    let mut sections = store::reseal::sensitive(&mut tx, row.id).await?;
    match state.vault.reseal(row.id, &mut sections) {
        Ok(false) => return Ok(Sealed::Current),
        Err(_) => return Ok(Sealed::Unreadable),
        Ok(true) if dry_run => return Ok(Sealed::Anew),
        Ok(true) => {}
    }
    store::reseal::write(&mut tx, row.id, sections).await?;
    tx.commit().await?;
    metrics::counter!("fiche.resealed").increment(1);
    Ok(Sealed::Anew)
}
