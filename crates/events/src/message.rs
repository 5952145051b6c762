use crate::{Lane, subject};
use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};
use std::fmt;

/// What a message is for; told apart by its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Work to be done once by someone, without lanes: `work.<name>`.
    Command,
    /// Work with one consumer a lane: `work.<name>.<lane>`.
    LanedCommand,
    /// Something happened, anyone may listen: `event.<name>.<entity…>`.
    Fact,
}

/// One type of message on the bus.
pub trait Event:
    Serialize + DeserializeOwned + JsonSchema + Clone + fmt::Debug + Send + Sync + 'static
{
    /// The event name, `domain/action[.detail]`, carried as `ce-type`.
    const NAME: &'static str;
    /// Command or fact.
    const KIND: Kind;
    /// What it means, one sentence: the description in `docs/asyncapi.yaml`.
    const ABOUT: &'static str;

    /// The ids of what it is about, widest first: the last tokens of a fact's subject and, joined
    /// by `/`, the `ce-subject` of either kind.
    fn entity(&self) -> Vec<String>;
}

/// The deterministic business id of a message (`ce-id`), known to the inbox of its consumers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct MessageId(String);

impl MessageId {
    /// Wraps an id that a formula of this crate built, or that arrived in a header.
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of asking once more for an answer that may be lost: new work for the inbox.
    #[must_use]
    pub fn again(&self, n: u32) -> Self {
        Self(format!("{}-again-{n}", self.0))
    }

    /// The id of a business retry: new work about the same thing.
    #[must_use]
    pub fn retry(&self, n: u32) -> Self {
        if n == 0 {
            self.clone()
        } else {
            Self(format!("{}-retry-{n}", self.0))
        }
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A payload with its id and lane, ready for the outbox.
#[derive(Debug, Clone)]
pub struct Message<E> {
    /// Becomes `ce-id`.
    pub id: MessageId,
    /// Set for [`Kind::LanedCommand`] only.
    pub lane: Option<Lane>,
    /// The payload.
    pub body: E,
}

impl<E: Event> Message<E> {
    /// A fact, or a command without lanes.
    pub fn new(id: MessageId, body: E) -> Self {
        debug_assert!(E::KIND != Kind::LanedCommand, "{} needs a lane", E::NAME);
        Self {
            id,
            lane: None,
            body,
        }
    }

    /// A command with lanes.
    pub fn in_lane(id: MessageId, lane: Lane, body: E) -> Self {
        debug_assert!(E::KIND == Kind::LanedCommand, "{} has no lanes", E::NAME);
        Self {
            id,
            lane: Some(lane),
            body,
        }
    }

    /// The subject it travels on, without any prefix of the installation.
    pub fn subject(&self) -> String {
        subject::subject_of(E::NAME, E::KIND, self.lane, &self.body.entity())
    }

    /// The `ce-subject` header.
    pub fn ce_subject(&self) -> String {
        self.body.entity().join("/")
    }
}
