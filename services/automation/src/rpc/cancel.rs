//! `CancelRun` (B7.6): one transaction, no message to others; what was asked for runs on.

use super::RpcError;
use super::encode::run_message;
use super::runs::{run_id, shown};
use crate::app::AppState;
use crate::domain::access::{Reach, actor};
use vigie_contracts::automation::v1::{CancelRunRequest, CancelRunResponse};
use vigie_identity::Principal;

/// Ends a run within reach.
pub(super) async fn cancel_run(
    state: &AppState,
    principal: &Principal,
    reach: &Reach,
    request: &CancelRunRequest,
) -> Result<CancelRunResponse, RpcError> {
    let id = run_id(&request.run_id)?;
    let mut tx = state.db.begin().await?;
    shown(&mut tx, reach, id).await?;
    if !state
        .workflow
        .cancel(&mut tx, id, &actor(principal))
        .await?
    {
        return Err(RpcError::RunEnded(id));
    }
    let run = shown(&mut tx, reach, id).await?;
    tx.commit().await?;
    Ok(CancelRunResponse {
        run: Some(run_message(run)),
    })
}
