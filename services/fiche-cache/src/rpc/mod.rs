//! `vigie.fiche.v1.FicheService`, one file an RPC.

mod accesses;
mod by_date;
pub mod directory;
mod error;
mod get_fiche;
pub mod jobs;
pub mod maintenance;
mod recordings;
mod reseal;
mod rows;
mod search_sales;
mod summaries;
pub mod webhooks;

use crate::app::AppState;
use crate::store::access::Shown;
use accesses::Witness;
use error::ReadError;
use tonic::{Request, Response, Status};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_service_server::{FicheService, FicheServiceServer};
use vigie_identity::{Caller, Guard, ServiceName};
use vigie_service::grpc::{MAX_MESSAGE_BYTES, Origin};

const FICHES_READ: Guard = Guard::parse("fiches.read");
const FICHES_WRITE: Guard = Guard::parse("fiches.write");
const RECORDINGS_READ: Guard = Guard::parse("recordings.read");

/// Services that may read for themselves, without a user behind the call.
const READERS: &[ServiceName] = &[
    ServiceName::Transcription,
    ServiceName::AuditOrchestrator,
    ServiceName::Automation,
];

/// The gRPC service.
pub fn service(state: AppState) -> FicheServiceServer<impl FicheService> {
    FicheServiceServer::new(Rpc { state })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

struct Rpc {
    state: AppState,
}

/// Whether the caller may have addresses of recordings.
fn may_listen(caller: &Caller) -> bool {
    caller
        .principal
        .as_ref()
        .is_none_or(|principal| principal.has(RECORDINGS_READ))
}

#[tonic::async_trait]
impl FicheService for Rpc {
    async fn get_fiche(
        &self,
        request: Request<pb::GetFicheRequest>,
    ) -> Result<Response<pb::GetFicheResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        let mut scopes = vec![caller.require_or_service(FICHES_READ, READERS)?];
        if request.get_ref().refresh {
            scopes.push(caller.require_or_service(FICHES_WRITE, READERS)?);
        }
        let reader = get_fiche::Reader {
            scopes,
            recording_urls: may_listen(caller),
        };
        let witness = Witness::of(caller, Origin::of(&request));
        let answer = async {
            let answer = get_fiche::get_fiche(&self.state, &reader, request.get_ref()).await?;
            let fiche = &request.get_ref().fiche_id;
            witness.note(&self.state, fiche, Shown::Details).await?;
            Ok(answer)
        };
        answer
            .await
            .map_err(|error: ReadError| vigie_service::status(error))
            .map(Response::new)
    }

    async fn search_sales(
        &self,
        request: Request<pb::SearchSalesRequest>,
    ) -> Result<Response<pb::SearchSalesResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        let scope = caller.require_or_service(FICHES_READ, READERS)?;
        search_sales::search_sales(&self.state, &scope, may_listen(caller), request.get_ref())
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn list_by_date(
        &self,
        request: Request<pb::ListByDateRequest>,
    ) -> Result<Response<pb::ListByDateResponse>, Status> {
        let scope = Caller::from_request(&request)?.require_or_service(FICHES_READ, READERS)?;
        by_date::list_by_date(&self.state, &scope, request.get_ref())
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn list_recordings(
        &self,
        request: Request<pb::ListRecordingsRequest>,
    ) -> Result<Response<pb::ListRecordingsResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        let scope = caller.require_or_service(RECORDINGS_READ, READERS)?;
        let witness = Witness::of(caller, Origin::of(&request));
        let answer = async {
            let request = request.get_ref();
            let answer = recordings::list_recordings(&self.state, &scope, request).await?;
            let fiche = &request.fiche_id;
            witness.note(&self.state, fiche, Shown::Recordings).await?;
            Ok(answer)
        };
        answer
            .await
            .map_err(|error: ReadError| vigie_service::status(error))
            .map(Response::new)
    }

    async fn get_summaries(
        &self,
        request: Request<pb::GetSummariesRequest>,
    ) -> Result<Response<pb::GetSummariesResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let request = request.into_inner();
        let guard = summaries::guard(&request).map_err(vigie_service::status)?;
        let scope = caller.require_or_service(guard, READERS)?;
        summaries::get_summaries(&self.state, &scope, request)
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }
}
