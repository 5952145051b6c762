//! Facts that every replica hears for itself: no durable consumer, no inbox, nothing acknowledged.

use crate::names::StreamKind;
use crate::{Bus, BusError, topology};
use async_nats::jetstream::consumer::DeliverPolicy;
use async_nats::jetstream::consumer::pull::{Ordered, OrderedConfig};
use async_nats::jetstream::stream::LastRawMessageErrorKind;
use chrono::{DateTime, Utc};
use futures::StreamExt;
use std::marker::PhantomData;
use vigie_events::Event;

/// Facts of one type in the order of the stream, without gaps, from an instant on. For state in
/// memory that any replica can rebuild; work belongs to [`Consumers`](crate::Consumers).
pub struct FactFeed<E> {
    bus: Bus,
    messages: Ordered,
    created: DateTime<Utc>,
    /// Sequence of the last fact handed out.
    read: u64,
    caught_up: bool,
    since: DateTime<Utc>,
    event: PhantomData<fn() -> E>,
}

impl<E> std::fmt::Debug for FactFeed<E> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FactFeed")
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

impl Bus {
    /// Reads facts from `since` on through an ordered consumer of its own, which repairs gaps and
    /// lost connections by itself.
    pub async fn facts<E: Event>(&self, since: DateTime<Utc>) -> Result<FactFeed<E>, BusError> {
        let created = topology::created(self, StreamKind::Events).await?;
        let nanos = i128::from(since.timestamp_micros()) * 1_000;
        let start_time = async_nats::datetime::from_nanos(nanos)
            .map_err(|error| BusError::jetstream("start time of a consumer", error))?;
        let filter = vigie_events::event_subject_filter::<E>();
        let consumer = self
            .stream(StreamKind::Events)
            .await?
            .create_consumer(OrderedConfig {
                deliver_policy: DeliverPolicy::ByStartTime { start_time },
                filter_subject: self.names().subject(&filter),
                ..OrderedConfig::default()
            })
            .await
            .map_err(|error| BusError::jetstream("create an ordered consumer", error))?;
        let messages = consumer
            .messages()
            .await
            .map_err(|error| BusError::jetstream("read facts", error))?;
        Ok(FactFeed {
            bus: self.clone(),
            messages,
            created,
            read: 0,
            caught_up: false,
            since,
            event: PhantomData,
        })
    }
}

impl<E: Event> FactFeed<E> {
    /// The next fact; `None` when the consumer has ended for good. May be cancelled.
    pub async fn next(&mut self) -> Option<E> {
        loop {
            let message = match self.messages.next().await? {
                Ok(message) => message,
                // Errors of an ordered consumer come in its stream, and it goes on after them.
                Err(error) => {
                    tracing::debug!(event = E::NAME, %error, "feed of facts");
                    continue;
                }
            };
            if let Ok(info) = message.info() {
                self.read = info.stream_sequence;
                self.caught_up = info.pending == 0;
            }
            match serde_json::from_slice(&message.payload) {
                Ok(fact) => return Some(fact),
                Err(error) => {
                    metrics::counter!("bus.facts.undecodable", "event" => E::NAME).increment(1);
                    tracing::warn!(event = E::NAME, %error, "undecodable fact skipped");
                }
            }
        }
    }

    /// Whether nothing more was waiting when the last fact came.
    pub fn caught_up(&self) -> bool {
        self.caught_up
    }

    /// Whether the broker holds nothing that was not handed out. [`BusError::Incarnation`] says
    /// that the stream is a new one: positions in the old one mean nothing, open another feed.
    pub async fn is_current(&mut self) -> Result<bool, BusError> {
        if topology::created(&self.bus, StreamKind::Events).await? != self.created {
            return Err(BusError::Incarnation);
        }
        let filter = vigie_events::event_subject_filter::<E>();
        let subject = self.bus.names().subject(&filter);
        let stream = self.bus.stream(StreamKind::Events).await?;
        match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(last) => {
                let before = last.time.unix_timestamp() < self.since.timestamp();
                Ok(before || last.sequence <= self.read)
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(true),
            Err(error) => Err(BusError::jetstream("last message of a subject", error)),
        }
    }
}
