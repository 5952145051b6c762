//! `UpdateAudit` (`audits.md` 6.11): notes, linkage, deletion and restoring.

use super::user_of;
use crate::app::AppState;
use crate::domain::change::AuditChange;
use crate::domain::input::Refused;
use crate::rpc::get::{GetAuditError, changed, visible};
use crate::store::audit;
use crate::store::change::apply;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_events::ids::AuditId;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{Detail, ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.write");

#[derive(Debug, thiserror::Error)]
enum UpdateError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error(transparent)]
    Audit(#[from] GetAuditError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for UpdateError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused(_) => ErrorCode::Validation,
            Self::Audit(error) => error.code(),
            Self::Store(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Refused(refused) => refused.details(),
            Self::Audit(_) | Self::Store(_) => Vec::new(),
        }
    }
}

/// Changes an audit in the caller's scope.
pub async fn update_audit(
    state: &AppState,
    caller: &Caller,
    request: &pb::UpdateAuditRequest,
) -> Result<pb::UpdateAuditResponse, Status> {
    let scope = caller.require(GUARD)?;
    let detail = update(state, caller, &scope, request)
        .await
        .map_err(status)?;
    Ok(pb::UpdateAuditResponse {
        detail: Some(detail),
    })
}

async fn update(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: &pb::UpdateAuditRequest,
) -> Result<pb::GetAuditResponse, UpdateError> {
    let body = serde_json::from_str(&request.body_json).unwrap_or_default();
    let change = AuditChange::parse(&body)?;
    let mut tx = state.db.begin().await?;
    let (id, _) = visible(&mut tx, scope, &request.audit_id).await?;
    apply(&mut tx, id, &change).await?;
    note(&mut tx, state, caller, id, &change).await?;
    let detail = changed(&mut tx, id).await?;
    tx.commit().await?;
    if let Some(deleted) = change.deleted {
        tracing::info!(audit.id = %id, deleted, "audit deleted or restored");
    }
    Ok(detail)
}

/// Says in the audit's story who changed what.
async fn note(
    tx: &mut PgConnection,
    state: &AppState,
    caller: &Caller,
    id: AuditId,
    change: &AuditChange,
) -> sqlx::Result<()> {
    let fields = change.fields();
    let Some(audit) = audit::lock_one(tx, id)
        .await?
        .filter(|_| !fields.is_empty())
    else {
        return Ok(());
    };
    let message = match change.deleted {
        Some(true) => "Deleted",
        Some(false) => "Restored",
        None => "Changed",
    };
    let mut log = Lines::new(state.workflow.settings().log);
    let data = json!({"by_user_id": user_of(caller), "fields": fields});
    log.add(&audit, Level::Info, "change", message, data);
    log.insert(tx).await
}
