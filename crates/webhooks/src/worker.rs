//! Sends what is due: woken by commits of any replica, by the time of the next retry, and now and
//! then by itself for what dead replicas left.

use crate::schedule;
use crate::sender::{self, Outcome, Request, kept};
use crate::store::attempts::{self, Ended};
use crate::store::claims::{self, Claimed};
use crate::store::{deliveries, destinations};
use crate::webhooks::Webhooks;
use sqlx::postgres::PgListener;
use sqlx::{PgConnection, PgPool};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// Attempts under way in this replica.
const SLOTS: usize = 16;
/// Attempts under way at one URL, over all replicas.
const EACH: i64 = 4;
/// Added to the time of an attempt: until then nobody else makes it.
const MARGIN: Duration = Duration::from_secs(20);
/// Between looks without any news; up to a fifth more is added at random.
const SWEEP: Duration = Duration::from_secs(15);
/// A destination that fails so long is disabled.
const PATIENCE: Duration = Duration::from_hours(5 * 24);
/// How long the log is kept.
const KEPT_DAYS: i32 = 30;
/// Deliveries forgotten in one look.
const FORGOTTEN: i64 = 500;
const GONE: u16 = 410;

impl Webhooks {
    /// Delivers until `stop`; then attempts under way are finished. Any number of replicas may. News of
    /// commits come through `direct`, which leads past a pooler.
    pub async fn run(self, pool: PgPool, direct: PgPool, stop: CancellationToken) {
        let mut news = News::new(direct);
        let mut under_way = JoinSet::new();
        loop {
            let pause = match self.take(&pool, &mut under_way).await {
                Ok(pause) => pause,
                Err(error) => {
                    tracing::warn!(%error, "webhooks cannot be claimed");
                    sweep()
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = under_way.join_next() => {}
                () = news.wait() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        while under_way.join_next().await.is_some() {}
    }

    /// Starts what is due, and says how long to rest without news.
    async fn take(&self, pool: &PgPool, under_way: &mut JoinSet<()>) -> sqlx::Result<Duration> {
        while under_way.try_join_next().is_some() {}
        let free = i64::try_from(SLOTS.saturating_sub(under_way.len())).unwrap_or_default();
        if free == 0 {
            return Ok(sweep());
        }
        let lease = Uuid::new_v4();
        let life = (self.timeout() + MARGIN).as_secs_f64();
        let mut tx = pool.begin().await?;
        claims::line_up(&mut tx).await?;
        let claimed = claims::claim(&mut tx, free, EACH, lease, life).await?;
        let next = claims::next_due(&mut tx).await?;
        deliveries::forget(&mut tx, KEPT_DAYS, FORGOTTEN).await?;
        tx.commit().await?;
        for delivery in claimed {
            let (webhooks, pool) = (self.clone(), pool.clone());
            under_way.spawn(async move { webhooks.attempt(&pool, lease, delivery).await });
        }
        let next = next.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        Ok(next.unwrap_or(Duration::MAX).min(sweep()))
    }

    async fn attempt(&self, pool: &PgPool, lease: Uuid, delivery: Claimed) {
        let began = Instant::now();
        let outcome = match self.open(delivery.secrets.as_deref()) {
            Ok(secrets) => {
                let request = Request {
                    url: &delivery.url,
                    event: &delivery.event,
                    job_id: &delivery.job_id,
                    delivery_id: &delivery.id,
                    attempt: delivery.attempt,
                    body: &delivery.body,
                    secrets: &secrets,
                };
                sender::send(self.client(), &request).await
            }
            Err(error) => Outcome::Refused(error.to_string()),
        };
        let ended = Verdict::of(&delivery, outcome, began.elapsed());
        let stored = async {
            let mut tx = pool.begin().await?;
            ended.store(&mut tx, lease, &delivery).await?;
            tx.commit().await
        };
        if let Err(error) = stored.await {
            // The lease ends, and it is sent again under the same number.
            tracing::warn!(delivery.id, %error, "the end of an attempt was not noted");
        }
    }
}

/// What an attempt means for the delivery and its destination.
struct Verdict {
    status: &'static str,
    wait: Option<Duration>,
    status_code: Option<u16>,
    response: String,
    error: Option<String>,
    latency: Duration,
    /// Whether the destination is to blame, rather than our own rules.
    by_destination: bool,
}

impl Verdict {
    fn of(delivery: &Claimed, outcome: Outcome, latency: Duration) -> Self {
        let attempt = u32::try_from(delivery.attempt).unwrap_or(1);
        let retry = |after| {
            let more = delivery.attempt < delivery.max_attempts;
            more.then(|| schedule::wait(attempt, after))
        };
        let failed = |wait: Option<Duration>| match wait {
            Some(_) => "pending",
            None => "failed",
        };
        match outcome {
            Outcome::Answered { status, body, .. } if (200..300).contains(&status) => Self {
                status: "sent",
                wait: None,
                status_code: Some(status),
                response: body,
                error: None,
                latency,
                by_destination: true,
            },
            Outcome::Answered {
                status,
                body,
                retry_after,
            } => {
                let wait = retry(retry_after).filter(|_| status != GONE);
                Self {
                    status: failed(wait),
                    wait,
                    status_code: Some(status),
                    response: body,
                    error: Some(format!("HTTP {status}")),
                    latency,
                    by_destination: true,
                }
            }
            Outcome::Refused(reason) => Self {
                status: "failed",
                wait: None,
                status_code: None,
                response: kept(&reason),
                error: Some(reason),
                latency,
                by_destination: false,
            },
            Outcome::Failed(error) => {
                let wait = retry(None);
                Self {
                    status: failed(wait),
                    wait,
                    status_code: None,
                    response: error.clone(),
                    error: Some(error),
                    latency,
                    by_destination: true,
                }
            }
        }
    }

    async fn store(
        &self,
        conn: &mut PgConnection,
        lease: Uuid,
        delivery: &Claimed,
    ) -> sqlx::Result<()> {
        let ended = Ended {
            id: &delivery.id,
            lease,
            status: self.status,
            wait: self.wait.map(|wait| wait.as_secs_f64()),
            status_code: self.status_code.map(i32::from),
            response: &self.response,
            latency_ms: i32::try_from(self.latency.as_millis()).unwrap_or(i32::MAX),
            error: self.error.as_deref(),
        };
        if !attempts::settle(conn, &ended).await? {
            tracing::info!(delivery.id, "an attempt ended after its lease");
            return Ok(());
        }
        metrics::counter!("webhooks.attempts", "outcome" => self.status).increment(1);
        metrics::histogram!("webhooks.attempt.seconds").record(self.latency.as_secs_f64());
        let (id, job, attempt) = (&delivery.id, &delivery.job_id, delivery.attempt);
        match &self.error {
            None => tracing::debug!(delivery.id = id, job.id = job, attempt, "webhook sent"),
            Some(error) => {
                let outcome = self.status;
                tracing::info!(delivery.id = id, job.id = job, attempt, outcome, %error, "webhook failed");
            }
        }
        match &self.error {
            _ if !self.by_destination => Ok(()),
            None => destinations::works(conn, &delivery.url).await,
            Some(error) => self.blame(conn, delivery, error).await,
        }
    }

    async fn blame(
        &self,
        conn: &mut PgConnection,
        delivery: &Claimed,
        error: &str,
    ) -> sqlx::Result<()> {
        let gone = self.status_code == Some(GONE);
        let patience = PATIENCE.as_secs_f64();
        if destinations::failed(conn, &delivery.url, error, gone, patience).await? {
            let dropped = destinations::drop_pending(conn, &delivery.url).await?;
            metrics::counter!("webhooks.disabled").increment(1);
            tracing::warn!(
                job.id = delivery.job_id,
                dropped,
                "webhook destination disabled"
            );
        }
        Ok(())
    }
}

fn sweep() -> Duration {
    SWEEP.mul_f64(1.0 + rand::random::<f64>() / 5.0)
}

/// Commits that queued deliveries, of any replica.
struct News {
    pool: PgPool,
    listener: Option<PgListener>,
}

impl News {
    fn new(pool: PgPool) -> Self {
        Self {
            pool,
            listener: None,
        }
    }

    /// Returns when something was queued. Where that cannot be heard it never returns, and the sweep
    /// has to do.
    async fn wait(&mut self) {
        if let Err(error) = self.hear().await {
            tracing::warn!(%error, "commits of webhooks are not heard");
            self.listener = None;
            std::future::pending::<()>().await;
        }
    }

    async fn hear(&mut self) -> sqlx::Result<()> {
        if let Some(listener) = &mut self.listener {
            // `None` is a connection that was lost and will be made anew: news may be lost too.
            listener.try_recv().await?;
            return Ok(());
        }
        let schema = sqlx::query_scalar!("SELECT current_schema()")
            .fetch_one(&self.pool)
            .await?
            .unwrap_or_default();
        let mut listener = PgListener::connect_with(&self.pool).await?;
        listener.listen(&format!("webhooks_{schema}")).await?;
        self.listener = Some(listener);
        // What came before it listened is looked for at once.
        Ok(())
    }
}
