//! `GetAuditContext` and `GetStepState`: what step-analyzer asks.

use crate::app::AppState;
use crate::rpc::internal;
use crate::store::{context, lease};
use std::time::Duration;
use tonic::Status;
use vigie_contracts::audit::v1::{
    GetAuditContextRequest, GetAuditContextResponse, GetStepStateRequest, GetStepStateResponse,
};
use vigie_events::ids::AuditId;
use vigie_identity::{Caller, ServiceName};
use vigie_service::{ErrorCode, ServiceError, status};

/// Why there is no context.
#[derive(Debug, thiserror::Error)]
pub enum ContextError {
    /// Not an id.
    #[error("Invalid audit_id")]
    InvalidId,
    /// No such audit, or its analysis has not begun.
    #[error("Audit not found")]
    NotFound,
}

impl ServiceError for ContextError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidId => ErrorCode::Validation,
            Self::NotFound => ErrorCode::NotFound,
        }
    }
}

fn audit_id(text: &str) -> Result<i64, Status> {
    let id: Result<AuditId, _> = text.parse();
    id.map(AuditId::get)
        .map_err(|_| status(ContextError::InvalidId))
}

/// What the steps of one audit are judged by.
pub async fn get_audit_context(
    state: &AppState,
    caller: &Caller,
    request: &GetAuditContextRequest,
) -> Result<GetAuditContextResponse, Status> {
    caller.require_service(&[ServiceName::StepAnalyzer])?;
    let id = audit_id(&request.audit_id)?;
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let context = context::raw(&mut conn, id).await.map_err(internal)?;
    let context = context.ok_or_else(|| status(ContextError::NotFound))?;
    Ok(GetAuditContextResponse {
        config_json: context.config,
        timeline: context.timeline,
        transcript_hash: context.transcript_hash,
        use_rlm: context.use_rlm,
        stored_positions: context.stored,
    })
}

/// Whether a step still needs its result, and whether the asker may pay for it now.
pub async fn get_step_state(
    state: &AppState,
    caller: &Caller,
    request: &GetStepStateRequest,
) -> Result<GetStepStateResponse, Status> {
    caller.require_service(&[ServiceName::StepAnalyzer])?;
    let id = audit_id(&request.audit_id)?;
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let wanted = context::wants(&mut conn, id, request.step_position)
        .await
        .map_err(internal)?;
    let mut held = Duration::ZERO;
    if wanted && let Some(holder) = &request.holder {
        held = lease::take(&mut conn, id, request.step_position, holder)
            .await
            .map_err(internal)?
            .unwrap_or_default();
    }
    Ok(GetStepStateResponse {
        wanted,
        held_for_ms: i64::try_from(held.as_millis()).unwrap_or(i64::MAX),
    })
}
