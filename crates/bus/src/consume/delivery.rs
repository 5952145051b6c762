use crate::error::BoxError;
use std::time::Duration;
use tokio::time::Instant;
use vigie_events::{Lane, MessageId};

/// A message handed to a handler.
#[derive(Debug, Clone)]
pub struct Delivery<E> {
    /// The business id: the same however often it is delivered or sent again.
    pub id: MessageId,
    /// The payload.
    pub body: E,
    /// The lane it came through, where its kind has lanes.
    pub lane: Option<Lane>,
    /// Which delivery of this sending this is, from 1.
    pub delivery: u32,
    /// Whether nobody can have worked on it before, also as a twin. Where this is false, ask what
    /// is recorded before paying for anything.
    pub fresh: bool,
    /// When the handler is given up.
    pub deadline: Instant,
    /// `ce-source`: the service that sent it.
    pub source: String,
}

/// Why a handler did not do its work. `?` on any error means: try again.
#[derive(Debug)]
pub enum Failure {
    /// Deliver it again; counted, and parked after the last attempt.
    Retry {
        /// What went wrong.
        error: BoxError,
        /// When to try again; by default after a growing, jittered pause. Beyond 30 s it leaves the
        /// queue for a row of the outbox, where it blocks nobody, and the attempt is not counted.
        after: Option<Duration>,
    },
    /// Not now, and nobody's fault (a busy key, a paused provider): the message leaves the queue for
    /// a row of the outbox and comes back then. Not counted as an attempt.
    Defer {
        /// What it waits for.
        error: BoxError,
        /// How long.
        after: Duration,
    },
    /// It will not get better with time: to the dead letters, at once.
    Park {
        /// Why not.
        error: BoxError,
    },
}

impl Failure {
    /// Hopeless.
    pub fn park(error: impl Into<BoxError>) -> Self {
        Self::Park {
            error: error.into(),
        }
    }

    /// Once more, with the usual pause. For errors that `?` does not take.
    pub fn retry(error: impl Into<BoxError>) -> Self {
        Self::Retry {
            error: error.into(),
            after: None,
        }
    }

    /// Once more, but not before `after`.
    pub fn retry_after(error: impl Into<BoxError>, after: Duration) -> Self {
        Self::Retry {
            error: error.into(),
            after: Some(after),
        }
    }

    /// Later, without counting.
    pub fn defer(error: impl Into<BoxError>, after: Duration) -> Self {
        Self::Defer {
            error: error.into(),
            after,
        }
    }

    /// What went wrong.
    pub fn error(&self) -> &(dyn std::error::Error + 'static) {
        match self {
            Self::Retry { error, .. } | Self::Defer { error, .. } | Self::Park { error } => {
                error.as_ref()
            }
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Retry {
            error: Box::new(error),
            after: None,
        }
    }
}
