//! `ListByTracking`: how automation finds its audits after a wiped broker.

use crate::app::AppState;
use crate::rpc::internal;
use crate::store;
use tonic::Status;
use vigie_contracts::audit::v1::{ListByTrackingRequest, ListByTrackingResponse, TrackedAudit};
use vigie_identity::{Caller, ServiceName};

/// Audits by tracking id; unknown ones are left out.
pub async fn list_by_tracking(
    state: &AppState,
    caller: &Caller,
    request: &ListByTrackingRequest,
) -> Result<ListByTrackingResponse, Status> {
    caller.require_service(&[ServiceName::Automation])?;
    let mut conn = state.db.acquire().await.map_err(internal)?;
    let rows = store::list::tracked(&mut conn, &request.tracking_ids)
        .await
        .map_err(internal)?;
    let audits = rows.into_iter().map(|row| TrackedAudit {
        tracking_id: row.tracking_id,
        audit_id: row.id.to_string(),
        status: row.status,
        error_message: row.error_message,
    });
    Ok(ListByTrackingResponse {
        audits: audits.collect(),
    })
}
