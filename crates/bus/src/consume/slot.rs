use super::lane::LaneRuntime;
use super::{backoff, database};
use crate::Db;
use crate::error::chain;
use async_nats::jetstream::Message;
use std::future::Future;
use std::sync::Arc;
use vigie_events::Event;

/// What a slot does with the messages it pulled: run and settle each of them.
pub(crate) trait Work<E: Event>: Send + Sync + 'static {
    fn run(&self, lane: &LaneRuntime, messages: Vec<Message>) -> impl Future<Output = ()> + Send;
}

/// A slot: asks for work when it is free, for ever. That pulls end or fail is normal.
pub(super) async fn run<E: Event, W: Work<E>>(lane: Arc<LaneRuntime>, work: Arc<W>, take: usize) {
    // While it lives the relay does too: what it sends last goes out.
    let _sender = lane.db.as_ref().map(Db::sender);
    let mut failures = 0;
    loop {
        let (generation, consumer) = lane.intake.consumer().await;
        let pulled = tokio::select! {
            biased;
            () = lane.stop.cancelled() => return,
            pulled = lane.intake.pull(&consumer) => pulled,
        };
        match pulled {
            Ok(None) => failures = 0,
            Ok(Some(first)) => {
                failures = 0;
                let mut messages = Vec::with_capacity(take);
                messages.push(first);
                if take > 1 {
                    lane.intake.top_up(&consumer, &mut messages, take - 1).await;
                }
                work.run(&lane, messages).await;
                database::wait_until_back(&lane).await;
            }
            Err(error) => {
                failures += 1;
                metrics::counter!("bus.pull.failures", "consumer" => lane.name.clone())
                    .increment(1);
                tracing::warn!(consumer = %lane.name, failures, error = %chain(&error), "pull failed");
                tokio::select! {
                    () = lane.stop.cancelled() => return,
                    () = tokio::time::sleep(backoff::reconnect(failures)) => {}
                }
                if let Err(error) = lane.intake.renew(generation).await {
                    tracing::warn!(consumer = %lane.name, error = %chain(&error), "consumer not created");
                }
            }
        }
    }
}
