//! What was given up: kept 30 days with the reason, shown and sent again by an operator.

use crate::envelope::{self, header};
use crate::names::StreamKind;
use crate::{Bus, BusError, topology};
use async_nats::HeaderMap;
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::stream::{RawMessageErrorKind, Stream};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// A message that was given up.
#[derive(Debug, Clone)]
pub struct DeadLetter {
    /// Its place in the stream: how an operator names it.
    pub sequence: u64,
    /// `ce-id`.
    pub id: String,
    /// The event name.
    pub event: String,
    /// The subject it came on, without the installation's prefix.
    pub subject: String,
    /// Why it was given up.
    pub reason: String,
    /// Deliveries of its last sending.
    pub attempts: u32,
    /// Whose work it was.
    pub consumer: String,
    /// When it was given up.
    pub at: DateTime<Utc>,
    /// The payload; text where it is not JSON.
    pub payload: Value,
}

/// The newest `limit` dead letters, newest first.
pub async fn list(bus: &Bus, limit: usize) -> Result<Vec<DeadLetter>, BusError> {
    let Some(info) = topology::info(bus, StreamKind::DeadLetters).await? else {
        return Ok(Vec::new());
    };
    let stream = bus.stream(StreamKind::DeadLetters).await?;
    let mut letters = Vec::new();
    let oldest = info.state.first_sequence.max(1);
    let mut sequence = info.state.last_sequence;
    while letters.len() < limit && sequence >= oldest {
        if let Some(message) = stored(&stream, sequence).await? {
            letters.push(read(bus, &message)?);
        }
        sequence -= 1;
    }
    Ok(letters)
}

/// One dead letter.
pub async fn show(bus: &Bus, sequence: u64) -> Result<DeadLetter, BusError> {
    read(bus, &find(bus, sequence).await?)
}

/// Sends a dead letter's message again, as a new sending of the same work. The consumer that
/// parked it lets it pass; those that handled it skip it. The dead letter stays.
pub async fn replay(bus: &Bus, sequence: u64) -> Result<(), BusError> {
    let message = find(bus, sequence).await?;
    let letter = read(bus, &message)?;
    let now = Utc::now().timestamp_millis();
    let mut headers = original(&message.headers);
    headers.insert(envelope::REPLAY, now.to_string());
    let sending_id = format!("{}#r{now}", letter.id);
    bus.publish_raw(
        &letter.event,
        &letter.subject,
        &sending_id,
        headers,
        message.payload,
    )
    .await?;
    metrics::counter!("bus.replayed", "event" => letter.event.clone()).increment(1);
    tracing::info!(message.id = %letter.id, message.r#type = %letter.event, sequence, "dead letter replayed");
    Ok(())
}

/// The headers as they were before the message died.
fn original(headers: &HeaderMap) -> HeaderMap {
    headers
        .iter()
        .filter(|(name, _)| {
            let name: &str = name.as_ref();
            name.starts_with("ce-")
                || name == envelope::CONTENT_TYPE
                || name == envelope::TRACEPARENT
        })
        .filter_map(|(name, values)| Some((name.clone(), values.last()?.clone())))
        .collect()
}

async fn find(bus: &Bus, sequence: u64) -> Result<StreamMessage, BusError> {
    let stream = bus.stream(StreamKind::DeadLetters).await?;
    stored(&stream, sequence)
        .await?
        .ok_or(BusError::NoSuchDeadLetter(sequence))
}

async fn stored(stream: &Stream<()>, sequence: u64) -> Result<Option<StreamMessage>, BusError> {
    match stream.get_raw_message(sequence).await {
        Ok(message) => Ok(Some(message)),
        Err(error) => match error.kind() {
            RawMessageErrorKind::NoMessageFound => Ok(None),
            RawMessageErrorKind::JetStream(api)
                if api.error_code() == ErrorCode::NO_MESSAGE_FOUND =>
            {
                Ok(None)
            }
            _ => Err(BusError::jetstream("read a dead letter", error)),
        },
    }
}

fn read(bus: &Bus, message: &StreamMessage) -> Result<DeadLetter, BusError> {
    let text = |name| {
        header(Some(&message.headers), name)
            .unwrap_or_default()
            .to_owned()
    };
    let nanos = i64::try_from(message.time.unix_timestamp_nanos())
        .map_err(|error| BusError::jetstream("time of a dead letter", error))?;
    Ok(DeadLetter {
        sequence: message.sequence,
        id: text(envelope::ID),
        event: text(envelope::TYPE),
        subject: bus.names().strip(&text(envelope::DEAD_SUBJECT)).to_owned(),
        reason: text(envelope::DEAD_REASON),
        attempts: text(envelope::DEAD_ATTEMPTS).parse().unwrap_or_default(),
        consumer: text(envelope::DEAD_CONSUMER),
        at: DateTime::from_timestamp_nanos(nanos),
        payload: serde_json::from_slice(&message.payload).unwrap_or_else(|_| {
            String::from_utf8_lossy(&message.payload)
                .into_owned()
                .into()
        }),
    })
}
