//! `audit/step.deferred`: sends the step again once the provider may be back.

use crate::domain::audit::{Audit, Phase};
use crate::store::call::{self, CallRows};
use crate::store::log::{Level, Lines};
use crate::store::{self, audit, rerun};
use crate::workflow::Workflow;
use serde_json::json;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::{Delivery, Failure, Handler, outbox};
use vigie_events::Lane;
use vigie_events::audit::{ModelCall, StepAnalyze, StepDeferred};

/// Sendings after a deferral are numbered from here, the watchdog's from 1: neither is mistaken by
/// the broker for a double of the other.
const SENDINGS_FROM: u32 = 1_000_000;

/// The longest wait: the audit's deadline decides, not the provider.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The handler.
#[derive(Debug, Clone)]
pub struct SendLater {
    /// Knows what model calls cost, and whether stories are written.
    pub workflow: Workflow,
}

impl Handler<StepDeferred> for SendLater {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<StepDeferred>,
    ) -> Result<(), Failure> {
        let StepDeferred {
            step,
            retry_after_ms,
            reason,
            calls,
        } = &delivery.body;
        // Paid for, whether or not anybody still waits for the step.
        self.keep(tx, step, calls).await?;
        let Some(audit) = audit::lock_one(tx, step.audit_db_id).await? else {
            return Ok(());
        };
        let id = audit.id.get();
        if let Some(rerun) = &step.rerun {
            return self
                .again_for_rerun(tx, &audit, &delivery.body, &rerun.rerun_id)
                .await;
        }
        let open = audit.phase == Phase::Analyzing;
        if !open || !store::context::wants(tx, id, step.step_position).await? {
            return Ok(());
        }
        let attempt = step.attempt.saturating_add(1);
        let wait = Duration::from_millis(u64::try_from(*retry_after_ms).unwrap_or_default());
        let again = StepAnalyze {
            attempt,
            ..step.clone()
        }
        .message(audit.lane);
        let sending = SENDINGS_FROM.saturating_add(attempt);
        let wait = wait.min(LONGEST_WAIT);
        outbox::send_again(tx, &again, sending, Some(wait)).await?;
        audit::deferred(tx, audit.id, wait).await?;
        self.note(tx, &audit, &delivery.body).await?;
        metrics::counter!("audit.step.deferred").increment(1);
        tracing::warn!(
            audit.id = id,
            step = step.step_position,
            attempt,
            reason,
            "step deferred"
        );
        Ok(())
    }
}

impl SendLater {
    /// Stores the calls of an attempt once. The twin of a command may have been deferred under the
    /// same attempt, with an id that the inbox knows no more.
    async fn keep(
        &self,
        tx: &mut PgConnection,
        step: &StepAnalyze,
        calls: &[ModelCall],
    ) -> sqlx::Result<()> {
        if calls.is_empty() {
            return Ok(());
        }
        let (audit, position) = (step.audit_db_id.get(), step.step_position);
        let attempt = i32::try_from(step.attempt).unwrap_or(i32::MAX);
        if let Some(rerun) = &step.rerun {
            let place = (audit, position, attempt);
            return rerun::pay_calls(
                tx,
                place,
                &rerun.rerun_id,
                calls,
                &self.workflow.settings().prices,
            )
            .await;
        }
        let known = call::known(tx, &[audit]).await?;
        if known.contains(&(audit, position, attempt)) {
            return Ok(());
        }
        let mut rows = CallRows::default();
        rows.push_calls(
            (audit, position, attempt),
            calls,
            &self.workflow.settings().prices,
        );
        rows.insert(tx).await
    }

    /// Says in the audit's story why a step waits: of the first attempts, then ever more rarely.
    async fn note(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        deferred: &StepDeferred,
    ) -> sqlx::Result<()> {
        let step = &deferred.step;
        if !step.attempt.is_power_of_two() {
            return Ok(());
        }
        let rerun = step.rerun.as_ref().map(|rerun| &rerun.rerun_id);
        let data = json!({"position": step.step_position, "attempt": step.attempt,
            "error": deferred.reason, "retry_after_ms": deferred.retry_after_ms,
            "rerun_id": rerun});
        let mut log = Lines::new(self.workflow.settings().log);
        let name = format!("step-{}", step.step_position);
        log.add(audit, Level::Warning, name, "Step deferred", data);
        log.insert(tx).await
    }

    /// The same for a re-run that still waits; its own deadline decides.
    async fn again_for_rerun(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        deferred: &StepDeferred,
        rerun_id: &str,
    ) -> Result<(), Failure> {
        if rerun::wanted(tx, rerun_id).await?.is_none() {
            return Ok(());
        }
        let step = &deferred.step;
        let attempt = step.attempt.saturating_add(1);
        let wait = u64::try_from(deferred.retry_after_ms).unwrap_or_default();
        let wait = Duration::from_millis(wait).min(LONGEST_WAIT);
        let again = StepAnalyze {
            attempt,
            ..step.clone()
        }
        .message(Lane::Interactive);
        let sending = SENDINGS_FROM.saturating_add(attempt);
        outbox::send_again(tx, &again, sending, Some(wait)).await?;
        self.note(tx, audit, deferred).await?;
        metrics::counter!("audit.rerun.deferred").increment(1);
        Ok(())
    }
}
