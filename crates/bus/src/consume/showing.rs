//! The realtime stream for a bridge to elsewhere: one durable consumer that all replicas share.

use super::backoff;
use super::intake::Intake;
use crate::error::chain;
use crate::realtime::{RealtimeFrame, decode};
use crate::{Bus, BusError};
use async_nats::jetstream::Message;
use std::time::Duration;

/// A message that nobody acknowledged is given to another replica after this.
const ACK_WAIT: Duration = Duration::from_secs(60);
/// What is told late is told in vain: deliveries of one message.
const MAX_DELIVER: i64 = 3;
const MAX_ACK_PENDING: i64 = 256;
/// A bridge that was switched off for so long begins anew, with what comes then.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(600);

/// What a bridge reads.
#[derive(Debug)]
pub struct RealtimeQueue {
    intake: Intake,
    name: String,
}

/// A message that this replica alone shows, until it says that it did.
#[derive(Debug)]
pub struct Shown {
    /// What is shown.
    pub frame: RealtimeFrame,
    message: Message,
}

impl Bus {
    /// The realtime stream from now on, shared by everybody who reads it under this name.
    pub async fn realtime_queue(&self, name: &str) -> Result<RealtimeQueue, BusError> {
        let config = async_nats::jetstream::consumer::pull::Config {
            durable_name: Some(name.to_owned()),
            deliver_policy: async_nats::jetstream::consumer::DeliverPolicy::New,
            ack_policy: async_nats::jetstream::consumer::AckPolicy::Explicit,
            ack_wait: ACK_WAIT,
            max_deliver: MAX_DELIVER,
            max_ack_pending: MAX_ACK_PENDING,
            filter_subject: self.names().subject("realtime.>"),
            inactive_threshold: FORGOTTEN_AFTER,
            ..Default::default()
        };
        Ok(RealtimeQueue {
            intake: Intake::of_realtime(self, config).await?,
            name: name.to_owned(),
        })
    }
}

impl RealtimeQueue {
    /// The next messages in order, up to `room` that are there. Waits for one, and for the broker.
    pub async fn next(&self, room: usize) -> Vec<Shown> {
        let mut failures = 0;
        loop {
            let (generation, consumer) = self.intake.consumer().await;
            match self.intake.pull(&consumer).await {
                Ok(None) => failures = 0,
                Ok(Some(first)) => {
                    let mut messages = vec![first];
                    if room > 1 {
                        self.intake.top_up(&consumer, &mut messages, room - 1).await;
                    }
                    return messages.into_iter().filter_map(Shown::read).collect();
                }
                Err(error) => {
                    failures += 1;
                    metrics::counter!("bus.pull.failures", "consumer" => self.name.clone())
                        .increment(1);
                    tracing::warn!(consumer = %self.name, failures, error = %chain(&error), "pull failed");
                    tokio::time::sleep(backoff::reconnect(failures)).await;
                    if let Err(error) = self.intake.renew(generation).await {
                        tracing::warn!(consumer = %self.name, error = %chain(&error), "consumer not created");
                    }
                }
            }
        }
    }
}

impl Shown {
    fn read(message: Message) -> Option<Self> {
        // A bridge keeps no place in the stream, so its incarnation does not matter.
        let frame = decode(&message, 0)?;
        Some(Self { frame, message })
    }

    /// It is shown, or will never be.
    pub async fn done(self) {
        if let Err(error) = self.message.ack().await {
            tracing::debug!(%error, "a shown message comes again");
        }
    }
}
