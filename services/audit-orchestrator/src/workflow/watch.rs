//! What the watchdog does about an open audit (`audits.md` 2.10).

use super::analyze::step_message;
use super::{Answers, Workflow, WorkflowError};
use crate::domain::answer::Answer;
use crate::domain::audit::{Audit, Phase};
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::HashSet;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::audit::{AuditRun, FailureStage};
use vigie_events::fiche::FicheFetch;
use vigie_events::transcription::FicheTranscribe;

/// Error of steps that are missing when the deadline passes.
const TOO_LATE: &str = "deadline passed";

/// Attempts of re-sent steps are this far apart, so that their deferrals have ids of their own.
const ATTEMPTS_APART: u32 = 1000;

impl Workflow {
    /// Ends an audit whose deadline has passed: with what it has, or as failed.
    pub async fn overdue(&self, tx: &mut PgConnection, audit: &Audit) -> Result<(), WorkflowError> {
        if audit.phase == Phase::Analyzing {
            let Some(answered) = self.answered(tx, audit).await? else {
                return self.unreadable(tx, audit).await;
            };
            if answered.any_real {
                let missing = answered.missing.iter();
                let answers = missing
                    .map(|&position| Answer::missing(position, TOO_LATE, self.nobody()))
                    .collect();
                return self.record(tx, Answers::from([(audit.id, answers)])).await;
            }
        }
        let error = "Audit deadline passed before any step was analysed";
        self.fail_now(tx, audit, FailureStage::WatchdogTimeout, error)
            .await
    }

    /// Ends an audit whose steps are all stored.
    pub async fn complete_again(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
    ) -> Result<(), WorkflowError> {
        if self.answered(tx, audit).await?.is_none() {
            return self.unreadable(tx, audit).await;
        }
        self.record(tx, Answers::from([(audit.id, Vec::new())]))
            .await
    }

    /// Ends an analyzing audit whose frozen context is gone or cannot be read: nothing can judge it.
    pub(super) async fn unreadable(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
    ) -> Result<(), WorkflowError> {
        let error = "What the audit is judged by cannot be read";
        self.fail_now(tx, audit, FailureStage::FinalizationError, error)
            .await
    }

    /// Sends once more what an audit waits for.
    pub async fn send_again(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
    ) -> Result<(), WorkflowError> {
        let sending = u32::try_from(audit.sends).unwrap_or(1).max(1);
        match audit.phase {
            Phase::Queued => outbox::send_again(tx, &run_message(audit), sending, None).await?,
            Phase::Fetching => {
                // A new id: under the old one the answer would not be given twice.
                let ask = FicheFetch::for_audit(audit.id, audit.fiche.clone(), audit.lane);
                outbox::send(
                    tx,
                    &Message {
                        id: ask.id.again(sending),
                        ..ask
                    },
                )
                .await?;
            }
            Phase::Transcribing => {
                let ask = FicheTranscribe::for_audit(audit.id, audit.fiche.clone(), audit.lane);
                outbox::send(
                    tx,
                    &Message {
                        id: ask.id.again(sending),
                        ..ask
                    },
                )
                .await?;
            }
            Phase::Analyzing => {
                let Some(answered) = self.answered(tx, audit).await? else {
                    return self.unreadable(tx, audit).await;
                };
                let attempt = sending.saturating_mul(ATTEMPTS_APART) + 1;
                let steps = answered.awaited.into_iter();
                let steps: Vec<_> = steps
                    .map(|position| step_message(audit, position, attempt))
                    .collect();
                outbox::send_all_again(tx, &steps, sending).await?;
            }
            Phase::Completed | Phase::Failed => return Ok(()),
        }
        store::audit::sent_again(tx, audit.id).await?;
        let mut log = Lines::new(self.settings.log);
        let data = json!({"phase": audit.phase.as_str(), "sending": sending.saturating_add(1)});
        let message = "Answer is late, asked again";
        log.add(audit, Level::Warning, audit.phase.as_str(), message, data);
        log.insert(tx).await?;
        Ok(())
    }

    /// Which steps are in; `None` when the stored context is missing or cannot be read.
    async fn answered(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
    ) -> sqlx::Result<Option<Answered>> {
        let id = audit.id.get();
        let mut stored = store::step::stored(tx, &[id], self.settings.evidence.gating).await?;
        let stored = stored.remove(&id).unwrap_or_default();
        let positions = match self.contexts.of(tx, &[id]).await {
            Ok(contexts) => contexts.get(&id).map(|context| context.positions.clone()),
            Err(error @ sqlx::Error::Decode(_)) => {
                tracing::error!(audit.id = id, %error, "stored context cannot be read");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(positions) = positions else {
            tracing::error!(audit.id = id, "stored context is missing");
            return Ok(None);
        };
        let done: HashSet<i32> = stored.iter().map(|step| step.facts.position).collect();
        let sent = self.settings.window.sent(positions.len(), done.len());
        let open = |position: &i32| !done.contains(position);
        Ok(Some(Answered {
            any_real: stored.iter().any(|step| !step.facts.is_fallback),
            awaited: positions.iter().take(sent).copied().filter(open).collect(),
            missing: positions.iter().copied().filter(open).collect(),
        }))
    }
}

/// Which steps of an audit are in.
struct Answered {
    /// Whether one was really analysed.
    any_real: bool,
    /// Sent, without a result.
    awaited: Vec<i32>,
    /// Without a result.
    missing: Vec<i32>,
}

/// The command of an audit, as its row tells it.
fn run_message(audit: &Audit) -> Message<AuditRun> {
    let run = AuditRun {
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        user_id: audit.trigger_user.clone(),
        automation_schedule_id: audit.schedule,
        automation_run_id: audit.automation_run,
        trigger_source: audit.trigger_source.clone(),
        use_rlm: Some(audit.use_rlm),
        audit_db_id: Some(audit.id),
        batch_id: audit.batch.clone(),
    };
    run.message(&audit.tracking, audit.lane)
}
