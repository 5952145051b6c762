//! What a screen shows (`events-and-config.md` E): channels, routing and the message itself.
//!
//! One message an event: its subject names the entity's own channel, a header lists all channels,
//! and the gateway and the bridge fan out by the header. Payload structs stand in the files beside
//! this one, one a domain.

pub mod audit;
pub mod automation;
pub mod batch;
pub mod fiche_jobs;
mod payload;
pub mod review;
pub mod transcription;

use crate::{MessageId, subject::encode_token};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::fmt;

/// Longest entity part of a channel name.
const MAX_ENTITY_LEN: usize = 180;

/// A channel name without `private-`, such as `audit-1234`, `job-automation-run-7` or `global`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Channel(String);

impl Channel {
    /// The channel of an audit, by its database or tracking id.
    pub fn audit(id: &str) -> Self {
        Self(format!("audit-{}", entity_part(id)))
    }

    /// The channel of a fiche.
    pub fn fiche(id: &str) -> Self {
        Self(format!("fiche-{}", entity_part(id)))
    }

    /// The channel of a job, batch or automation run.
    pub fn job(id: &str) -> Self {
        Self(format!("job-{}", entity_part(id)))
    }

    /// The channel that everybody hears.
    pub fn global() -> Self {
        Self("global".to_owned())
    }

    /// A name as a client writes it, with or without `private-`.
    pub fn from_wire(name: &str) -> Self {
        Self(name.strip_prefix("private-").unwrap_or(name).to_owned())
    }

    /// The name, without `private-`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Trimmed, foreign characters replaced by `_`, cut at 180 (E0).
fn entity_part(id: &str) -> String {
    id.trim()
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || "_-=@,.;".contains(c) {
                c
            } else {
                '_'
            }
        })
        .take(MAX_ENTITY_LEN)
        .collect()
}

/// Whose progress a message tells. Gives the subject's channel and the message id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entity {
    /// An audit, by database id.
    Audit(String),
    /// A transcription run of a fiche.
    Transcription {
        /// The run.
        run_id: String,
        /// The fiche whose channel shows it.
        fiche_id: String,
    },
    /// An automation run.
    AutomationRun(String),
    /// A batch, by its id.
    Batch(String),
    /// A job that fetches days of sales.
    FetchJob(String),
}

impl Entity {
    fn channel(&self) -> Channel {
        match self {
            Self::Audit(id) => Channel::audit(id),
            Self::Transcription { fiche_id, .. } => Channel::fiche(fiche_id),
            Self::AutomationRun(id) => Channel::job(&format!("automation-run-{id}")),
            Self::Batch(id) | Self::FetchJob(id) => Channel::job(id),
        }
    }

    fn message_id(&self, sequence: i64) -> MessageId {
        let (kind, id) = match self {
            Self::Audit(id) => ("audit", id),
            Self::Transcription { run_id, .. } => ("transcription", run_id),
            Self::AutomationRun(id) => ("automation-run", id),
            Self::Batch(id) => ("batch", id),
            Self::FetchJob(id) => ("fetch-job", id),
        };
        MessageId::new(format!("rt-{kind}-{id}-{sequence}"))
    }
}

/// A payload of one realtime event, without `sequence`.
pub trait RealtimeEvent: Serialize + JsonSchema {
    /// The event name, for example `audit.progress`.
    const NAME: &'static str;
}

/// A realtime message ready for the outbox.
#[derive(Debug, Clone)]
pub struct Realtime {
    /// Becomes `ce-id` and `Nats-Msg-Id`.
    pub id: MessageId,
    /// The event name.
    pub event: &'static str,
    /// The entity's own channel; names the subject.
    pub channel: Channel,
    /// Every channel that shows it, the own one included.
    pub channels: Vec<Channel>,
    /// The payload, always an object.
    pub payload: Value,
}

impl Realtime {
    /// The message of one event of an entity. `sequence` counts from 1 per entity and was raised
    /// in the transaction that sends this. `also` are channels that E0's routing does not derive.
    pub fn new<E: RealtimeEvent>(
        entity: &Entity,
        sequence: i64,
        event: &E,
        also: &[Channel],
    ) -> serde_json::Result<Self> {
        let mut payload = object(serde_json::to_value(event)?);
        payload.insert("sequence".to_owned(), sequence.into());
        Ok(Self::assemble(
            entity.message_id(sequence),
            entity.channel(),
            E::NAME,
            payload,
            also,
        ))
    }

    /// A best-effort message without a place in its entity's sequence (E0, exceptions).
    pub fn unsequenced<E: RealtimeEvent>(
        id: MessageId,
        entity: &Entity,
        event: &E,
    ) -> serde_json::Result<Self> {
        let payload = object(serde_json::to_value(event)?);
        Ok(Self::assemble(id, entity.channel(), E::NAME, payload, &[]))
    }

    fn assemble(
        id: MessageId,
        own: Channel,
        event: &'static str,
        payload: Map<String, Value>,
        also: &[Channel],
    ) -> Self {
        let mut channels = route(event, &payload);
        channels.insert(own.clone());
        channels.extend(also.iter().cloned());
        let channels = channels.into_iter().collect();
        Self {
            id,
            event,
            channel: own,
            channels,
            payload: Value::Object(payload),
        }
    }

    /// `realtime.<channel>.<event>`, without any prefix of the installation. The channel is one
    /// token, the event keeps its dots.
    pub fn subject(&self) -> String {
        format!(
            "realtime.{}.{}",
            encode_token(self.channel.as_str()),
            self.event
        )
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => Map::from_iter([("value".to_owned(), other)]),
    }
}

/// The channels of a payload (E0): only non-blank strings route.
fn route(event: &str, payload: &Map<String, Value>) -> BTreeSet<Channel> {
    let text = |key: &str| {
        payload
            .get(key)
            .and_then(Value::as_str)
            .filter(|text| !text.trim().is_empty())
    };
    let mut channels = BTreeSet::new();
    channels.extend(text("audit_id").map(Channel::audit));
    channels.extend(text("audit_db_id").map(Channel::audit));
    channels.extend(text("fiche_id").map(Channel::fiche));
    channels.extend(text("jobId").or_else(|| text("job_id")).map(Channel::job));
    channels.extend(text("batch_id").map(Channel::job));
    if channels.is_empty() || event == "notification" || event.starts_with("batch.") {
        channels.insert(Channel::global());
    }
    channels
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn names(event: &str, payload: Value) -> Vec<String> {
        route(event, &object(payload))
            .into_iter()
            .map(|c| c.0)
            .collect()
    }

    #[test]
    fn payloads_route_by_their_string_ids() {
        let both = json!({"audit_id": "audit-1-2-3", "audit_db_id": "9", "fiche_id": "44"});
        assert_eq!(
            names("audit.started", both),
            ["audit-9", "audit-audit-1-2-3", "fiche-44"]
        );
        assert_eq!(names("audit.started", json!({"audit_id": 9})), ["global"]);
        let batch = json!({"batch_id": "b"});
        assert_eq!(names("batch.progress", batch), ["global", "job-b"]);
    }

    #[test]
    fn foreign_characters_are_replaced() {
        assert_eq!(Channel::fiche(" a/b é ").as_str(), "fiche-a_b__");
        assert_eq!(
            Channel::fiche(&"x".repeat(300)).as_str().len(),
            "fiche-".len() + 180
        );
    }
}
