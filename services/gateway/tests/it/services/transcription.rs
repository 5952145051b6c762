use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_service_server::TranscriptionService;

#[async_trait]
impl TranscriptionService for Service {
    async fn start_run(
        &self,
        request: Request<pb::StartRunRequest>,
    ) -> Result<Response<pb::StartRunResponse>, Status> {
        self.0.enter("StartRun", &request)?;
        Ok(Response::new(pb::StartRunResponse {
            fiche_id: request.into_inner().fiche_id,
            event_id: "e".to_owned(),
            run_id: "r".to_owned(),
            state: "started".to_owned(),
        }))
    }

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        self.0.enter("GetStatus", &request)?;
        Ok(Response::new(pb::GetStatusResponse {
            fiche_id: request.into_inner().fiche_id,
            ..pb::GetStatusResponse::default()
        }))
    }

    async fn get_transcript(
        &self,
        request: Request<pb::GetTranscriptRequest>,
    ) -> Result<Response<pb::GetTranscriptResponse>, Status> {
        self.0.enter("GetTranscript", &request)?;
        let request = request.into_inner();
        let words = request.include_words.then(pb::Word::default);
        Ok(Response::new(pb::GetTranscriptResponse {
            call_id: request.call_id,
            transcription: Some(pb::TranscriptText {
                words: words.into_iter().collect(),
                ..pb::TranscriptText::default()
            }),
            ..pb::GetTranscriptResponse::default()
        }))
    }

    async fn list_transcripts(
        &self,
        request: Request<pb::ListTranscriptsRequest>,
    ) -> Result<Response<pb::ListTranscriptsResponse>, Status> {
        self.0.enter("ListTranscripts", &request)?;
        let transcript = pb::TranscriptSummary {
            fiche_id: "44".to_owned(),
            call_id: "a".to_owned(),
            transcription_text: Some("Bonjour".to_owned()),
            transcribed_at: "2026-01-14T12:00:00.000Z".to_owned(),
            ..pb::TranscriptSummary::default()
        };
        Ok(Response::new(pb::ListTranscriptsResponse {
            transcripts: vec![transcript],
        }))
    }

    async fn get_fiche_transcripts(
        &self,
        _request: Request<pb::GetFicheTranscriptsRequest>,
    ) -> Result<Response<pb::GetFicheTranscriptsResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }
}
