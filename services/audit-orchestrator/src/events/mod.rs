//! What the service consumes, one file a message.

mod batch;
mod fiche_fetch_failed;
mod fiche_fetched;
mod fiche_summary_updated;
mod fiche_transcribed;
mod rerun;
mod run;
mod step_analyzed;
mod step_deferred;

pub use batch::StartBatch;
pub use fiche_fetch_failed::FailUnfetched;
pub use fiche_fetched::UseFiche;
pub use fiche_summary_updated::ProjectFiche;
pub use fiche_transcribed::UseTranscripts;
pub use rerun::StartRerun;
pub use run::StartAudit;
pub use step_analyzed::RecordSteps;
pub use step_deferred::SendLater;

use crate::app::AppState;
use vigie_bus::{BusError, ConsumerOptions, Consumers};
use vigie_events::audit::{AuditRun, StepAnalyzed, StepDeferred};
use vigie_events::batch::AuditBatch;
use vigie_events::fiche::{FicheFetchFailed, FicheFetched, FicheSummaryUpdated};
use vigie_events::rerun::{ControlPointRerun, StepRerun};
use vigie_events::transcription::FicheTranscribed;

/// Tries of handlers that call other services: restarts of a neighbour take their time.
const PATIENT_ATTEMPTS: u32 = 8;

/// Starts every consumer.
pub async fn consume(
    consumers: &mut Consumers,
    state: &AppState,
    run_concurrency: i64,
) -> Result<(), BusError> {
    let workflow = state.workflow.clone();
    let named = |name| ConsumerOptions {
        name,
        slots: 2,
        ..ConsumerOptions::default()
    };
    let run = ConsumerOptions {
        max_ack_pending: run_concurrency,
        ..named("run")
    };
    consumers
        .handler::<AuditRun, _>(
            run,
            StartAudit {
                workflow: workflow.clone(),
            },
        )
        .await?;
    let start_batch = StartBatch {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<AuditBatch, _>(named("batch"), start_batch)
        .await?;
    let patient = |name, slots| ConsumerOptions {
        slots,
        max_attempts: PATIENT_ATTEMPTS,
        ..named(name)
    };
    let use_fiche = UseFiche {
        state: state.clone(),
    };
    consumers
        .worker::<FicheFetched, _>(patient("fiche-fetched", 4), use_fiche)
        .await?;
    let fail = FailUnfetched {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<FicheFetchFailed, _>(named("fiche-fetch-failed"), fail)
        .await?;
    consumers
        .handler::<FicheSummaryUpdated, _>(named("fiche-summary"), ProjectFiche)
        .await?;
    let use_transcripts = UseTranscripts {
        state: state.clone(),
    };
    consumers
        .worker::<FicheTranscribed, _>(patient("fiche-transcribed", 2), use_transcripts)
        .await?;
    let steps = ConsumerOptions {
        max_ack_pending: 2048,
        // One at a time: two batches share audits and would wait for each other's locks.
        slots: 1,
        batch: 256,
        ..named("step-analyzed")
    };
    let rerun = StartRerun {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<StepRerun, _>(named("step-rerun"), rerun.clone())
        .await?;
    consumers
        .handler::<ControlPointRerun, _>(named("point-rerun"), rerun)
        .await?;
    let later = SendLater {
        workflow: workflow.clone(),
    };
    let record = RecordSteps { workflow };
    consumers.batch::<StepAnalyzed, _>(steps, record).await?;
    consumers
        .handler::<StepDeferred, _>(named("step-deferred"), later)
        .await
}
