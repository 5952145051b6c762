//! `audit/step.deferred`: sends the step again once the provider may be back.

use crate::domain::audit::Phase;
use crate::store::{self, audit};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::{Delivery, Failure, Handler, outbox};
use vigie_events::audit::{StepAnalyze, StepDeferred};

/// Sendings after a deferral are numbered from here, the watchdog's from 1: neither is mistaken by
/// the broker for a double of the other.
const SENDINGS_FROM: u32 = 1_000_000;

/// The longest wait: the audit's deadline decides, not the provider.
const LONGEST_WAIT: Duration = Duration::from_secs(15 * 60);

/// The handler.
#[derive(Debug, Clone, Copy)]
pub struct SendLater;

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
        } = &delivery.body;
        let Some(audit) = audit::lock_one(tx, step.audit_db_id).await? else {
            return Ok(());
        };
        let id = audit.id.get();
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
