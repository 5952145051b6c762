use super::ConsumerOptions;
use crate::names::StreamKind;
use crate::{Bus, BusError};
use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, Consumer, PullConsumer};
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use vigie_events::{Event, Kind, Lane};

/// How long a pull waits in the server.
const EXPIRES: Duration = Duration::from_secs(20);
/// An empty pull that took longer than this was not answered: the client's own timer ended it.
const SILENCE: Duration = Duration::from_secs(24);
/// How long a batch waits for company.
const PATIENCE: Duration = Duration::from_millis(10);
/// Deliveries above our own limit before the server gives up: a net, see the advisories stream.
const MAX_DELIVER_MARGIN: u32 = 100;

/// Where a lane's messages come from: a durable consumer that is created again when it is gone.
#[derive(Debug)]
pub(crate) struct Intake {
    bus: Bus,
    stream: StreamKind,
    config: Config,
    current: Mutex<(u64, Arc<PullConsumer>)>,
}

impl Intake {
    pub(super) async fn open<E: Event>(
        bus: &Bus,
        name: &str,
        options: &ConsumerOptions,
        lane: Option<Lane>,
    ) -> Result<Self, BusError> {
        let (stream, filter) = match E::KIND {
            Kind::Command | Kind::LanedCommand => (
                StreamKind::Work,
                vigie_events::work_subject_filter::<E>(lane),
            ),
            Kind::Fact => (
                StreamKind::Events,
                vigie_events::event_subject_filter::<E>(),
            ),
        };
        let config = Config {
            durable_name: Some(name.to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: options.ack_wait,
            // No `backoff`: it does not go with delayed naks.
            max_deliver: i64::from(options.max_attempts.saturating_add(MAX_DELIVER_MARGIN)),
            max_ack_pending: options.max_ack_pending,
            filter_subject: bus.names().subject(&filter),
            ..Config::default()
        };
        let consumer = create(bus, stream, &config).await?;
        Ok(Self {
            bus: bus.clone(),
            stream,
            config,
            current: Mutex::new((0, Arc::new(consumer))),
        })
    }

    /// Of the realtime stream.
    pub(super) async fn of_realtime(bus: &Bus, config: Config) -> Result<Self, BusError> {
        let consumer = create(bus, StreamKind::Realtime, &config).await?;
        Ok(Self {
            bus: bus.clone(),
            stream: StreamKind::Realtime,
            config,
            current: Mutex::new((0, Arc::new(consumer))),
        })
    }

    /// The consumer, and its generation: what a slot names when it finds it gone.
    pub(super) async fn consumer(&self) -> (u64, Arc<PullConsumer>) {
        self.current.lock().await.clone()
    }

    /// Creates streams and consumer again, once for all the slots that found them gone.
    pub(super) async fn renew(&self, generation: u64) -> Result<(), BusError> {
        let mut current = self.current.lock().await;
        if current.0 == generation {
            self.bus.ensure_topology().await?;
            let consumer = create(&self.bus, self.stream, &self.config).await?;
            *current = (generation + 1, Arc::new(consumer));
        }
        Ok(())
    }

    /// Waits for one message. `None` when none came, or when the connection was replaced: pulls
    /// that wait in the server die with theirs.
    pub(super) async fn pull(&self, consumer: &PullConsumer) -> Result<Option<Message>, BusError> {
        let failed = |error: async_nats::Error| BusError::jetstream("pull", error);
        let mut line = self.bus.line();
        line.mark_unchanged();
        let began = Instant::now();
        // One message for one free slot; without a heartbeat, which would hold messages back.
        let mut pulled = consumer
            .batch()
            .max_messages(1)
            .expires(EXPIRES)
            .messages()
            .await
            .map_err(|error| failed(error.into()))?;
        tokio::select! {
            biased;
            next = pulled.next() => match next {
                Some(Ok(message)) => Ok(Some(message)),
                Some(Err(error)) => Err(failed(error)),
                None if began.elapsed() > SILENCE => Err(failed("no answer".into())),
                None => Ok(None),
            },
            Ok(()) = line.changed() => Ok(None),
        }
    }

    /// Adds up to `room` messages that are there or come within a few milliseconds.
    pub(super) async fn top_up(
        &self,
        consumer: &PullConsumer,
        messages: &mut Vec<Message>,
        room: usize,
    ) {
        let pulled = consumer
            .fetch()
            .max_messages(room)
            .expires(PATIENCE)
            .messages()
            .await;
        match pulled {
            Ok(mut pulled) => {
                while let Some(next) = pulled.next().await {
                    match next {
                        Ok(message) => messages.push(message),
                        Err(error) => tracing::debug!(%error, "batch stays smaller"),
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "batch stays smaller"),
        }
    }
}

/// Creates or updates the durable consumer, and compares what the server made of it.
async fn create(bus: &Bus, stream: StreamKind, wanted: &Config) -> Result<PullConsumer, BusError> {
    let mut consumer: Consumer<Config> = bus
        .stream(stream)
        .await?
        .create_consumer(wanted.clone())
        .await
        .map_err(|error| BusError::jetstream("create a consumer", error))?;
    // Asked anew: the answer to an update still shows what it replaced.
    let found = &consumer
        .info()
        .await
        .map_err(|error| BusError::jetstream("read a consumer back", error))?
        .config;
    let checks = [
        (
            "filter_subject",
            found.filter_subject == wanted.filter_subject,
        ),
        ("ack_policy", found.ack_policy == wanted.ack_policy),
        ("ack_wait", found.ack_wait == wanted.ack_wait),
        ("max_deliver", found.max_deliver == wanted.max_deliver),
        (
            "max_ack_pending",
            found.max_ack_pending == wanted.max_ack_pending,
        ),
        ("backoff", found.backoff.is_empty()),
    ];
    match checks.into_iter().find(|(_, same)| !same) {
        None => Ok(consumer),
        Some((difference, _)) => Err(BusError::Topology {
            name: wanted.durable_name.clone().unwrap_or_default(),
            difference: difference.to_owned(),
        }),
    }
}
