//! What the service consumes, one file a message.

mod fiche_fetch_failed;
mod fiche_fetched;
mod recording;
mod transcribe;

pub use fiche_fetch_failed::FailUnfetched;
pub use fiche_fetched::PlanFetched;
pub use recording::TranscribeRecording;
pub use transcribe::StartRun;

use crate::app::AppState;
use crate::config::Concurrency;
use vigie_bus::{BusError, ConsumerOptions, Consumers};
use vigie_events::fiche::{FicheFetchFailed, FicheFetched};
use vigie_events::transcription::{FicheTranscribe, RecordingTranscribe};

/// Tries of handlers that call other services: restarts of a neighbour take their time.
const PATIENT_ATTEMPTS: u32 = 8;

/// Starts every consumer.
pub async fn consume(
    consumers: &mut Consumers,
    state: &AppState,
    concurrency: Concurrency,
) -> Result<(), BusError> {
    let named = |name| ConsumerOptions {
        name,
        max_attempts: PATIENT_ATTEMPTS,
        ..ConsumerOptions::default()
    };
    let transcribe = ConsumerOptions {
        max_ack_pending: concurrency.fiches,
        slots: concurrency.parallelism,
        ..named("transcribe")
    };
    let start = StartRun::new(state.clone());
    consumers
        .worker::<FicheTranscribe, _>(transcribe, start)
        .await?;
    let fetched = PlanFetched::new(state.clone());
    consumers
        .worker::<FicheFetched, _>(named("fiche-fetched"), fetched)
        .await?;
    let failed = FailUnfetched::new(state.workflow.clone());
    consumers
        .handler::<FicheFetchFailed, _>(named("fiche-fetch-failed"), failed)
        .await?;
    let recording = ConsumerOptions {
        max_ack_pending: concurrency.recordings,
        slots: concurrency.parallelism,
        deadline: state.workflow.settings().item_deadline(),
        ..named("recording")
    };
    consumers
        .worker::<RecordingTranscribe, _>(recording, TranscribeRecording::new(state.clone()))
        .await
}
