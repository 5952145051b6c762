//! What the service consumes, one file a message.

mod audit_completed;
mod audit_failed;
mod fiche_fetch_failed;
mod fiche_fetched;
mod fiche_transcribed;
mod run;

pub use audit_completed::CloseAudit;
pub use audit_failed::FailAudit;
pub use fiche_fetch_failed::FailFetch;
pub use fiche_fetched::UseFiche;
pub use fiche_transcribed::UseTranscripts;
pub use run::BeginRun;

use crate::app::AppState;
use vigie_bus::{BusError, ConsumerOptions, Consumers};
use vigie_events::audit::{AuditCompleted, AuditFailed};
use vigie_events::automation::AutomationRun;
use vigie_events::automation_request::{AutomationRequest, AutomationStep};
use vigie_events::fiche::{FicheFetchFailed, FicheFetched};
use vigie_events::transcription::FicheTranscribed;

/// Tries of the worker that calls another service: restarts of a neighbour take their time.
const PATIENT_ATTEMPTS: u32 = 8;

/// Starts every consumer.
pub async fn consume(consumers: &mut Consumers, state: &AppState) -> Result<(), BusError> {
    let workflow = state.workflow.clone();
    let named = |name| ConsumerOptions {
        name,
        slots: 2,
        ..ConsumerOptions::default()
    };
    let run = ConsumerOptions {
        max_attempts: PATIENT_ATTEMPTS,
        ..named("run")
    };
    let begin = BeginRun {
        state: state.clone(),
    };
    consumers.worker::<AutomationRun, _>(run, begin).await?;
    let fetched = UseFiche {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<FicheFetched, _>(named("fiche-fetched"), fetched)
        .await?;
    let failed = FailFetch {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<FicheFetchFailed, _>(named("fiche-fetch-failed"), failed)
        .await?;
    let transcribed = UseTranscripts {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<FicheTranscribed, _>(named("fiche-transcribed"), transcribed)
        .await?;
    let completed = CloseAudit {
        workflow: workflow.clone(),
    };
    consumers
        .handler::<AuditCompleted, _>(named("audit-completed"), completed)
        .await?;
    consumers
        .handler::<AuditFailed, _>(named("audit-failed"), FailAudit { workflow })
        .await
}

/// The command of ours that an answer names, when it is of this step.
fn ours(id: &str, step: AutomationStep) -> Option<AutomationRequest> {
    AutomationRequest::parse(id).filter(|request| request.step == step)
}
