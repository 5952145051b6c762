//! How many small messages a second go through outbox, relay, stream, inbox and handler, with a
//! private Postgres and NATS on this machine: `cargo run -p vigie-bus --release --example
//! throughput [messages]`. Commands are handled one a transaction and each sends a fact; facts are
//! handled in batches.

use anyhow::Result;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_bus::{
    BatchHandler, Bus, BusConfig, ConsumerOptions, Consumers, Db, Delivery, Failure, Handler,
    outbox,
};
use vigie_events::{Event, Kind, Message, MessageId};
use vigie_testkit::{Nats, Postgres, Schema, wait};

/// Messages sent in one transaction: the steps of an audit.
const A_TRANSACTION: usize = 18;
const LIMIT: Duration = Duration::from_secs(300);

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Ask {
    n: usize,
}

impl Event for Ask {
    const NAME: &'static str = "bench/ask";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Asks.";

    fn entity(&self) -> Vec<String> {
        vec![self.n.to_string()]
    }
}

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
struct Answer {
    n: usize,
}

impl Event for Answer {
    const NAME: &'static str = "bench/answer";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "Answers.";

    fn entity(&self) -> Vec<String> {
        vec![self.n.to_string()]
    }
}

struct Answering(Arc<AtomicUsize>);

impl Handler<Ask> for Answering {
    async fn handle(&self, tx: &mut PgConnection, ask: &Delivery<Ask>) -> Result<(), Failure> {
        let n = ask.body.n;
        let id = MessageId::new(format!("answer-{n}"));
        outbox::send(tx, &Message::new(id, Answer { n })).await?;
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

struct Counting(Arc<AtomicUsize>);

impl BatchHandler<Answer> for Counting {
    async fn handle(&self, _: &mut PgConnection, all: &[Delivery<Answer>]) -> Result<(), Failure> {
        self.0.fetch_add(all.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let messages = match std::env::args().nth(1) {
        Some(text) => text.parse()?,
        None => 20_000,
    };
    let nats = Nats::start().await?;
    let database = Postgres::shared().await?.database(&[Schema::Audit]).await?;
    let pool = database.pool(Schema::Audit).await?;
    vigie_bus::migrate(&pool).await?;
    let bus = Bus::connect(BusConfig {
        url: nats.url().to_owned(),
        creds_file: None,
        prefix: None,
        replicas: 1,
        source: "bench",
    })
    .await?;
    bus.ensure_topology().await?;
    let db = bus.db(pool);
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(db.clone().relay(bus.clone(), stop.clone()));

    let began = Instant::now();
    send(&db, messages).await?;
    rate("committed to the outbox", messages, began);
    wait::until("an empty outbox", LIMIT, || async {
        let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
            .fetch_one(db.pool())
            .await?;
        Ok((rows == 0).then_some(()))
    })
    .await?;
    rate("committed and published", messages, began);

    let (asked, answered) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let began = Instant::now();
    let mut consumers = Consumers::new(bus, Some(db), tasks.clone(), stop.clone());
    let asks = options("asks", 6);
    consumers
        .handler(asks, Answering(Arc::clone(&asked)))
        .await?;
    let answers = options("answers", 1);
    consumers
        .batch(answers, Counting(Arc::clone(&answered)))
        .await?;
    until(&asked, messages).await?;
    rate("handled one by one, each sending a fact", messages, began);
    until(&answered, messages).await?;
    rate("there and back", messages, began);

    stop.cancel();
    tasks.close();
    tasks.wait().await;
    Ok(())
}

fn options(name: &'static str, slots: usize) -> ConsumerOptions {
    ConsumerOptions {
        name,
        slots,
        ..ConsumerOptions::default()
    }
}

async fn send(db: &Db, messages: usize) -> Result<()> {
    for first in (0..messages).step_by(A_TRANSACTION) {
        let asks: Vec<_> = (first..messages.min(first + A_TRANSACTION))
            .map(|n| Message::new(MessageId::new(format!("ask-{n}")), Ask { n }))
            .collect();
        let mut tx = db.begin().await?;
        outbox::send_all(&mut tx, &asks).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn until(counter: &AtomicUsize, count: usize) -> Result<()> {
    wait::until("all messages", LIMIT, || async {
        Ok((counter.load(Ordering::Relaxed) >= count).then_some(()))
    })
    .await
}

#[expect(clippy::cast_precision_loss, reason = "a rate is a rough number")]
fn rate(what: &str, messages: usize, began: Instant) {
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{what}: {messages} in {seconds:.2} s, {:.0}/s",
        messages as f64 / seconds
    );
}
