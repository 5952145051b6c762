//! Publishing to a stream and waiting for its acknowledgement.

use crate::envelope::{self, Envelope};
use crate::{Bus, BusError, trace};
use async_nats::HeaderMap;
use async_nats::jetstream::context::{PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use chrono::Utc;
use std::time::Duration;
use tracing::Instrument;
use vigie_events::realtime::Realtime;
use vigie_events::{Event, Message, MessageId};

/// Publishes of one message before it is given up.
const TRIES: u32 = 6;
/// A stream without a leader has one again soon.
const PAUSE: Duration = Duration::from_millis(250);
/// What may be lost is not waited for.
const BEST_EFFORT: Duration = Duration::from_secs(1);

/// Which sending of a message this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sending {
    /// The first: `Nats-Msg-Id` is `ce-id`.
    First,
    /// The n-th wanted repeat of the same work: `<ce-id>#<n>`.
    Again(u32),
}

impl Sending {
    fn id(self, message_id: &str) -> String {
        match self {
            Self::First => message_id.to_owned(),
            Self::Again(n) => format!("{message_id}#{n}"),
        }
    }
}

impl Bus {
    /// Publishes and awaits the stream's acknowledgement. Only for services without a database:
    /// all others send through [`crate::outbox`].
    pub async fn publish<E: Event>(
        &self,
        message: &Message<E>,
        sending: Sending,
    ) -> Result<(), BusError> {
        let span = tracing::info_span!(
            "bus.publish",
            message.id = %message.id,
            message.r#type = E::NAME,
        );
        async {
            let payload = serde_json::to_vec(&message.body).map_err(|source| BusError::Encode {
                event: E::NAME,
                source,
            })?;
            let headers = Envelope {
                id: message.id.as_str(),
                event: E::NAME,
                source: self.source(),
                time: Utc::now(),
                about: Some(&message.ce_subject()),
                traceparent: trace::current().as_deref(),
                channels: None,
            }
            .headers();
            let sending_id = sending.id(message.id.as_str());
            self.publish_raw(
                E::NAME,
                &message.subject(),
                &sending_id,
                headers,
                payload.into(),
            )
            .await
        }
        .instrument(span)
        .await
    }

    /// Shows progress that may be lost: not waited for, not repeated, logged when it fails.
    pub async fn show_best_effort(&self, message: &Realtime) {
        let mut headers = Envelope {
            id: message.id.as_str(),
            event: message.event,
            source: self.source(),
            time: Utc::now(),
            about: Some(message.channel.as_str()),
            traceparent: trace::current().as_deref(),
            channels: Some(&envelope::channel_list(message)),
        }
        .headers();
        headers.insert(
            async_nats::header::NATS_MESSAGE_ID,
            envelope::line(message.id.as_str()).as_ref(),
        );
        let subject = self.names().subject(&message.subject());
        let payload = message.payload.to_string().into();
        let sent = self
            .client()
            .publish_with_headers(subject, headers, payload);
        match tokio::time::timeout(BEST_EFFORT, sent).await {
            Ok(Ok(())) => metrics::counter!("bus.published", "event" => message.event).increment(1),
            Ok(Err(error)) => {
                tracing::warn!(message.id = %message.id, %error, "progress not shown");
            }
            Err(_elapsed) => tracing::warn!(message.id = %message.id, "progress not shown in time"),
        }
    }

    /// Shows an event on a channel that belongs to no entity, to try the way itself. `event` may be
    /// any text of one line.
    pub async fn show_test(
        &self,
        id: &MessageId,
        channel: &str,
        event: &str,
        payload: &serde_json::Value,
    ) -> Result<(), BusError> {
        let payload = match payload {
            serde_json::Value::Object(_) => payload.to_string(),
            other => serde_json::json!({ "value": other }).to_string(),
        };
        let headers = Envelope {
            id: id.as_str(),
            event,
            source: self.source(),
            time: Utc::now(),
            about: Some(channel),
            traceparent: trace::current().as_deref(),
            channels: Some(channel),
        }
        .headers();
        // A name with an empty part is no subject.
        let parts: Vec<_> = event.split('.').map(vigie_events::encode_token).collect();
        let event = if parts.iter().any(String::is_empty) {
            vigie_events::encode_token(event)
        } else {
            parts.join(".")
        };
        let subject = format!("realtime.{}.{event}", vigie_events::encode_token(channel));
        let sent = self.publish_raw(
            "realtime.test",
            &subject,
            id.as_str(),
            headers,
            payload.into(),
        );
        sent.await
    }

    /// Publishes until it is acknowledged, at most [`TRIES`] times, always under the same id: a
    /// try that seemed lost may have been stored.
    pub(crate) async fn publish_raw(
        &self,
        event: &str,
        subject: &str,
        sending_id: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), BusError> {
        let full_subject = self.names().subject(subject);
        let mut tried = 0;
        loop {
            tried += 1;
            let sent = self
                .start_publish(&full_subject, sending_id, headers.clone(), payload.clone())
                .await;
            let error = match sent {
                Ok(ack) => match ack.await {
                    Ok(ack) => {
                        acknowledged(event, sending_id, &ack);
                        return Ok(());
                    }
                    Err(error) => error,
                },
                Err(error) => error,
            };
            if tried == TRIES || error.kind() == PublishErrorKind::MaxPayloadExceeded {
                return Err(BusError::Publish {
                    subject: subject.to_owned(),
                    source: error.into(),
                });
            }
            if error.kind() == PublishErrorKind::StreamNotFound && tried > 1 {
                // Not a missing leader but a missing stream: the broker lost its disk.
                self.ensure_topology().await?;
            }
            tracing::debug!(%error, tried, "publish is tried again");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Hands a message to the connection; the returned future is its acknowledgement.
    pub(crate) async fn start_publish(
        &self,
        full_subject: &str,
        sending_id: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<PublishAckFuture, PublishError> {
        // Headers first: they replace what was set before.
        let publish = PublishMessage::build()
            .headers(headers)
            .message_id(envelope::line(sending_id))
            .payload(payload);
        self.context()
            .send_publish(full_subject.to_owned(), publish)
            .await
    }
}

/// Counts an acknowledged publish; a duplicate is a repeat that nobody wanted.
pub(crate) fn acknowledged(event: &str, sending_id: &str, ack: &PublishAck) {
    if ack.duplicate {
        metrics::counter!("bus.duplicates", "event" => event.to_owned()).increment(1);
        tracing::info!(
            sending.id = sending_id,
            "the stream had this message already"
        );
    } else {
        metrics::counter!("bus.published", "event" => event.to_owned()).increment(1);
    }
}
