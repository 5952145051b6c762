//! `transcription/recording.transcribe`: one recording, from its claim to its stored transcript.
//!
//! The transcript is stored as soon as it is there, in a transaction of its own: whatever happens
//! afterwards, the next worker finds it and asks nobody. Settling item and run follows in the
//! transaction of the inbox.

mod claim;
mod request;

use crate::app::AppState;
use crate::store;
use crate::store::call::SpeechCall;
use crate::store::log::Subject;
use crate::workflow::{Settlement, WorkflowError};
use claim::Claim;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::Lane;
use vigie_events::ids::{CallId, FicheId};
use vigie_events::transcription::RecordingTranscribe;

/// When to look again at a recording that is busy.
const BUSY: Duration = Duration::from_secs(2);

/// The worker.
pub struct TranscribeRecording {
    state: AppState,
}

/// A recording that this worker has.
#[derive(Debug, Clone)]
struct Job {
    run_id: Uuid,
    fiche: FicheId,
    call: CallId,
    lane: Lane,
    force: bool,
    lease_no: i32,
}

/// Why a recording waits.
#[derive(Debug, thiserror::Error)]
enum Waiting {
    #[error("the recording, or its fiche, is busy")]
    Busy,
    #[error("the provider's rate is used up")]
    Rate,
    #[error("the lease of the recording is lost")]
    LeaseLost,
}

impl TranscribeRecording {
    /// With these parts.
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }
}

impl Job {
    const fn call_of(&self, attempt: i32) -> SpeechCall<'_> {
        SpeechCall {
            run_id: self.run_id,
            call: &self.call,
            attempt,
        }
    }

    const fn subject(&self) -> Subject<'_> {
        Subject {
            fiche: &self.fiche,
            run_id: self.run_id,
            request_id: None,
        }
    }

    fn failed(&self, class: &str, error: String, request_id: Option<String>) -> Settlement {
        tracing::warn!(run.id = %self.run_id, fiche.id = %self.fiche, call.id = %self.call, class,
            error, "recording not transcribed");
        Settlement::Failed {
            class: class.to_owned(),
            error,
            request_id,
            lease: Some(self.lease_no),
        }
    }
}

fn known_settlement(known: store::transcript::Known, run_id: Uuid) -> Settlement {
    let transcription_id = known.transcription_id;
    if known.run_id == Some(run_id) {
        Settlement::Transcribed {
            transcription_id,
            request_id: None,
        }
    } else {
        Settlement::Cached { transcription_id }
    }
}

impl Worker<RecordingTranscribe> for TranscribeRecording {
    type Output = Option<Settlement>;

    async fn work(
        &self,
        delivery: &Delivery<RecordingTranscribe>,
    ) -> Result<Option<Settlement>, Failure> {
        let job = match self.claim(&delivery.body).await? {
            Claim::Settled => return Ok(None),
            Claim::Busy(wait) => return Err(Failure::defer(Waiting::Busy, wait)),
            Claim::Stored(settlement) => return Ok(Some(settlement)),
            Claim::Mine(job) => job,
        };
        let result = tokio::select! {
            result = self.transcribe(&job, delivery.deadline) => result,
            lost = self.keep_lease(&job) => Err(lost),
        };
        if result.is_err() {
            self.release(&job).await;
        }
        result.map(Some)
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<RecordingTranscribe>,
        settlement: Option<Settlement>,
    ) -> Result<(), Failure> {
        let Some(settlement) = settlement else {
            return Ok(());
        };
        let body = &delivery.body;
        let workflow = &self.state.workflow;
        match workflow
            .settle(tx, body.run_id, &body.call_id, &settlement)
            .await
        {
            // Whoever has it now tells how it ended; this message comes back to see.
            Err(WorkflowError::Stale(stale)) => Err(Failure::defer(stale, BUSY)),
            other => Ok(other?),
        }
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<RecordingTranscribe>,
        reason: &str,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        tracing::error!(run.id = %body.run_id, call.id = %body.call_id, reason, "recording parked");
        let settlement = match store::transcript::find(tx, &body.fiche_id, &body.call_id).await? {
            Some(known) if known.run_id == Some(body.run_id) => {
                known_settlement(known, body.run_id)
            }
            Some(_) | None => Settlement::Failed {
                class: "internal".to_owned(),
                error: "Recording could not be processed".to_owned(),
                request_id: None,
                lease: None,
            },
        };
        self.state
            .workflow
            .settle(tx, body.run_id, &body.call_id, &settlement)
            .await?;
        Ok(())
    }
}
