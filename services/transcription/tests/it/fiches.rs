//! A scripted fiche cache: a real gRPC server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tokio_util::task::TaskTracker;
use tonic::transport::Server;
use tonic::{Request, Response, Status};
use url::Url;
use vigie_contracts::fiche::v1::fiche_service_server::{FicheService, FicheServiceServer};
use vigie_contracts::fiche::v1::{
    FicheSummary, GetFicheRequest, GetFicheResponse, GetSummariesRequest, GetSummariesResponse,
    ListByDateRequest, ListByDateResponse, ListRecordingsRequest, ListRecordingsResponse,
    Recording, SearchSalesRequest, SearchSalesResponse,
};
use vigie_service::{InternalChannel, ServiceName};
use vigie_transcription::neighbours::Fiches;

/// Recordings by fiche; fiches named `refused-…`, or `666` and digits, are out of everybody's scope.
#[derive(Clone, Default)]
pub struct Script {
    recordings: Arc<Mutex<HashMap<String, Vec<Recording>>>>,
}

fn unused<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not part of this test"))
}

impl Script {
    /// Gives a fiche these recordings, each a call id and an address.
    pub fn set(&self, fiche: &str, recordings: &[(&str, String)]) {
        let recordings = recordings
            .iter()
            .zip(1..)
            .map(|((call_id, url), place)| Recording {
                id: format!("{place}"),
                fiche_cache_id: "5120".to_owned(),
                call_id: (*call_id).to_owned(),
                recording_url: url.clone(),
                recording_date: Some("05/01/2026".to_owned()),
                recording_time: Some("10:02".to_owned()),
                duration_seconds: Some(60),
                ..Recording::default()
            })
            .collect();
        let mut all = self.recordings.lock().unwrap();
        all.insert(fiche.to_owned(), recordings);
    }

    fn of(&self, fiche: &str) -> Option<Vec<Recording>> {
        self.recordings.lock().unwrap().get(fiche).cloned()
    }
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
        request: Request<ListRecordingsRequest>,
    ) -> Result<Response<ListRecordingsResponse>, Status> {
        let fiche = request.into_inner().fiche_id;
        match self.of(&fiche) {
            Some(recordings) => Ok(Response::new(ListRecordingsResponse { recordings })),
            None => Err(Status::not_found("not cached")),
        }
    }

    async fn get_summaries(
        &self,
        request: Request<GetSummariesRequest>,
    ) -> Result<Response<GetSummariesResponse>, Status> {
        let request = request.into_inner();
        let known = ["transcriptions", "fiches", "recordings"];
        assert!(known.contains(&request.permission.as_str()));
        let mut answer = GetSummariesResponse::default();
        for fiche_id in request.fiche_ids {
            if fiche_id.starts_with("refused-") || fiche_id.starts_with("666") {
                answer.refused.push(fiche_id);
            } else if self.of(&fiche_id).is_some() {
                answer.fiches.push(FicheSummary {
                    fiche_id,
                    ..FicheSummary::default()
                });
            }
        }
        Ok(Response::new(answer))
    }
}

/// Serves the script until the test ends.
pub async fn serve(script: Script, tasks: &TaskTracker) -> Fiches {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = Server::builder()
        .add_service(FicheServiceServer::new(script))
        .serve_with_incoming(TcpListenerStream::new(listener));
    tasks.spawn(server);
    let url: Url = format!("http://{address}").parse().unwrap();
    Fiches::new(InternalChannel::anonymous(ServiceName::FicheCache, &url).unwrap())
}
