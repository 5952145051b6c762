//! The provider as workers use it: fetch, ask, and the bounds that hold for all replicas.

use crate::domain::prices::SpeechPrices;
use crate::store;
use crate::store::call::SpeechCall;
use crate::store::limit::Bucket;
use chrono::Utc;
use sqlx::PgConnection;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::Semaphore;
use vigie_bus::{OutboxError, outbox};
use vigie_events::Lane;
use vigie_events::ops::{CircuitState, ProviderCircuit};
use vigie_upstream::speech::{Backoff, Downloader, SpeechClient};

/// Longest wait for a token that a worker sits out; beyond it the message waits outside the queue.
/// A person's recordings may take tokens further ahead than those of schedules, so that these never
/// keep them waiting for long.
const fn patience(lane: Lane) -> Duration {
    match lane {
        Lane::Interactive => Duration::from_secs(45),
        Lane::Bulk => Duration::from_secs(20),
    }
}
/// Longest wait outside the queue; the sweeper sends again what has been silent for longer.
const LONGEST: Duration = Duration::from_mins(10);
/// How long the breaker stays open.
const PAUSE: Duration = Duration::from_mins(1);
/// When to look again for a free place.
const CROWDED: Duration = Duration::from_secs(2);

/// Bounds of provider requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests a minute, platform-wide.
    pub per_minute: u32,
    /// Requests at once, platform-wide.
    pub at_once: u32,
    /// Tries of a recording.
    pub attempts: u32,
    /// Waits between them.
    pub backoff: Backoff,
}

impl Limits {
    /// Requests above the rate that an idle provider saves up.
    pub const fn burst(&self) -> u32 {
        self.per_minute.div_ceil(2)
    }

    /// Between two requests at the rate.
    fn interval(&self) -> Duration {
        Duration::from_secs(60) / self.per_minute.max(1)
    }
}

/// Whether a request may be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// Yes.
    Go {
        /// After this.
        wait: Duration,
        /// It shows whether the breaker may be closed.
        trial: bool,
    },
    /// Not soon: come back.
    Later(Duration),
    /// No: the breaker is open.
    Paused(String),
}

/// The state of the provider could not be written or told.
#[derive(Debug, thiserror::Error)]
pub enum SpeechStateError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// The fact could not be sent.
    #[error(transparent)]
    Outbox(#[from] OutboxError),
}

/// What workers speak to the provider with.
pub struct Speech {
    /// Asks the provider.
    pub client: SpeechClient,
    /// Fetches audio.
    pub downloader: Downloader,
    /// Bounds.
    pub limits: Limits,
    /// What requests cost.
    pub prices: SpeechPrices,
    /// Audio on its way; goes with the process.
    pub directory: TempDir,
    /// Requests of this replica.
    pub places: Arc<Semaphore>,
}

impl Speech {
    /// From ready parts.
    pub fn new(
        client: SpeechClient,
        downloader: Downloader,
        limits: Limits,
        prices: SpeechPrices,
    ) -> std::io::Result<Self> {
        let at_once = usize::try_from(limits.at_once).unwrap_or(Semaphore::MAX_PERMITS);
        Ok(Self {
            client,
            downloader,
            limits,
            prices,
            directory: TempDir::with_prefix("vigie-audio-")?,
            places: Arc::new(Semaphore::new(at_once)),
        })
    }

    /// Whether it is worth fetching the audio now. Takes nothing.
    pub async fn look(&self, conn: &mut PgConnection, lane: Lane) -> sqlx::Result<Turn> {
        let provider = self.client.provider_name();
        let bucket = store::limit::look(conn, provider, self.credit()).await?;
        self.judge(conn, bucket, lane).await
    }

    /// Takes a token and notes the intent, in the caller's transaction. Nothing is noted unless the
    /// answer is [`Turn::Go`].
    pub async fn turn(
        &self,
        tx: &mut PgConnection,
        call: SpeechCall<'_>,
        lane: Lane,
        audio_seconds: Option<i32>,
    ) -> sqlx::Result<Turn> {
        let provider = self.client.provider_name();
        let bucket = store::limit::lock(tx, provider, self.credit()).await?;
        let turn = self.judge(tx, bucket, lane).await?;
        if matches!(turn, Turn::Go { .. }) {
            let (interval, model) = (self.limits.interval(), self.client.model());
            store::limit::take(tx, provider, self.credit(), interval).await?;
            let cost = self.prices.cost_micros(model, audio_seconds);
            store::call::start(tx, call, provider, model, audio_seconds, cost).await?;
        }
        Ok(turn)
    }

    fn credit(&self) -> Duration {
        self.limits.interval() * self.limits.burst()
    }

    async fn judge(
        &self,
        conn: &mut PgConnection,
        bucket: Bucket,
        lane: Lane,
    ) -> sqlx::Result<Turn> {
        if let Some(reason) = bucket.paused {
            return Ok(Turn::Paused(reason));
        }
        if bucket.wait > patience(lane) {
            metrics::counter!("vigie_speech_waits_total", "lane" => lane.as_str(), "why" => "rate")
                .increment(1);
            // Spread over the time that the backlog takes, or all of it would ask again and again.
            let ahead = store::item::waiting(conn, lane).await?;
            let backlog = self.limits.interval() * u32::try_from(ahead).unwrap_or(u32::MAX);
            let spread = backlog.mul_f64(0.25 + 0.75 * rand::random::<f64>());
            return Ok(Turn::Later(bucket.wait.max(spread.min(LONGEST))));
        }
        if store::call::under_way(conn).await? >= i64::from(self.limits.at_once) {
            metrics::counter!("vigie_speech_waits_total", "lane" => lane.as_str(), "why" => "crowded")
                .increment(1);
            return Ok(Turn::Later(CROWDED.mul_f64(1.0 + rand::random::<f64>())));
        }
        Ok(Turn::Go {
            wait: bucket.wait,
            trial: bucket.tripped,
        })
    }

    /// Opens the breaker, and tells who runs the platform.
    pub async fn pause(&self, tx: &mut PgConnection, reason: &str) -> Result<(), SpeechStateError> {
        let provider = self.client.provider_name();
        if !store::limit::pause(tx, provider, reason, PAUSE).await? {
            return Ok(());
        }
        metrics::counter!("vigie_speech_breaker_opened_total", "reason" => reason.to_owned())
            .increment(1);
        tracing::error!(
            speech.provider = provider,
            reason,
            "speech provider refuses us"
        );
        self.tell(tx, CircuitState::Open, reason).await
    }

    /// Closes the breaker after a success.
    pub async fn resume(&self, tx: &mut PgConnection) -> Result<(), SpeechStateError> {
        let provider = self.client.provider_name();
        if !store::limit::close(tx, provider).await? {
            return Ok(());
        }
        tracing::info!(speech.provider = provider, "speech provider answers again");
        self.tell(tx, CircuitState::Closed, "success").await
    }

    async fn tell(
        &self,
        tx: &mut PgConnection,
        state: CircuitState,
        cause: &str,
    ) -> Result<(), SpeechStateError> {
        let fact = ProviderCircuit {
            provider: self.client.provider_name().to_owned(),
            state,
            cause: cause.to_owned(),
        };
        Ok(outbox::send(tx, &fact.message(Utc::now().timestamp_millis())).await?)
    }
}
