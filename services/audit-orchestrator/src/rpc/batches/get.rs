use super::{BatchError, owner};
use crate::app::AppState;
use crate::domain::batch::Batch;
use crate::domain::time::iso;
use crate::store::batch::{self, Item};
use sqlx::PgConnection;
use vigie_contracts::audit::v1 as pb;
use vigie_identity::{Caller, FicheScope, Guard};

pub(super) const GUARD: Guard = Guard::parse("audits.read");

/// How far a batch is. Who may not see it learns nothing of it.
pub(super) async fn get_batch(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: &pb::GetBatchRequest,
) -> Result<pb::AuditBatch, BatchError> {
    let owner = owner(caller, scope);
    let mut conn = state.db.acquire().await?;
    let found = batch::find(&mut conn, &request.batch_id, owner.as_deref()).await?;
    let found = found.ok_or(BatchError::NotFound)?;
    if request.without_items {
        return Ok(encode(found, Vec::new()));
    }
    view(&mut conn, found, scope).await
}

/// A batch with its items in scope.
pub(super) async fn view(
    conn: &mut PgConnection,
    batch: Batch,
    scope: &FicheScope,
) -> Result<pb::AuditBatch, BatchError> {
    let items = batch::items(conn, &batch.batch_id, scope).await?;
    Ok(encode(batch, items))
}

fn encode(batch: Batch, items: Vec<Item>) -> pb::AuditBatch {
    let item = |item: Item| pb::AuditBatchItem {
        fiche_id: item.fiche_id,
        tracking_id: item.tracking_id,
        audit_id: item.audit_id.map(|id| id.to_string()),
        status: item.status,
        error: item.error,
    };
    pb::AuditBatch {
        completed: batch.completed(),
        batch_id: batch.batch_id,
        status: batch.status,
        sequence: batch.sequence,
        total: batch.total,
        succeeded: batch.succeeded,
        failed: batch.failed,
        audit_config_id: batch.config.get(),
        started_at: iso(batch.started_at),
        completed_at: batch.completed_at.map(iso),
        items: items.into_iter().map(item).collect(),
    }
}
