use crate::connection::Line;
use crate::names::{Names, StreamKind};
use crate::{BusConfig, BusError, Db, connection, envelope, topology};
use async_nats::Client;
use async_nats::connection::State;
use async_nats::jetstream::stream::{LastRawMessageErrorKind, Stream};
use async_nats::jetstream::{self, Context};
use chrono::{DateTime, Utc};
use sqlx::PgPool;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use vigie_events::{Event, Message, MessageId};

/// Bounds an awaited acknowledgement or JetStream call.
const TIMEOUT: Duration = Duration::from_secs(5);
/// How long a drain may take.
const DRAIN: Duration = Duration::from_secs(5);

/// The connection of a service to the broker. Cheap to clone; one a process.
#[derive(Clone)]
pub struct Bus {
    inner: Arc<Inner>,
}

struct Inner {
    client: Client,
    context: Context,
    names: Names,
    replicas: usize,
    source: &'static str,
    line: watch::Receiver<Line>,
}

impl std::fmt::Debug for Bus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bus")
            .field("source", &self.inner.source)
            .finish_non_exhaustive()
    }
}

impl Bus {
    /// Connects, and refuses a server that would silently ignore what it is asked.
    pub async fn connect(config: BusConfig) -> Result<Self, BusError> {
        let (client, line) = connection::connect(&config).await?;
        // One for the process: each spawns a task.
        let context = jetstream::context::ContextBuilder::new()
            .timeout(TIMEOUT)
            .build(client.clone());
        Ok(Self {
            inner: Arc::new(Inner {
                client,
                context,
                names: Names::new(config.prefix),
                replicas: config.replicas,
                source: config.source,
                line,
            }),
        })
    }

    /// Creates the streams or brings them up to date, then compares what the server says.
    pub async fn ensure_topology(&self) -> Result<(), BusError> {
        topology::ensure(self).await
    }

    /// Whether the broker answers now: connected, and one JetStream call.
    pub async fn ready(&self) -> Result<(), BusError> {
        let state = self.inner.client.connection_state();
        if state != State::Connected {
            return Err(BusError::Connect(format!("connection is {state}").into()));
        }
        self.inner
            .context
            .query_account()
            .await
            .map_err(|error| BusError::jetstream("account", error))?;
        Ok(())
    }

    /// The last fact about an entity, asked of the stream's leader: others may lag. Absence proves
    /// nothing about what is older than the stream's seven days.
    pub async fn last_fact<E: Event>(
        &self,
        entity: &[String],
    ) -> Result<Option<Message<E>>, BusError> {
        let filter = vigie_events::event_subject_filter::<E>();
        let tokens: Vec<String> = entity
            .iter()
            .map(|id| vigie_events::encode_token(id))
            .collect();
        let subject = self
            .names()
            .subject(&(filter.trim_end_matches('>').to_owned() + &tokens.join(".")));
        let stream = self.stream(StreamKind::Events).await?;
        let stored = match stream.get_last_raw_message_by_subject(&subject).await {
            Ok(stored) => stored,
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => {
                return Ok(None);
            }
            Err(error) => return Err(BusError::jetstream("last message of a subject", error)),
        };
        let undecodable = |source: crate::error::BoxError| BusError::Decode {
            event: E::NAME,
            source,
        };
        let id = envelope::header(Some(&stored.headers), envelope::ID)
            .ok_or_else(|| undecodable("no ce-id".into()))?;
        let body =
            serde_json::from_slice(&stored.payload).map_err(|error| undecodable(error.into()))?;
        Ok(Some(Message {
            id: MessageId::new(id),
            lane: None,
            body,
        }))
    }

    /// When the stream of commands was created. A sweeper whose last sending is older than that
    /// knows that the broker lost it.
    pub async fn work_stream_created(&self) -> Result<DateTime<Utc>, BusError> {
        topology::created(self, StreamKind::Work).await
    }

    /// A database whose commits wake the relay of this process.
    pub fn db(&self, pool: PgPool) -> Db {
        Db::new(pool)
    }

    /// Hands over what is buffered and closes the connection. After the consumers have ended.
    pub async fn drain(&self) {
        let closed = tokio::time::timeout(DRAIN, async {
            if let Err(error) = self.inner.client.flush().await {
                tracing::warn!(%error, "nats connection not flushed");
            }
            // Returns at once; what is buffered is safe when the connection has closed.
            if let Err(error) = self.inner.client.drain().await {
                tracing::warn!(%error, "nats connection not drained");
                return;
            }
            let mut line = self.line();
            if line.wait_for(|line| line.closed).await.is_err() {
                tracing::debug!("nats connection gone");
            }
        });
        if closed.await.is_err() {
            tracing::warn!("nats connection not closed in time");
        }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    pub(crate) fn context(&self) -> &Context {
        &self.inner.context
    }

    pub(crate) fn names(&self) -> &Names {
        &self.inner.names
    }

    pub(crate) fn replicas(&self) -> usize {
        self.inner.replicas
    }

    pub(crate) fn source(&self) -> &'static str {
        self.inner.source
    }

    /// Changes with each new connection.
    pub(crate) fn line(&self) -> watch::Receiver<Line> {
        self.inner.line.clone()
    }

    /// A stream by name, without asking the server about it.
    pub(crate) async fn stream(&self, kind: StreamKind) -> Result<Stream<()>, BusError> {
        self.inner
            .context
            .get_stream_no_info(self.inner.names.stream(kind))
            .await
            .map_err(|error| BusError::jetstream("stream handle", error))
    }
}
