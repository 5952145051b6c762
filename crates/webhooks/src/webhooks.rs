use crate::client::{FetchError, GuardedClient, Timeouts};
use crate::error::GuardError;
use crate::guard::{GuardConfig, UrlGuard};
use crate::origins::OriginError;
use crate::resolver::{Lookup, SystemLookup};
use crate::store::attempts::{self, Attempt};
use crate::store::backlog::{self, Backlog};
use crate::store::deliveries::{self, Again, Delivery, New};
use crate::store::destinations::{self, Destination};
use crate::store::subscriptions;
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::PgConnection;
use std::sync::Arc;
use std::time::Duration;
use vigie_sealed::{SealError, SealingKeys};

/// What secrets are sealed for.
const CONTEXT: &str = "webhook";

/// How webhooks are delivered.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Which URLs may be called.
    pub guard: GuardConfig,
    /// `WEBHOOK_TIMEOUT`: for one attempt.
    pub timeout: Duration,
    /// `WEBHOOK_MAX_ATTEMPTS`, at most [`crate::ATTEMPTS`].
    pub max_attempts: u32,
    /// What secrets are sealed with; without keys no secret is taken.
    pub keys: Arc<SealingKeys>,
}

/// Webhooks cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// `WEBHOOK_ALLOWED_ORIGINS` cannot be read.
    #[error(transparent)]
    Origins(#[from] OriginError),
    /// No HTTP client.
    #[error(transparent)]
    Client(#[from] FetchError),
}

/// A subscription was not stored.
#[derive(Debug, thiserror::Error)]
pub enum SubscribeError {
    /// A secret could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// It does not serialise.
    #[error("cannot encode secrets")]
    Encode(#[from] serde_json::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

/// Who wants to hear of a job. The URL was checked by [`Webhooks::check`].
#[derive(Debug)]
pub struct Subscription<'a> {
    /// The job.
    pub job_id: &'a str,
    /// Where to.
    pub url: &'a str,
    /// The current secret first; its predecessor may follow.
    pub secrets: &'a [SecretString],
    /// Which events.
    pub events: &'a [&'a str],
}

/// Something happened.
#[derive(Debug)]
pub struct Notice<'a> {
    /// To this job.
    pub job_id: &'a str,
    /// What.
    pub event: &'a str,
    /// Its place in the job's sequence; delivered once for each.
    pub sequence: i32,
    /// The exact bytes that are sent and signed.
    pub body: &'a str,
}

/// A delivery with its attempts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// The delivery.
    pub delivery: Delivery,
    /// Its attempts, in order.
    pub attempts: Vec<Attempt>,
}

/// Subscriptions, deliveries and their log, in the tables of one service. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks(Arc<Parts>);

struct Parts {
    guard: UrlGuard,
    client: GuardedClient,
    keys: Arc<SealingKeys>,
    timeout: Duration,
    max_attempts: i32,
}

impl Webhooks {
    /// From settings; names are resolved by the system.
    pub fn new(settings: Settings) -> Result<Self, SetupError> {
        Self::with_lookup(settings, Arc::new(SystemLookup))
    }

    /// From settings; names are resolved by `lookup`.
    pub fn with_lookup(settings: Settings, lookup: Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let guard = UrlGuard::with_lookup(settings.guard, lookup)?;
        let client = guard.client(Timeouts {
            connect: settings.timeout,
            read: settings.timeout,
            total: settings.timeout,
        })?;
        let most = settings.max_attempts.clamp(1, crate::ATTEMPTS);
        Ok(Self(Arc::new(Parts {
            guard,
            client,
            keys: settings.keys,
            timeout: settings.timeout,
            max_attempts: i32::try_from(most).unwrap_or(i32::MAX),
        })))
    }

    /// Checks a URL that somebody wants to be called, its addresses included.
    pub async fn check(&self, url: &str) -> Result<(), GuardError> {
        self.0.guard.check_resolved(url).await.map(drop)
    }

    /// Adds a subscription; one of the same job and URL is replaced.
    pub async fn subscribe(
        &self,
        conn: &mut PgConnection,
        subscription: &Subscription<'_>,
    ) -> Result<(), SubscribeError> {
        let secrets = self.seal(subscription.secrets)?;
        let events: Vec<String> = subscription
            .events
            .iter()
            .map(ToString::to_string)
            .collect();
        let (job_id, url) = (subscription.job_id, subscription.url);
        subscriptions::put(conn, job_id, url, secrets.as_deref(), &events).await?;
        Ok(())
    }

