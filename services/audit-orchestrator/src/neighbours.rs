//! What audits ask other services for, over gRPC.

use crate::domain::material::{BadTimeline, Material};
use crate::store::fiche::Fiche;
use std::collections::HashMap;
use std::time::Duration;
use tonic::Request;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_contracts::fiche::v1::{
    FicheSummary, GetSummariesRequest, ListRecordingsRequest, Recording,
};
use vigie_contracts::transcription::v1::transcription_service_client::TranscriptionServiceClient;
use vigie_contracts::transcription::v1::{FicheTranscript, GetFicheTranscriptsRequest};
use vigie_events::ids::FicheId;
use vigie_identity::Caller;
use vigie_identity::grpc::with_user;
use vigie_scorecard::{Chunk, Diarization, SourceRecording};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::{ErrorCode, InternalChannel, WireError};

/// Bound of a call made while handling a message.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A neighbour did not answer, or not usefully.
#[derive(Debug, thiserror::Error)]
pub enum NeighbourError {
    /// The call failed.
    #[error("{call} failed: {}", status.code())]
    Call {
        /// Which.
        call: &'static str,
        /// How.
        status: Box<tonic::Status>,
    },
    /// The timeline could not be built.
    #[error(transparent)]
    Timeline(#[from] BadTimeline),
}

fn failed(call: &'static str) -> impl Fn(tonic::Status) -> NeighbourError {
    move |status| NeighbourError::Call {
        call,
        status: Box::new(status),
    }
}

/// Clients of the services that audits depend on.
#[derive(Clone)]
pub struct Neighbours {
    fiches: FicheServiceClient<InternalChannel>,
    transcripts: TranscriptionServiceClient<InternalChannel>,
}

/// A fiche in the caller's eyes.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// Known and in scope.
    InScope(Box<Fiche>),
    /// Known and out of scope.
    Refused,
    /// Nobody knows it.
    Unknown,
}

impl Neighbours {
    /// Clients over these channels.
    pub fn new(fiche_cache: InternalChannel, transcription: InternalChannel) -> Self {
        Self {
            fiches: FicheServiceClient::new(fiche_cache)
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
            transcripts: TranscriptionServiceClient::new(transcription)
                .max_decoding_message_size(MAX_MESSAGE_BYTES),
        }
    }

    /// Asks for a fiche with the caller's own token: fiche-cache applies the scope. A look-up at the
    /// CRM that fails leaves the fiche unknown (6.1); only an absent fiche-cache is an error.
    pub async fn see(
        &self,
        caller: &Caller,
        fiche: &FicheId,
        write: bool,
        look_up: bool,
    ) -> Result<Seen, NeighbourError> {
        let request = GetSummariesRequest {
            fiche_ids: vec![fiche.to_string()],
            permission: "audits".to_owned(),
            write,
            look_up,
        };
        let request = with_user(Request::new(request), caller);
        let mut answer = match self.fiches.clone().get_summaries(request).await {
            Ok(answer) => answer.into_inner(),
            // The CRM could not tell whose the fiche is.
            Err(status) if look_up && of_the_crm(&status) => return Ok(Seen::Unknown),
            Err(status) => return Err(failed("GetSummaries")(status)),
        };
        Ok(match answer.fiches.pop() {
            Some(summary) => Seen::InScope(Box::new(fiche_of(summary))),
            None if answer.refused.is_empty() => Seen::Unknown,
            None => Seen::Refused,
        })
    }

    /// Asks for many fiches with the caller's own token: those known and in scope. Looks nothing up
    /// at the CRM.
    pub async fn in_scope(
        &self,
        caller: &Caller,
        fiches: &[FicheId],
        write: bool,
    ) -> Result<Vec<Fiche>, NeighbourError> {
        let request = bounded(GetSummariesRequest {
            fiche_ids: fiches.iter().map(ToString::to_string).collect(),
            permission: "audits".to_owned(),
            write,
            look_up: false,
        });
        let request = with_user(request, caller);
        let answer = self.fiches.clone().get_summaries(request).await;
        let fiches = answer.map_err(failed("GetSummaries"))?.into_inner().fiches;
        Ok(fiches.into_iter().map(fiche_of).collect())
    }

    /// What fiche-cache knows of many fiches, as this service; unknown ones are left out.
    pub async fn summaries(&self, fiche_ids: Vec<String>) -> Result<Vec<Fiche>, NeighbourError> {
        let request = bounded(GetSummariesRequest {
            fiche_ids,
            permission: "audits".to_owned(),
            write: false,
            look_up: false,
        });
        let answer = self.fiches.clone().get_summaries(request).await;
        let fiches = answer.map_err(failed("GetSummaries"))?.into_inner().fiches;
        Ok(fiches.into_iter().map(fiche_of).collect())
    }

