//! `ListFicheStatuses`: the audits of many fiches, for status pages (`fiches.md` 3.3).

use crate::app::AppState;
use crate::rpc::{encode, internal};
use crate::store;
use tonic::Status;
use vigie_contracts::audit::v1::{ListFicheStatusesRequest, ListFicheStatusesResponse};
use vigie_identity::{Caller, Guard, ServiceName};

/// Status pages are pages of fiches: their permission decides.
const GUARD: Guard = Guard::parse("fiches.read");

/// The latest audits of fiches in the caller's scope, newest first.
pub async fn list_fiche_statuses(
    state: &AppState,
    caller: &Caller,
    request: &ListFicheStatusesRequest,
) -> Result<ListFicheStatusesResponse, Status> {
    caller.require_service(&[ServiceName::Gateway])?;
    let scope = caller.require(GUARD)?;
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let rows = store::list::of_fiches(&mut conn, &request.fiche_ids, &scope).await;
    let audits = rows
        .map_err(internal)?
        .into_iter()
        .map(encode::fiche_audit)
        .collect();
    Ok(ListFicheStatusesResponse { audits })
}
