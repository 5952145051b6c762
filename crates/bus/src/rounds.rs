//! The rounds of a service's own sweeper: what looks for lost work and passed deadlines.

use crate::{Bus, BusError};
use chrono::{DateTime, Utc};
use std::fmt::Display;
use std::future::Future;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

impl Bus {
    /// Calls `round` after each `pause`, lengthened by up to a fifth so that replicas don't sweep in
    /// step, until `stop`. It is told when the stream of commands was created: those sent before are
    /// lost. `None` when the broker does not say: nothing is known to be lost then. A failed round is
    /// logged; the next one tries again.
    pub async fn rounds<T, E: Display, F: Future<Output = Result<T, E>>>(
        &self,
        pause: Duration,
        stop: &CancellationToken,
        round: impl Fn(Option<DateTime<Utc>>) -> F,
    ) {
        loop {
            let pause = pause.mul_f64(1.0 + rand::random::<f64>() / 5.0);
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
            let created = self.work_stream_created().await;
            let created = created.inspect_err(|error: &BusError| {
                tracing::warn!(%error, "age of the work stream is unknown");
            });
            if let Err(error) = round(created.ok()).await {
                tracing::error!(error = format!("{error:#}"), "sweep failed");
            }
        }
    }
}
