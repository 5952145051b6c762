//! The cached fiches of one day (fiches.md 3.8). Asks the database only.

use super::error::ReadError;
use super::rows;
use crate::app::AppState;
use crate::domain::day;
use crate::store;
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
    Ok(pb::ListByDateResponse {
        fiches: rows::with_calls(&mut conn, fiches).await?,
    })
}
