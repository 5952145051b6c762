//! `vigie.audit.v1.AuditOperationsService`, one file an operation.

mod cancel;
mod change;
mod fiches;
mod group;
mod logs;
mod point;
mod stuck;

use crate::app::AppState;
use crate::rpc::open;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::{
    AuditOperationsService, AuditOperationsServiceServer,
};
use vigie_identity::{Caller, Principal};
use vigie_service::grpc::MAX_MESSAGE_BYTES;

/// The gRPC service.
pub fn service(state: AppState) -> AuditOperationsServiceServer<OperationsRpc> {
    AuditOperationsServiceServer::new(OperationsRpc::new(state))
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// The user who calls; none where it is a machine.
pub(super) fn user_of(caller: &Caller) -> Option<String> {
    let principal = caller.principal.as_deref();
    let user = principal.and_then(Principal::user_id);
    user.map(|user| user.to_string())
}

/// Decodes calls and hands them to their operation.
#[derive(Clone)]
pub struct OperationsRpc(AppState);

impl OperationsRpc {
    /// The operations over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl AuditOperationsService for OperationsRpc {
    async fn group_audits(
        &self,
        request: Request<pb::GroupAuditsRequest>,
    ) -> Result<Response<pb::GroupAuditsResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = group::group_audits(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn group_by_fiches(
        &self,
        request: Request<pb::GroupByFichesRequest>,
    ) -> Result<Response<pb::GroupByFichesResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = fiches::group_by_fiches(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn list_audit_logs(
        &self,
        request: Request<pb::ListAuditLogsRequest>,
    ) -> Result<Response<pb::ListAuditLogsResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = logs::list_audit_logs(&self.0, &caller, request).await;
        answer.map(Response::new)
    }

    async fn update_audit(
        &self,
        request: Request<pb::UpdateAuditRequest>,
    ) -> Result<Response<pb::UpdateAuditResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = change::update_audit(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn cancel_audit(
        &self,
        request: Request<pb::CancelAuditRequest>,
    ) -> Result<Response<pb::CancelAuditResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = cancel::cancel_audit(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn get_control_point(
        &self,
        request: Request<pb::GetControlPointRequest>,
    ) -> Result<Response<pb::GetControlPointResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = point::get_control_point(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn list_stuck(
        &self,
        request: Request<pb::ListStuckRequest>,
    ) -> Result<Response<pb::ListStuckResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = stuck::list_stuck(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }
}
