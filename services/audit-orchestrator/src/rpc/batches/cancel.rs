use super::get::view;
use super::{BatchError, owner};
use crate::app::AppState;
use crate::store::batch;
use crate::workflow::{BatchEnd, CancelError};
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};

pub(super) const GUARD: Guard = Guard::parse("audits.run");

/// Tries against audits that are created at the same moment: that happens once in a batch's life.
const TRIES: u32 = 3;

/// Cancels the open audits of a batch and ends it. Results that still arrive are dropped, their model
/// calls counted.
pub(super) async fn cancel_batch(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    id: &str,
) -> Result<pb::AuditBatch, BatchError> {
    let owner = owner(caller, scope);
    let mut tries = 1;
    loop {
        match cancel(state, scope, owner.as_deref(), id).await {
            Err(BatchError::Cancel(CancelError::LostRace)) if tries < TRIES => tries += 1,
            other => break other,
        }
    }
}

async fn cancel(
    state: &AppState,
    scope: &FicheScope,
    owner: Option<&str>,
    id: &str,
) -> Result<pb::AuditBatch, BatchError> {
    let mut tx = state.db.begin().await?;
    let found = batch::find(&mut tx, id, owner).await?;
    let found = found.ok_or(BatchError::NotFound)?;
    let end = BatchEnd::Cancelled;
    state.workflow.end_batch(&mut tx, &found, end).await?;
    let ended = batch::find(&mut tx, id, owner).await?;
    let view = view(&mut tx, ended.ok_or(BatchError::NotFound)?, scope).await?;
    tx.commit().await?;
    Ok(view)
}
