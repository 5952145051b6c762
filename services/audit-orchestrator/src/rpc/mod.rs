//! `vigie.audit.v1.AuditService`, one file an operation.

pub mod batches;
pub mod catalogue;
mod channel;
mod configs;
mod context;
mod encode;
mod get;
mod list;
pub mod operations;
mod pace;
pub mod projection;
pub mod rescore;
pub mod reviews;
mod run;
mod statuses;
mod tracking;

pub use get::GetAuditError;
pub use list::ListAuditsError;
pub use pace::TooFast;
pub use run::RunAuditError;

use crate::app::AppState;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1::audit_service_server::{AuditService, AuditServiceServer};
use vigie_contracts::audit::v1::{
    CheckChannelRequest, CheckChannelResponse, GetAuditContextRequest, GetAuditContextResponse,
    GetAuditRequest, GetAuditResponse, GetStepStateRequest, GetStepStateResponse,
    ListAuditsRequest, ListAuditsResponse, ListByFicheRequest, ListByFicheResponse,
    ListByTrackingRequest, ListByTrackingResponse, ListConfigsRequest, ListConfigsResponse,
    ListFicheStatusesRequest, ListFicheStatusesResponse, ResolveConfigsRequest,
    ResolveConfigsResponse, RunAuditRequest, RunAuditResponse, RunLatestRequest,
};
use vigie_identity::Caller;
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::{ErrorCode, ServiceError, status};

/// The gRPC service.
pub fn service(state: AppState) -> AuditServiceServer<AuditRpc> {
    AuditServiceServer::new(AuditRpc::new(state)).max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Decodes calls and hands them to their operation.
#[derive(Clone)]
pub struct AuditRpc(AppState);

impl AuditRpc {
    /// The operations over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

/// An operation that can only fail for internal reasons.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Failed(#[from] sqlx::Error);

impl ServiceError for Failed {
    fn code(&self) -> ErrorCode {
        ErrorCode::Internal
    }
}

/// Splits a request into who calls and what is asked.
fn open<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let caller = Caller::from_request(&request)?.clone();
    Ok((caller, request.into_inner()))
}

#[tonic::async_trait]
impl AuditService for AuditRpc {
    async fn run_audit(
        &self,
        request: Request<RunAuditRequest>,
    ) -> Result<Response<RunAuditResponse>, Status> {
        let (caller, request) = open(request)?;
        run::run_audit(&self.0, &caller, request)
            .await
            .map(Response::new)
    }

    async fn run_latest(
        &self,
        request: Request<RunLatestRequest>,
    ) -> Result<Response<RunAuditResponse>, Status> {
        let (caller, request) = open(request)?;
        run::run_latest(&self.0, &caller, request)
            .await
            .map(Response::new)
    }

    async fn list_audits(
        &self,
        request: Request<ListAuditsRequest>,
    ) -> Result<Response<ListAuditsResponse>, Status> {
        let (caller, request) = open(request)?;
        list::list_audits(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn list_by_fiche(
        &self,
        request: Request<ListByFicheRequest>,
    ) -> Result<Response<ListByFicheResponse>, Status> {
        let (caller, request) = open(request)?;
        list::list_by_fiche(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn get_audit(
        &self,
        request: Request<GetAuditRequest>,
    ) -> Result<Response<GetAuditResponse>, Status> {
        let (caller, request) = open(request)?;
        get::get_audit(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn list_fiche_statuses(
        &self,
        request: Request<ListFicheStatusesRequest>,
    ) -> Result<Response<ListFicheStatusesResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = statuses::list_fiche_statuses(&self.0, &caller, &request).await;
        answer.map(Response::new)
    }

    async fn check_channel(
        &self,
        request: Request<CheckChannelRequest>,
    ) -> Result<Response<CheckChannelResponse>, Status> {
        let (caller, request) = open(request)?;
        channel::check_channel(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn list_configs(
        &self,
        request: Request<ListConfigsRequest>,
    ) -> Result<Response<ListConfigsResponse>, Status> {
        let (caller, request) = open(request)?;
        configs::list_configs(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn get_audit_context(
        &self,
        request: Request<GetAuditContextRequest>,
    ) -> Result<Response<GetAuditContextResponse>, Status> {
        let (caller, request) = open(request)?;
        context::get_audit_context(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn get_step_state(
        &self,
        request: Request<GetStepStateRequest>,
    ) -> Result<Response<GetStepStateResponse>, Status> {
        let (caller, request) = open(request)?;
        context::get_step_state(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn list_by_tracking(
        &self,
        request: Request<ListByTrackingRequest>,
    ) -> Result<Response<ListByTrackingResponse>, Status> {
        let (caller, request) = open(request)?;
        tracking::list_by_tracking(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }

    async fn resolve_configs(
        &self,
        request: Request<ResolveConfigsRequest>,
    ) -> Result<Response<ResolveConfigsResponse>, Status> {
        let (caller, request) = open(request)?;
        configs::resolve_configs(&self.0, &caller, &request)
            .await
            .map(Response::new)
    }
}

/// Internal failures of simple reads.
fn internal(error: sqlx::Error) -> Status {
    status(Failed(error))
}