    /// Reads the recordings, transcripts and names of a fiche, as this service.
    pub async fn material(
        &self,
        fiche: &FicheId,
    ) -> Result<(Material, Option<Fiche>), NeighbourError> {
        let (recordings, transcripts, summary) = tokio::try_join!(
            self.recordings(fiche),
            self.transcripts(fiche),
            self.summary(fiche)
        )?;
        Ok((Material::of(sources(recordings, transcripts))?, summary))
    }

    async fn recordings(&self, fiche: &FicheId) -> Result<Vec<Recording>, NeighbourError> {
        let request = bounded(ListRecordingsRequest {
            fiche_id: fiche.to_string(),
        });
        let answer = self.fiches.clone().list_recordings(request).await;
        Ok(answer
            .map_err(failed("ListRecordings"))?
            .into_inner()
            .recordings)
    }

    async fn transcripts(&self, fiche: &FicheId) -> Result<Vec<FicheTranscript>, NeighbourError> {
        let request = bounded(GetFicheTranscriptsRequest {
            fiche_id: fiche.to_string(),
        });
        let answer = self
            .transcripts
            .clone()
            .get_fiche_transcripts(request)
            .await;
        Ok(answer
            .map_err(failed("GetFicheTranscripts"))?
            .into_inner()
            .transcripts)
    }

    async fn summary(&self, fiche: &FicheId) -> Result<Option<Fiche>, NeighbourError> {
        let request = bounded(GetSummariesRequest {
            fiche_ids: vec![fiche.to_string()],
            permission: "audits".to_owned(),
            write: false,
            look_up: false,
        });
        let answer = self.fiches.clone().get_summaries(request).await;
        Ok(answer
            .map_err(failed("GetSummaries"))?
            .into_inner()
            .fiches
            .pop()
            .map(fiche_of))
    }
}

/// Whether fiche-cache was there and waited for the CRM in vain.
fn of_the_crm(status: &tonic::Status) -> bool {
    status.code() == tonic::Code::DeadlineExceeded
        || WireError::from(status).code == ErrorCode::ExternalApi
}

fn bounded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(TIMEOUT);
    request
}

fn fiche_of(summary: FicheSummary) -> Fiche {
    let time = |text: Option<String>| text.and_then(|text| text.parse().ok());
    Fiche {
        fiche_id: summary.fiche_id,
        fiche_cache_id: summary.fiche_cache_id.and_then(|id| id.parse().ok()),
        version: summary.version,
        groupe: summary.groupe,
        agence_nom: summary.agence_nom,
        attribution_user_id: summary.attribution_user_id,
        prospect_nom: summary.prospect_nom,
        prospect_prenom: summary.prospect_prenom,
        prospect_email: summary.prospect_email,
        prospect_tel: summary.prospect_tel,
        sales_date: summary.sales_date.and_then(|date| date.parse().ok()),
        has_recordings: summary.has_recordings,
        recordings_count: summary.recordings_count,
        fetched_at: time(summary.fetched_at),
        last_revalidated_at: time(summary.last_revalidated_at),
    }
}

/// Puts recordings and transcripts together by call.
fn sources(recordings: Vec<Recording>, transcripts: Vec<FicheTranscript>) -> Vec<SourceRecording> {
    let mut transcripts: HashMap<String, FicheTranscript> = transcripts
        .into_iter()
        .map(|one| (one.call_id.clone(), one))
        .collect();
    let join = |recording: Recording| {
        let transcript = transcripts.remove(&recording.call_id);
        let has_transcription = transcript.is_some();
        let transcript = transcript.unwrap_or_default();
        SourceRecording {
            // Ids are compared as text: padded, their order is that of the numbers.
            id: format!("{:0>20}", recording.id),
            call_id: recording.call_id,
            start_time: recording.start_time,
            duration_seconds: recording.duration_seconds.map(f64::from),
            recording_url: Some(recording.recording_url),
            recording_date: recording.recording_date,
            recording_time: recording.recording_time,
            from_number: recording.from_number,
            to_number: recording.to_number,
            has_transcription,
            diarization: match transcript.diarization.as_str() {
                "synthetic" => Diarization::Synthetic,
                "none" => Diarization::None,
                _ => Diarization::Provider,
            },
            chunks: transcript.chunks.into_iter().map(chunk).collect(),
            words: Vec::new(),
            text: transcript.text,
        }
    };
    recordings.into_iter().map(join).collect()
}

fn chunk(chunk: vigie_contracts::transcription::v1::Chunk) -> Chunk {
    Chunk {
        chunk_index: chunk.chunk_index,
        start_timestamp: chunk.start_timestamp,
        end_timestamp: chunk.end_timestamp,
        message_count: chunk.message_count,
        speakers: chunk.speakers,
        full_text: chunk.full_text,
    }
}
