/// Any error, as the libraries below hand it out.
pub(crate) type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What can go wrong between a service and the broker. After an error of a publish or a call the
/// outcome is unknown, not "did not happen".
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The broker can't be reached or refuses the connection.
    #[error("cannot connect to nats")]
    Connect(#[source] BoxError),
    /// The server would ignore what it does not understand, without an error.
    #[error("nats-server {found} is too old, 2.12 or later is needed")]
    ServerTooOld {
        /// The version it reports.
        found: String,
    },
    /// A stream or a consumer is not what was asked for.
    #[error("{name} differs from what was asked for: {difference}")]
    Topology {
        /// The stream or consumer.
        name: String,
        /// What differs.
        difference: String,
    },
    /// A JetStream call failed.
    #[error("jetstream: {action}")]
    JetStream {
        /// What was tried.
        action: &'static str,
        /// The client's error.
        #[source]
        source: BoxError,
    },
    /// A message was not acknowledged by its stream; it may be stored all the same.
    #[error("publish to {subject} was not acknowledged")]
    Publish {
        /// Where it was to go.
        subject: String,
        /// The client's error.
        #[source]
        source: BoxError,
    },
    /// A stored message is not what its type says.
    #[error("undecodable {event}")]
    Decode {
        /// The expected event name.
        event: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A payload does not serialise.
    #[error("cannot encode {event}")]
    Encode {
        /// The event name.
        event: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// A consumer with a transaction was asked for without a database.
    #[error("consumer {0} needs a database")]
    NoDatabase(&'static str),
    /// The realtime stream is a new one: positions in the old one mean nothing now.
    #[error("the realtime stream was created anew")]
    Incarnation,
    /// There is no such dead letter.
    #[error("dead letter {0} not found")]
    NoSuchDeadLetter(u64),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

impl BusError {
    pub(crate) fn jetstream(action: &'static str, source: impl Into<BoxError>) -> Self {
        Self::JetStream {
            action,
            source: source.into(),
        }
    }
}

/// Why a message could not be put into the outbox.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// A payload does not serialise.
    #[error("cannot encode {event}")]
    Encode {
        /// The event name.
        event: &'static str,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// The broker would refuse it for ever.
    #[error("{event} of {size_bytes} bytes is too large for the bus")]
    TooLarge {
        /// The event name.
        event: &'static str,
        /// Size of the payload.
        size_bytes: usize,
    },
    /// The database failed.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// An error with all its causes on one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    use std::fmt::Write;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a String cannot fail.
        let _infallible = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
