//! `GetAudit` (`audits.md` 6.9): one audit with its steps and the latest view.

use crate::app::AppState;
use crate::domain::view;
use crate::rpc::encode::{self, FicheShown};
use crate::store;
use crate::store::list::ListedAudit;
use serde_json::Value;
use sqlx::PgConnection;
use tonic::Status;
use vigie_contracts::audit::v1::{GetAuditRequest, GetAuditResponse};
use vigie_events::ids::AuditId;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.read");

/// Why an audit is not shown.
#[derive(Debug, thiserror::Error)]
pub enum GetAuditError {
    /// Not an id.
    #[error("Invalid audit_id")]
    InvalidId,
    /// No such audit.
    #[error("Audit not found")]
    NotFound,
    /// Out of the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal: a snapshot that is not JSON.
    #[error("stored snapshot cannot be shown")]
    Snapshot(#[from] serde_json::Error),
}

impl ServiceError for GetAuditError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidId => ErrorCode::Validation,
            Self::NotFound => ErrorCode::NotFound,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Store(_) | Self::Snapshot(_) => ErrorCode::Internal,
        }
    }
}

/// One audit with everything about it.
pub async fn get_audit(
    state: &AppState,
    caller: &Caller,
    request: &GetAuditRequest,
) -> Result<GetAuditResponse, Status> {
    let scope = caller.require(GUARD)?;
    show(state, &scope, &request.audit_id).await.map_err(status)
}

async fn show(
    state: &AppState,
    scope: &FicheScope,
    id: &str,
) -> Result<GetAuditResponse, GetAuditError> {
    let mut conn = state.db.acquire().await?;
    let (id, row) = visible(&mut conn, scope, id).await?;
    detail(&mut conn, id, row).await
}

/// An audit of this id in scope: "unknown" and "forbidden" are told apart.
pub async fn visible(
    conn: &mut PgConnection,
    scope: &FicheScope,
    id: &str,
) -> Result<(AuditId, ListedAudit), GetAuditError> {
    let id: AuditId = id.parse().map_err(|_| GetAuditError::InvalidId)?;
    let row = store::list::one(conn, id.get())
        .await?
        .ok_or(GetAuditError::NotFound)?;
    if !scope.allows(row.groupe.as_deref(), row.attribution_user_id.as_deref()) {
        return Err(GetAuditError::Forbidden);
    }
    Ok((id, row))
}

/// An audit after it was changed.
pub async fn changed(
    conn: &mut PgConnection,
    id: AuditId,
) -> Result<GetAuditResponse, GetAuditError> {
    let row = store::list::one(conn, id.get())
        .await?
        .ok_or(GetAuditError::NotFound)?;
    detail(conn, id, row).await
}

async fn detail(
    conn: &mut PgConnection,
    id: AuditId,
    row: ListedAudit,
) -> Result<GetAuditResponse, GetAuditError> {
    let steps = store::view::steps(conn, &[id.get()]).await?;
    let mut viewed = store::view::full(conn, &[id.get()], &steps).await?;
    let viewed = viewed.remove(&id.get()).unwrap_or_default();
    let mut audit = encode::audit(row, FicheShown::Full);
    audit.result_data_json = latest_view(&audit.result_data_json, &viewed)?;
    Ok(GetAuditResponse {
        audit: Some(audit),
        step_results: steps.into_iter().map(encode::step).collect(),
    })
}

/// The stored snapshot with these steps; nothing while there is no snapshot.
pub fn latest_view(snapshot: &str, steps: &[view::ViewedStep]) -> serde_json::Result<String> {
    if snapshot.is_empty() {
        return Ok(String::new());
    }
    let snapshot: Value = serde_json::from_str(snapshot)?;
    Ok(view::latest(snapshot, steps)?.to_string())
}

/// Replaces the snapshots of rows by their latest views.
pub async fn overlay(
    conn: &mut PgConnection,
    audits: &mut [vigie_contracts::audit::v1::AuditRow],
) -> Result<(), GetAuditError> {
    let ids: Vec<i64> = audits
        .iter()
        .filter_map(|audit| audit.id.parse().ok())
        .collect();
    let rows = store::view::steps(conn, &ids).await?;
    let viewed = store::view::full(conn, &ids, &rows).await?;
    for (audit, id) in audits.iter_mut().zip(ids) {
        let steps = viewed.get(&id).map(Vec::as_slice).unwrap_or_default();
        audit.result_data_json = latest_view(&audit.result_data_json, steps)?;
    }
    Ok(())
}
