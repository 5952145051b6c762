use super::pump::Pumped;
use crate::{error, store};
use sqlx::PgPool;
use std::time::Duration;
use tokio::time::Instant;

/// Between sweeps, with a jitter of a fifth: replicas don't sweep in step.
const EVERY_MS: std::ops::Range<u64> = 800..1_200;
/// Between looks at the inbox's partitions.
const PARTITIONS_EVERY: Duration = Duration::from_secs(3600);
/// Rows of one statement.
const LIMIT: i64 = 500;

/// The relay's clock: releases rows whose time has come and keeps the inbox's partitions.
#[derive(Debug)]
pub(super) struct Sweeper {
    next: Instant,
    partitions_next: Instant,
    /// Rows released by the last sweep; `None` while commits woke the relay.
    released: Option<u64>,
}

impl Sweeper {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self {
            next: now,
            partitions_next: now,
            released: None,
        }
    }

    pub(super) async fn due(&self) {
        tokio::time::sleep_until(self.next).await;
    }

    pub(super) async fn sweep(&mut self, pool: &PgPool) {
        let now = Instant::now();
        self.next = now + Duration::from_millis(rand::random_range(EVERY_MS));
        self.released = match release(pool).await {
            Ok(released) => Some(released),
            Err(cause) => {
                tracing::warn!(error = %error::chain(&cause), "waiting messages not looked for");
                None
            }
        };
        if self.partitions_next <= now {
            match store::inbox::keep_partitions(pool).await {
                Ok(changed) => {
                    self.partitions_next = now + PARTITIONS_EVERY;
                    tracing::debug!(changed, "inbox partitions kept");
                }
                Err(cause) => {
                    // A lock was busy; the next sweep tries again. A week is made ahead.
                    tracing::warn!(error = %error::chain(&cause), "inbox partitions not kept");
                }
            }
        }
    }

    /// Counts what a sweep found beside the rows it released: left by a replica that died.
    pub(super) fn count(&mut self, pumped: &Pumped) {
        if let Some(released) = self.released.take() {
            let left = (pumped.published as u64).saturating_sub(released);
            if left > 0 {
                metrics::counter!("bus.outbox.swept").increment(left);
            }
        }
    }
}

async fn release(pool: &PgPool) -> sqlx::Result<u64> {
    let mut conn = pool.acquire().await?;
    let released = store::outbox::release(&mut conn, LIMIT).await?;
    if released > 0 {
        metrics::counter!("bus.outbox.released").increment(released);
    }
    Ok(released)
}
