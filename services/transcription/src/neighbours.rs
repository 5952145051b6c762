//! What transcription asks the fiche cache, over gRPC.

use crate::domain::plan::{Recording, Recordings};
use std::time::Duration;
use tonic::{Code, Request};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_service_client::FicheServiceClient;
use vigie_events::ids::{FicheId, InvalidId};
use vigie_identity::Caller;
use vigie_identity::grpc::with_user;
use vigie_service::InternalChannel;
use vigie_service::grpc::MAX_MESSAGE_BYTES;

/// The permission whose scope decides here.
const OWN: &str = "transcriptions";

/// Bound of a call.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The fiche cache did not answer, or not usefully.
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
    /// A recording has an id that is none.
    #[error(transparent)]
    Id(#[from] InvalidId),
}

/// A fiche in the caller's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Known and in scope.
    InScope,
    /// Known and out of scope.
    Refused,
    /// Not cached.
    Unknown,
}

/// The client.
#[derive(Clone)]
pub struct Fiches(FicheServiceClient<InternalChannel>);

impl Fiches {
    /// A client over this channel.
    pub fn new(channel: InternalChannel) -> Self {
        Self(FicheServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES))
    }

    /// Asks for a fiche with the caller's own token: the fiche cache applies the scope.
    pub async fn see(
        &self,
        caller: &Caller,
        fiche: &FicheId,
        write: bool,
    ) -> Result<Seen, NeighbourError> {
        let answer = self.summaries(caller, std::slice::from_ref(fiche), (OWN, write));
        let answer = answer.await?;
        Ok(if !answer.fiches.is_empty() {
            Seen::InScope
        } else if answer.refused.is_empty() {
            Seen::Unknown
        } else {
            Seen::Refused
        })
    }

    /// Whether the caller may touch all of these fiches; unknown ones are nobody's.
    pub async fn all_in_scope(
        &self,
        caller: &Caller,
        fiches: &[FicheId],
        write: bool,
    ) -> Result<bool, NeighbourError> {
        let answer = self.summaries(caller, fiches, (OWN, write)).await?;
        Ok(answer.refused.is_empty() && answer.fiches.len() == fiches.len())
    }

    /// Those of these fiches that the caller may read under another permission.
    pub async fn readable(
        &self,
        caller: &Caller,
        fiches: &[FicheId],
        permission: &str,
    ) -> Result<Vec<String>, NeighbourError> {
        let answer = self.summaries(caller, fiches, (permission, false)).await?;
        Ok(answer.fiches.into_iter().map(|it| it.fiche_id).collect())
    }

    async fn summaries(
        &self,
        caller: &Caller,
        fiches: &[FicheId],
        (permission, write): (&str, bool),
    ) -> Result<pb::GetSummariesResponse, NeighbourError> {
        let request = bounded(pb::GetSummariesRequest {
            fiche_ids: fiches.iter().map(ToString::to_string).collect(),
            permission: permission.to_owned(),
            write,
            look_up: false,
        });
        let request = with_user(request, caller);
        match self.0.clone().get_summaries(request).await {
            Ok(answer) => Ok(answer.into_inner()),
            Err(status) => Err(NeighbourError::Call {
                call: "GetSummaries",
                status: Box::new(status),
            }),
        }
    }

    /// The recordings of a fiche in start order, as this service; `None` when it is not cached.
    pub async fn recordings(
        &self,
        fiche: &FicheId,
    ) -> Result<Option<Vec<pb::Recording>>, NeighbourError> {
        let request = bounded(pb::ListRecordingsRequest {
            fiche_id: fiche.to_string(),
        });
        match self.0.clone().list_recordings(request).await {
            Ok(answer) => Ok(Some(answer.into_inner().recordings)),
            Err(status) if status.code() == Code::NotFound => Ok(None),
            Err(status) => Err(NeighbourError::Call {
                call: "ListRecordings",
                status: Box::new(status),
            }),
        }
    }

    /// The same, as planning sees it.
    pub async fn plannable(&self, fiche: &FicheId) -> Result<Option<Recordings>, NeighbourError> {
        let Some(found) = self.recordings(fiche).await? else {
            return Ok(None);
        };
        let mut recordings = Recordings::default();
        for recording in found {
            recordings.fiche_cache_id = recording.fiche_cache_id.parse().ok();
            recordings.list.push(Recording {
                call_id: recording.call_id.parse()?,
                has_url: !recording.recording_url.trim().is_empty(),
            });
        }
        Ok(Some(recordings))
    }
}

fn bounded<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(TIMEOUT);
    request
}
