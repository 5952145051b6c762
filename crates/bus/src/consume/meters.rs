use super::lane::LaneRuntime;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Between looks at a queue's depth.
const SAMPLE_EVERY: Duration = Duration::from_secs(10);

/// A consumer's metrics, registered once: looking them up a message would cost more than counting.
pub(super) struct Meters {
    pub handled: Counter,
    pub seen: Counter,
    pub foreign: Counter,
    pub retried: Counter,
    pub deferred: Counter,
    pub parked: Counter,
    pub handed_back: Counter,
    pub retries: Counter,
    pub parks: Counter,
    pub seconds: Histogram,
    pub batch: Histogram,
    pending: Gauge,
    ack_pending: Gauge,
}

impl std::fmt::Debug for Meters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

impl Meters {
    pub(super) fn new(consumer: &str) -> Self {
        let name = || consumer.to_owned();
        let outcome =
            |outcome| counter!("bus.consumed", "consumer" => name(), "outcome" => outcome);
        Self {
            handled: outcome("handled"),
            seen: outcome("seen"),
            foreign: outcome("foreign"),
            retried: outcome("retried"),
            deferred: outcome("deferred"),
            parked: outcome("parked"),
            handed_back: outcome("handed_back"),
            retries: counter!("bus.retries", "consumer" => name()),
            parks: counter!("bus.parked", "consumer" => name()),
            seconds: histogram!("bus.handler.seconds", "consumer" => name()),
            batch: histogram!("bus.batch.size", "consumer" => name()),
            pending: gauge!("bus.queue.pending", "consumer" => name()),
            ack_pending: gauge!("bus.queue.ack_pending", "consumer" => name()),
        }
    }
}

/// Shows the depth of a lane's queue until the service stops.
pub(super) async fn sample(lane: Arc<LaneRuntime>) {
    let mut ticks = tokio::time::interval(SAMPLE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = lane.stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let (_, consumer) = lane.intake.consumer().await;
        match consumer.get_info().await {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            Ok(info) => {
                lane.meters.pending.set(info.num_pending as f64);
                lane.meters.ack_pending.set(info.num_ack_pending as f64);
            }
            Err(error) => tracing::debug!(consumer = %lane.name, %error, "queue not measured"),
        }
    }
}
