//! `vigie.transcription.v1`, one file an operation.

mod error;
mod fiche_transcripts;
mod get_status;
mod get_transcript;
mod list_logs;
mod list_transcripts;
mod operations;
mod start_batch;
mod start_run;

pub use error::RpcError;
pub use operations::{OperationsRpc, operations};

use crate::app::AppState;
use crate::domain::run;
use crate::neighbours::Seen;
use chrono::{DateTime, SecondsFormat, Utc};
use tonic::{Request, Response, Status};
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_service_server::{
    TranscriptionService, TranscriptionServiceServer,
};
use vigie_events::ids::FicheId;
use vigie_events::transcription::Priority;
use vigie_identity::{Caller, Guard, PrincipalKind, ServiceName};
use vigie_scorecard::Chunk;
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

const READ: Guard = Guard::parse("transcriptions.read");
const WRITE: Guard = Guard::parse("transcriptions.write");

/// Services that read transcripts for themselves.
const READERS: &[ServiceName] = &[ServiceName::AuditOrchestrator, ServiceName::Automation];

/// The gRPC service.
pub fn service(state: AppState) -> TranscriptionServiceServer<TranscriptionRpc> {
    TranscriptionServiceServer::new(TranscriptionRpc::new(state))
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Decodes calls and hands them to their operation.
pub struct TranscriptionRpc(AppState);

impl TranscriptionRpc {
    /// Over these parts.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl TranscriptionService for TranscriptionRpc {
    async fn start_run(
        &self,
        request: Request<pb::StartRunRequest>,
    ) -> Result<Response<pb::StartRunResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let scope = caller.require(WRITE)?;
        start_run::start_run(&self.0, &caller, &scope, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let fiche = readable(&self.0, &caller, &request.get_ref().fiche_id).await?;
        get_status::get_status(&self.0, &fiche)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_transcript(
        &self,
        request: Request<pb::GetTranscriptRequest>,
    ) -> Result<Response<pb::GetTranscriptResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        let fiche = readable(&self.0, &caller, &request.get_ref().fiche_id).await?;
        get_transcript::get_transcript(&self.0, &fiche, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn list_transcripts(
        &self,
        request: Request<pb::ListTranscriptsRequest>,
    ) -> Result<Response<pb::ListTranscriptsResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        caller.require_service(&[ServiceName::Gateway])?;
        let pages = list_transcripts::Pages::of(&caller)?;
        list_transcripts::list_transcripts(&self.0, &caller, &pages, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_fiche_transcripts(
        &self,
        request: Request<pb::GetFicheTranscriptsRequest>,
    ) -> Result<Response<pb::GetFicheTranscriptsResponse>, Status> {
        Caller::from_request(&request)?.require_service(READERS)?;
        fiche_transcripts::get_fiche_transcripts(&self.0, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }
}

/// The fiche, if the caller may read its transcripts (A10).
async fn readable(state: &AppState, caller: &Caller, fiche: &str) -> Result<FicheId, Status> {
    let scope = caller.require(READ)?;
    let seen = async {
        let fiche: FicheId = fiche.parse().map_err(|_| RpcError::InvalidFiche)?;
        let seen = state.fiches.see(caller, &fiche, false).await?;
        Ok((fiche, seen))
    };
    let (fiche, seen) = seen.await.map_err(|error: RpcError| status(error))?;
    match seen {
        Seen::InScope => Ok(fiche),
        Seen::Unknown if scope.all() => Err(status(RpcError::UnknownFiche(fiche))),
        Seen::Refused | Seen::Unknown => Err(status(RpcError::Forbidden)),
    }
}

/// The caller, as records name it.
fn who(caller: &Caller) -> String {
    match caller.principal.as_deref().map(|principal| &principal.kind) {
        Some(PrincipalKind::User(id)) => format!("user-{id}"),
        Some(PrincipalKind::Machine(name)) => format!("machine-{name}"),
        None => String::new(),
    }
}

/// A priority as asked; `normal` where there is none.
fn asked_priority(text: &str) -> Result<Priority, RpcError> {
    match text.trim() {
        "" => Ok(Priority::Normal),
        word => run::priority(word).map_err(|_| RpcError::InvalidPriority),
    }
}

/// ISO-8601 UTC with milliseconds.
fn iso(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

fn chunk(chunk: Chunk) -> pb::Chunk {
    pb::Chunk {
        chunk_index: chunk.chunk_index,
        start_timestamp: chunk.start_timestamp,
        end_timestamp: chunk.end_timestamp,
        message_count: chunk.message_count,
        speakers: chunk.speakers,
        full_text: chunk.full_text,
    }
}
