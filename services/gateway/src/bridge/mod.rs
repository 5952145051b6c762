//! Shows realtime events to clients of Pusher too (`events-and-config.md` E): the same messages, the
//! same channels, and the only place that writes `private-`. Best effort: a message that Pusher does
//! not take is counted and dropped. The end of a user's connections is not: it is tried until it
//! is taken, or parked.

mod ending;
mod publisher;

pub use ending::EndConnections;
pub use publisher::{PublishError, Publisher};

use crate::config::PusherSettings;
use crate::domain::reduce::fit;
use futures::{StreamExt, stream};
use std::collections::HashMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use vigie_bus::{RealtimeQueue, Shown};
use vigie_events::realtime::Channel;

/// The durable consumer that all replicas share.
pub const CONSUMER: &str = "gateway-pusher";
/// Messages taken at once, and entities of them told at the same time.
const ROOM: usize = 64;
const CONCURRENT: usize = 8;
/// Pusher's limit of one call.
const CHANNELS_A_CALL: usize = 10;
const MAX_EVENT_CHARS: usize = 200;

/// One replica's share of the bridge.
pub struct Bridge {
    queue: RealtimeQueue,
    publisher: Arc<Publisher>,
    private_channels: bool,
    max_payload_bytes: usize,
}

impl Bridge {
    /// Reads from `queue`, publishes by `publisher`.
    pub fn new(queue: RealtimeQueue, publisher: Arc<Publisher>, settings: &PusherSettings) -> Self {
        Self {
            queue,
            publisher,
            private_channels: settings.private_channels,
            max_payload_bytes: settings.max_payload_bytes,
        }
    }

    /// Shows what comes until `stop`.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let next = Box::pin(self.queue.next(ROOM));
            let Some(messages) = stop.run_until_cancelled(next).await else {
                return Ok(());
            };
            let entities = by_entity(messages);
            stream::iter(entities)
                .for_each_concurrent(CONCURRENT, |messages| self.show_in_order(messages))
                .await;
        }
    }

    async fn show_in_order(&self, messages: Vec<Shown>) {
        for message in messages {
            self.show(&message).await;
            message.done().await;
        }
    }

    async fn show(&self, message: &Shown) {
        let frame = &message.frame;
        let event = frame.event.as_str();
        if event.starts_with("pusher:") || event.chars().count() > MAX_EVENT_CHARS {
            dropped("name");
            return;
        }
        let (data, reduced) = fit(&frame.payload, self.max_payload_bytes);
        if reduced {
            metrics::counter!("pusher_events_reduced_total").increment(1);
        }
        let names: Vec<_> = frame.channels.iter().map(|name| self.name(name)).collect();
        for channels in names.chunks(CHANNELS_A_CALL) {
            match self.publisher.publish(event, channels, &data).await {
                Ok(()) => metrics::counter!("pusher_events_published_total").increment(1),
                Err(error) => {
                    tracing::warn!(%error, "an event was not published to Pusher");
                    dropped("refused");
                }
            }
        }
    }

    fn name(&self, channel: &Channel) -> String {
        let private = if self.private_channels {
            "private-"
        } else {
            ""
        };
        format!("{private}{channel}")
    }
}

fn dropped(reason: &'static str) {
    metrics::counter!("pusher_events_dropped_total", "reason" => reason).increment(1);
}

/// What concerns one entity stays in order; the rest does not wait for it.
fn by_entity(messages: Vec<Shown>) -> Vec<Vec<Shown>> {
    let mut entities: HashMap<Option<Channel>, Vec<Shown>> = HashMap::new();
    for message in messages {
        let own = message.frame.channels.first().cloned();
        entities.entry(own).or_default().push(message);
    }
    entities.into_values().collect()
}
