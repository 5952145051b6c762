use super::Replica;
use super::messages::Poke;
use sqlx::PgPool;
use std::time::Duration;
use vigie_bus::dead_letters::{self, DeadLetter};
use vigie_bus::{BusConfig, outbox};
use vigie_events::Message;
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase, wait};

/// The longest that anything here may take.
pub const LIMIT: Duration = Duration::from_secs(20);

/// A database and a prefix of one test.
pub struct World {
    database: TestDatabase,
    url: String,
    prefix: String,
    /// Not a replica of anybody: the test's own eyes.
    pub pool: PgPool,
}

impl World {
    pub async fn new() -> Self {
        let url = Nats::shared().await.unwrap().url().to_owned();
        Self::on(url).await
    }

    /// On a broker that the test may hurt.
    pub async fn on(url: String) -> Self {
        let database = Postgres::shared()
            .await
            .unwrap()
            .database(&[Schema::Audit, Schema::Fiche])
            .await
            .unwrap();
        let pool = database.pool(Schema::Audit).await.unwrap();
        vigie_bus::migrate(&pool).await.unwrap();
        sqlx::query("CREATE TABLE effects (n bigint NOT NULL, kind text NOT NULL)")
            .execute(&pool)
            .await
            .unwrap();
        Self {
            database,
            url,
            prefix: Nats::unique_prefix(),
            pool,
        }
    }

    pub fn config(&self) -> BusConfig {
        BusConfig {
            url: self.url.clone(),
            creds_file: None,
            prefix: Some(self.prefix.clone()),
            replicas: 1,
            source: "tester",
        }
    }

    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    pub fn database(&self) -> &TestDatabase {
        &self.database
    }

    /// A replica, without relay or consumers.
    pub async fn replica(&self) -> Replica {
        Replica::start(self.config(), self.database.url(Schema::Audit)).await
    }

    /// Sends in a transaction of its own.
    pub async fn send(&self, replica: &Replica, messages: &[Message<Poke>]) {
        let mut tx = replica.db.begin().await.unwrap();
        outbox::send_all(&mut tx, messages).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// How often something took effect.
    pub async fn effects(&self, kind: &str) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM effects WHERE kind = $1")
            .bind(kind)
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    /// How many different things took effect.
    pub async fn distinct_effects(&self) -> i64 {
        sqlx::query_scalar("SELECT count(DISTINCT n) FROM effects WHERE kind = 'done'")
            .fetch_one(&self.pool)
            .await
            .unwrap()
    }

    pub async fn until_effects(&self, kind: &str, count: i64) {
        wait::until(&format!("{count} {kind}"), LIMIT, || async {
            let now = self.effects(kind).await;
            if now < count {
                anyhow::bail!("{now} so far");
            }
            Ok(Some(()))
        })
        .await
        .unwrap();
    }

    /// Waits until nothing is under way: no row in the outbox, no message in the work stream.
    pub async fn until_quiet(&self, replica: &Replica) {
        wait::until("quiet", LIMIT, || async {
            let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
                .fetch_one(&self.pool)
                .await?;
            let stored = self.stored(replica, "WORK").await;
            if (rows, stored) != (0, 0) {
                anyhow::bail!("{rows} rows, {stored} messages");
            }
            Ok(Some(()))
        })
        .await
        .unwrap();
    }

    pub async fn until_dead(&self, replica: &Replica, count: usize) -> Vec<DeadLetter> {
        wait::until("dead letters", LIMIT, || async {
            let letters = dead_letters::list(&replica.bus, 100).await?;
            Ok((letters.len() >= count).then_some(letters))
        })
        .await
        .unwrap()
    }

    /// Messages in a stream.
    pub async fn stored(&self, _replica: &Replica, stream: &str) -> u64 {
        let stream = self.raw().await.get_stream(self.stream(stream)).await;
        stream.unwrap().cached_info().state.messages
    }

    pub fn stream(&self, stream: &str) -> String {
        format!("{}_{stream}", self.prefix)
    }

    /// A client that knows nothing of the bus.
    pub async fn raw(&self) -> async_nats::jetstream::Context {
        async_nats::jetstream::new(async_nats::connect(&self.url).await.unwrap())
    }

    /// Publishes the bytes of a poke by hand, under any sending id.
    pub async fn inject(&self, message: &Message<Poke>, sending_id: &str) {
        let payload = serde_json::to_vec(&message.body).unwrap();
        self.inject_raw(message.id.as_str(), sending_id, payload)
            .await;
    }

    pub async fn inject_raw(&self, id: &str, sending_id: &str, payload: Vec<u8>) {
        let mut headers = async_nats::HeaderMap::new();
        headers.insert("ce-id", id);
        headers.insert("ce-type", "test/poke");
        headers.insert("ce-source", "by-hand");
        headers.insert("Nats-Msg-Id", sending_id);
        let subject = format!("{}.work.test.poke.interactive", self.prefix);
        self.raw()
            .await
            .publish_with_headers(subject, headers, payload.into())
            .await
            .unwrap()
            .await
            .unwrap();
    }
}
