//! Workers that deliver, and what they are told.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use sqlx::PgPool;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use vigie_sealed::SealingKeys;
use vigie_testkit::{Postgres, Schema, TestDatabase, wait};
use vigie_webhooks::{Logged, Lookup, Notice, Settings, Subscription, SystemLookup, Webhooks};

use super::config;

pub const LIMIT: Duration = Duration::from_secs(30);
/// For an attempt on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const SECRET: &str = "whsec_demo";
const EVENTS: [&str; 2] = ["progress", "complete"];

/// Workers on a database of their own.
pub struct World {
    pub webhooks: Webhooks,
    pub pool: PgPool,
    stop: CancellationToken,
    workers: JoinSet<()>,
    _database: TestDatabase,
}

impl World {
    pub async fn start() -> Self {
        Self::with(11, 2, Arc::new(SystemLookup), true, PATIENCE).await
    }

    pub async fn with(
        attempts: u32,
        workers: usize,
        lookup: Arc<dyn Lookup>,
        development: bool,
        timeout: Duration,
    ) -> Self {
        let database = Postgres::shared().await.unwrap();
        let database = database.database(&[Schema::Bus]).await.unwrap();
        let pool = database.pool(Schema::Bus).await.unwrap();
        vigie_webhooks::migrate(&pool).await.unwrap();
        let settings = Settings {
            guard: config(development, &[]),
            timeout,
            max_attempts: attempts,
            keys: Arc::new(SealingKeys::parse(&STANDARD.encode([7; 32]).into()).unwrap()),
        };
        let mut world = Self {
            webhooks: Webhooks::with_lookup(settings, lookup).unwrap(),
            pool,
            stop: CancellationToken::new(),
            workers: JoinSet::new(),
            _database: database,
        };
        for _ in 0..workers {
            world.work();
        }
        world
    }

    /// One more replica.
    pub fn work(&mut self) {
        let webhooks = self.webhooks.clone();
        self.workers
            .spawn(webhooks.run(self.pool.clone(), self.pool.clone(), self.stop.clone()));
    }

    pub async fn subscribe(&self, job: &str, url: &str) {
        let mut conn = self.pool.acquire().await.unwrap();
        let subscription = Subscription {
            job_id: job,
            url,
            secrets: &[SecretString::from(SECRET)],
            events: &EVENTS,
        };
        self.webhooks
            .subscribe(&mut conn, &subscription)
            .await
            .unwrap();
    }

    pub async fn notify(&self, job: &str, event: &str, sequence: i32) {
        let mut tx = self.pool.begin().await.unwrap();
        let notice = Notice {
            job_id: job,
            event,
            sequence,
            body: &format!(r#"{{"event":"{event}","sequence":{sequence}}}"#),
        };
        self.webhooks.enqueue(&mut tx, &notice).await.unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn log(&self, job: &str) -> Vec<Logged> {
        let mut conn = self.pool.acquire().await.unwrap();
        self.webhooks.log(&mut conn, job, 100, None).await.unwrap()
    }

    pub async fn until(&self, job: &str, what: impl Fn(&[Logged]) -> bool) -> Vec<Logged> {
        wait::until("deliveries", LIMIT, || async {
            let log = self.log(job).await;
            Ok(what(&log).then_some(log))
        })
        .await
        .unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }

    pub async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.workers.join_next().await {
            ended.unwrap();
        }
    }
}

pub fn all_sent(log: &[Logged]) -> bool {
    log.iter().all(|one| one.delivery.status == "sent")
}

pub fn attempted(times: usize) -> impl Fn(&[Logged]) -> bool {
    move |log| log.iter().all(|one| one.attempts.len() >= times)
}
