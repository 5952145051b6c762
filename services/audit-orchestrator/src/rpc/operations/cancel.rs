//! `CancelAudit` (`audits.md` 6.1): ends an open audit. Results that still arrive are dropped, their
//! model calls counted.

use super::user_of;
use crate::app::AppState;
use crate::rpc::get::{GetAuditError, changed, visible};
use crate::store::audit;
use crate::store::log::{Level, Lines};
use crate::workflow::WorkflowError;
use serde_json::json;
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_events::audit::FailureStage;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.run");

#[derive(Debug, thiserror::Error)]
enum CancelError {
    #[error("Audit is already {0}")]
    Ended(crate::domain::audit::Phase),
    #[error(transparent)]
    Audit(#[from] GetAuditError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl ServiceError for CancelError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ended(_) => ErrorCode::Conflict,
            Self::Audit(error) => error.code(),
            Self::Store(_) | Self::Workflow(_) => ErrorCode::Internal,
        }
    }
}

/// Ends an open audit in the caller's scope.
pub async fn cancel_audit(
    state: &AppState,
    caller: &Caller,
    request: &pb::CancelAuditRequest,
) -> Result<pb::CancelAuditResponse, Status> {
    let scope = caller.require(GUARD)?;
    let detail = cancel(state, caller, &scope, &request.audit_id).await;
    Ok(pb::CancelAuditResponse {
        detail: Some(detail.map_err(status)?),
    })
}

async fn cancel(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    id: &str,
) -> Result<pb::GetAuditResponse, CancelError> {
    let mut tx = state.db.begin().await?;
    let (id, _) = visible(&mut tx, scope, id).await?;
    let audit = audit::lock_one(&mut tx, id).await?;
    let audit = audit.ok_or(GetAuditError::NotFound)?;
    if audit.phase.is_final() {
        return Err(CancelError::Ended(audit.phase));
    }
    let stage = FailureStage::Cancelled;
    let workflow = &state.workflow;
    let mut log = Lines::new(workflow.settings().log);
    let by = json!({"by_user_id": user_of(caller)});
    log.add(&audit, Level::Info, "cancel", "Cancelled", by);
    log.insert(&mut tx).await?;
    workflow
        .fail_now(&mut tx, &audit, stage, "Audit cancelled")
        .await?;
    let detail = changed(&mut tx, id).await?;
    tx.commit().await?;
    Ok(detail)
}
