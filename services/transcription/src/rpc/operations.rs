//! `vigie.transcription.v1.TranscriptionOperationsService`: batches and logs.

use super::{READ, RpcError, WRITE, list_logs, start_batch};
use crate::app::AppState;
use crate::neighbours::Seen;
use tonic::{Request, Response, Status};
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_operations_service_server::{
    TranscriptionOperationsService, TranscriptionOperationsServiceServer,
};
use vigie_events::ids::FicheId;
use vigie_identity::{Caller, FicheScope};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

/// The gRPC service.
pub fn operations(state: AppState) -> TranscriptionOperationsServiceServer<OperationsRpc> {
    TranscriptionOperationsServiceServer::new(OperationsRpc::new(state))
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Decodes calls and hands them to their operation.
pub struct OperationsRpc(AppState);

impl OperationsRpc {
    /// Over these parts.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl TranscriptionOperationsService for OperationsRpc {
    async fn start_batch(
        &self,
        request: Request<pb::StartBatchRequest>,
    ) -> Result<Response<pb::StartBatchResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let scope = caller.require(WRITE)?;
        start_batch::start_batch(&self.0, &caller, &scope, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_batch(
        &self,
        request: Request<pb::GetBatchRequest>,
    ) -> Result<Response<pb::GetBatchResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let scope = caller.require(READ)?;
        let id = request.into_inner().batch_id;
        start_batch::get_batch(&self.0, &caller, &scope, &id)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn list_logs(
        &self,
        request: Request<pb::ListLogsRequest>,
    ) -> Result<Response<pb::ListLogsResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let scope = caller.require(READ)?;
        let request = request.into_inner();
        let listed = async {
            let fiche = request.fiche_id.parse();
            let fiche: FicheId = fiche.map_err(|_| RpcError::InvalidFiche)?;
            visible(&self.0, &caller, &scope, &fiche).await?;
            list_logs::list_logs(&self.0, &fiche, request).await
        };
        listed.await.map_err(status).map(Response::new)
    }
}

/// Who sees everything also reads of fiches that turned out not to exist.
async fn visible(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    fiche: &FicheId,
) -> Result<(), RpcError> {
    if scope.all() {
        return Ok(());
    }
    match state.fiches.see(caller, fiche, false).await? {
        Seen::InScope => Ok(()),
        Seen::Refused | Seen::Unknown => Err(RpcError::Forbidden),
    }
}
