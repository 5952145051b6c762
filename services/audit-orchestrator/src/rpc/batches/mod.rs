//! `vigie.audit.v1.BatchService`, one file an operation (`audits.md` 6.7).

mod cancel;
mod error;
mod get;
mod start;

pub use error::BatchError;

use crate::app::AppState;
use crate::rpc::open;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::batch_service_server::{BatchService, BatchServiceServer};
use vigie_identity::{Caller, FicheScope, PrincipalKind};
use vigie_service::status;

/// The gRPC service.
pub fn service(state: AppState) -> BatchServiceServer<BatchesRpc> {
    BatchServiceServer::new(BatchesRpc::new(state))
}

/// Decodes calls and hands them to their operation.
#[derive(Clone)]
pub struct BatchesRpc(AppState);

impl BatchesRpc {
    /// The operations over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

/// The principal that calls, as batches keep it.
fn who(caller: &Caller) -> String {
    match caller.principal.as_deref().map(|principal| &principal.kind) {
        Some(PrincipalKind::User(id)) => format!("user-{id}"),
        Some(PrincipalKind::Machine(name)) => format!("machine-{name}"),
        None => String::new(),
    }
}

/// Whose batches the caller may see; none says anybody's.
fn owner(caller: &Caller, scope: &FicheScope) -> Option<String> {
    (!scope.all()).then(|| who(caller))
}

#[tonic::async_trait]
impl BatchService for BatchesRpc {
    async fn start_batch(
        &self,
        request: Request<pb::StartBatchRequest>,
    ) -> Result<Response<pb::StartBatchResponse>, Status> {
        let (caller, request) = open(request)?;
        let answer = start::start_batch(&self.0, &caller, request).await;
        answer.map(Response::new)
    }

    async fn get_batch(
        &self,
        request: Request<pb::GetBatchRequest>,
    ) -> Result<Response<pb::GetBatchResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(get::GUARD)?;
        let batch = get::get_batch(&self.0, &caller, &scope, &request).await;
        let batch = Some(batch.map_err(status)?);
        Ok(Response::new(pb::GetBatchResponse { batch }))
    }

    async fn cancel_batch(
        &self,
        request: Request<pb::CancelBatchRequest>,
    ) -> Result<Response<pb::CancelBatchResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(cancel::GUARD)?;
        let batch = cancel::cancel_batch(&self.0, &caller, &scope, &request.batch_id).await;
        let batch = Some(batch.map_err(status)?);
        Ok(Response::new(pb::CancelBatchResponse { batch }))
    }
}
