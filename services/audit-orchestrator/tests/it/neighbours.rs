//! Scripted fiche-cache and transcription: real gRPC servers with one fiche.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status};
use url::Url;
use vigie_audit_orchestrator::neighbours::Neighbours;
use vigie_contracts::fiche::v1::fiche_service_server::{FicheService, FicheServiceServer};
use vigie_contracts::fiche::v1::{
    FicheSummary, GetFicheRequest, GetFicheResponse, GetSummariesRequest, GetSummariesResponse,
    ListByDateRequest, ListByDateResponse, ListRecordingsRequest, ListRecordingsResponse,
    Recording, SearchSalesRequest, SearchSalesResponse,
};
use vigie_contracts::transcription::v1::transcription_service_server::{
    TranscriptionService, TranscriptionServiceServer,
};
use vigie_contracts::transcription::v1::{
    Chunk, FicheTranscript, GetFicheTranscriptsRequest, GetFicheTranscriptsResponse,
    GetStatusRequest, GetStatusResponse, GetTranscriptRequest, GetTranscriptResponse,
    ListTranscriptsRequest, ListTranscriptsResponse, StartRunRequest, StartRunResponse,
};
use vigie_service::{InternalChannel, ServiceName};

/// Every fiche has two recordings; the first `transcribed` of them have transcripts.
#[derive(Clone, Default)]
pub struct Script {
    pub transcribed: Arc<AtomicUsize>,
    /// How summaries fail.
    pub failure: Option<Code>,
}

fn unused<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not part of this test"))
}

#[tonic::async_trait]
impl FicheService for Script {
    async fn get_fiche(
        &self,
        _: Request<GetFicheRequest>,
    ) -> Result<Response<GetFicheResponse>, Status> {
        unused()
    }

    async fn search_sales(
        &self,
        _: Request<SearchSalesRequest>,
    ) -> Result<Response<SearchSalesResponse>, Status> {
        unused()
    }

    async fn list_by_date(
        &self,
        _: Request<ListByDateRequest>,
    ) -> Result<Response<ListByDateResponse>, Status> {
        unused()
    }

    async fn list_recordings(
        &self,
        _: Request<ListRecordingsRequest>,
    ) -> Result<Response<ListRecordingsResponse>, Status> {
        let recording = |n: usize| Recording {
            id: n.to_string(),
            call_id: format!("call-{n}"),
            recording_url: format!("https://audio.exemple.test/{n}.mp3"),
            recording_date: Some("05/01/2026".to_owned()),
            recording_time: Some("10:02".to_owned()),
            start_time: Some(format!("2026-01-05T10:0{n}:00.000Z")),
            duration_seconds: Some(60),
            ..Recording::default()
        };
        Ok(Response::new(ListRecordingsResponse {
            recordings: (0..2).map(recording).collect(),
        }))
    }

    async fn get_summaries(
        &self,
        request: Request<GetSummariesRequest>,
    ) -> Result<Response<GetSummariesResponse>, Status> {
        if let Some(code) = self.failure {
            return Err(Status::new(code, "as the test wants it"));
        }
        let summary = |fiche_id: String| FicheSummary {
            fiche_id,
            fiche_cache_id: Some("5120".to_owned()),
            version: 3,
            groupe: Some("Equipe Ouest".to_owned()),
            prospect_nom: Some("Lenoir".to_owned()),
            prospect_prenom: Some("Alice".to_owned()),
            sales_date: Some("2026-01-05".to_owned()),
            has_recordings: true,
            recordings_count: Some(2),
            ..FicheSummary::default()
        };
        let fiches = request
            .into_inner()
            .fiche_ids
            .into_iter()
            .map(summary)
            .collect();
        Ok(Response::new(GetSummariesResponse {
            fiches,
            refused: Vec::new(),
        }))
    }
}

#[tonic::async_trait]
impl TranscriptionService for Script {
    async fn start_run(
        &self,
        _: Request<StartRunRequest>,
    ) -> Result<Response<StartRunResponse>, Status> {
        unused()
    }

    async fn get_status(
        &self,
        _: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        unused()
    }

    async fn get_transcript(
        &self,
        _: Request<GetTranscriptRequest>,
    ) -> Result<Response<GetTranscriptResponse>, Status> {
        unused()
    }

    async fn list_transcripts(
        &self,
        _: Request<ListTranscriptsRequest>,
    ) -> Result<Response<ListTranscriptsResponse>, Status> {
        unused()
    }

    async fn get_fiche_transcripts(
        &self,
        _: Request<GetFicheTranscriptsRequest>,
    ) -> Result<Response<GetFicheTranscriptsResponse>, Status> {
        let chunk = |chunk_index| Chunk {
            chunk_index,
            start_timestamp: 0.0,
            end_timestamp: 30.0,
            message_count: 1,
            speakers: vec!["speaker_0".to_owned()],
            full_text: format!("speaker_0: {}", crate::facts::QUOTE),
        };
        let transcript = |n: usize| FicheTranscript {
            call_id: format!("call-{n}"),
            chunks: (0..2).map(chunk).collect(),
            text: None,
            diarization: "provider".to_owned(),
        };
        let count = self.transcribed.load(Ordering::SeqCst);
        let transcripts = (0..count).map(transcript).collect();
        Ok(Response::new(GetFicheTranscriptsResponse { transcripts }))
    }
}

/// Serves the script until the test ends.
pub async fn serve(script: Script, tasks: &TaskTracker) -> Neighbours {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address: SocketAddr = listener.local_addr().unwrap();
    let server = Server::builder()
        .add_service(FicheServiceServer::new(script.clone()))
        .add_service(TranscriptionServiceServer::new(script))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn(server);
    let url: Url = format!("http://{address}").parse().unwrap();
    let channel = |service| InternalChannel::anonymous(service, &url).unwrap();
    Neighbours::new(
        channel(ServiceName::FicheCache),
        channel(ServiceName::Transcription),
    )
}
