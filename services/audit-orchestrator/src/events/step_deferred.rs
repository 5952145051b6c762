//! `audit/step.deferred`: sends the step again once the provider may be back.

use crate::domain::audit::Phase;
use crate::domain::prices::ModelPrices;
use crate::store::call::{self, CallRows};
use crate::store::{self, audit, rerun};
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
    /// What model calls cost.
    pub prices: ModelPrices,
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
            return again_for_rerun(tx, step, &rerun.rerun_id, *retry_after_ms).await;
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
            return rerun::pay_calls(tx, place, &rerun.rerun_id, calls, &self.prices).await;
        }
        let known = call::known(tx, &[audit]).await?;
        if known.contains(&(audit, position, attempt)) {
            return Ok(());
        }
        let mut rows = CallRows::default();
        rows.push_calls((audit, position, attempt), calls, &self.prices);
        rows.insert(tx).await
    }
}

/// The same for a re-run that still waits; its own deadline decides.
async fn again_for_rerun(
    tx: &mut PgConnection,
    step: &StepAnalyze,
    rerun_id: &str,
    retry_after_ms: i64,
) -> Result<(), Failure> {
    if rerun::wanted(tx, rerun_id).await?.is_none() {
        return Ok(());
    }
    let attempt = step.attempt.saturating_add(1);
    let wait = Duration::from_millis(u64::try_from(retry_after_ms).unwrap_or_default());
    let again = StepAnalyze {
        attempt,
        ..step.clone()
    }
    .message(Lane::Interactive);
    let sending = SENDINGS_FROM.saturating_add(attempt);
    outbox::send_again(tx, &again, sending, Some(wait.min(LONGEST_WAIT))).await?;
    metrics::counter!("audit.rerun.deferred").increment(1);
    Ok(())
}