    /// Whether anybody hears of this event of a job.
    pub async fn is_heard(
        &self,
        conn: &mut PgConnection,
        job_id: &str,
        event: &str,
    ) -> sqlx::Result<bool> {
        subscriptions::exists(conn, job_id, event).await
    }

    /// Queues deliveries for everybody who hears of it; the commit wakes the workers. The same place
    /// of a job's sequence is queued once.
    pub async fn enqueue(&self, conn: &mut PgConnection, notice: &Notice<'_>) -> sqlx::Result<()> {
        let new = New {
            job_id: notice.job_id,
            event: notice.event,
            sequence: notice.sequence,
            body: notice.body,
            max_attempts: self.0.max_attempts,
        };
        let queued = deliveries::enqueue(conn, &new).await?;
        metrics::counter!("webhooks.queued").increment(u64::try_from(queued).unwrap_or_default());
        Ok(())
    }

    /// The deliveries of a job, newest first, after a place in that order, without their attempts.
    pub async fn deliveries(
        &self,
        conn: &mut PgConnection,
        job_id: &str,
        limit: i64,
        after: Option<(DateTime<Utc>, &str)>,
    ) -> sqlx::Result<Vec<Delivery>> {
        deliveries::list(conn, job_id, limit, after).await
    }

    /// As [`Webhooks::deliveries`], with their attempts.
    pub async fn log(
        &self,
        conn: &mut PgConnection,
        job_id: &str,
        limit: i64,
        after: Option<(DateTime<Utc>, &str)>,
    ) -> sqlx::Result<Vec<Logged>> {
        let found = deliveries::list(conn, job_id, limit, after).await?;
        let ids: Vec<String> = found.iter().map(|one| one.id.clone()).collect();
        let made = attempts::of(conn, &ids).await?;
        let logged = |delivery: Delivery| {
            // One that ended between the two looks is not shown yet.
            let ended =
                |one: &&Attempt| delivery.status != "pending" || one.attempt < delivery.attempt;
            let own = made.iter().filter(|one| one.delivery_id == delivery.id);
            Logged {
                attempts: own.filter(ended).cloned().collect(),
                delivery,
            }
        };
        Ok(found.into_iter().map(logged).collect())
    }

    /// How many deliveries each of these jobs has; jobs without any are left out.
    pub async fn counts(
        &self,
        conn: &mut PgConnection,
        jobs: &[String],
    ) -> sqlx::Result<Vec<(String, i64)>> {
        deliveries::count(conn, jobs).await
    }

    /// Sends a delivery once more, under its id, as a new attempt.
    pub async fn redeliver(
        &self,
        conn: &mut PgConnection,
        job_id: &str,
        delivery_id: &str,
    ) -> sqlx::Result<Again> {
        deliveries::redeliver(conn, job_id, delivery_id).await
    }

    /// The URLs that fail, disabled ones first.
    pub async fn failing(
        &self,
        conn: &mut PgConnection,
        limit: i64,
    ) -> sqlx::Result<Vec<Destination>> {
        destinations::failing(conn, limit).await
    }

    /// What is left to be sent, for gauges.
    pub async fn backlog(&self, conn: &mut PgConnection) -> sqlx::Result<Backlog> {
        backlog::count(conn).await
    }

    /// Sends to a disabled URL again. `false` when it was not disabled.
    pub async fn enable(&self, conn: &mut PgConnection, url: &str) -> sqlx::Result<bool> {
        destinations::enable(conn, url).await
    }

    pub(crate) fn client(&self) -> &GuardedClient {
        &self.0.client
    }

    pub(crate) fn timeout(&self) -> Duration {
        self.0.timeout
    }

    fn seal(&self, secrets: &[SecretString]) -> Result<Option<Vec<u8>>, SubscribeError> {
        if secrets.is_empty() {
            return Ok(None);
        }
        let texts: Vec<&str> = secrets.iter().map(ExposeSecret::expose_secret).collect();
        let list = serde_json::to_vec(&texts)?;
        Ok(Some(self.0.keys.seal(CONTEXT, &list)?))
    }

    /// The secrets of a subscription.
    pub(crate) fn open(&self, sealed: Option<&[u8]>) -> Result<Vec<SecretString>, SealError> {
        let Some(sealed) = sealed else {
            return Ok(Vec::new());
        };
        let list = self.0.keys.open(CONTEXT, sealed)?;
        let texts: Vec<String> = serde_json::from_slice(&list).map_err(|_| SealError::Open)?;
        Ok(texts.into_iter().map(SecretString::from).collect())
    }
}
