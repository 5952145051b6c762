use super::messages::{Poke, poked};
use sqlx::PgConnection;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use vigie_bus::{BatchHandler, Delivery, Failure, Handler, StatelessWorker, Worker, outbox};

/// What a handler does with a delivery.
#[derive(Debug, Clone, Copy)]
pub enum Act {
    Do,
    DoAfter(Duration),
    Fail,
    Park,
    Panic,
    Hang,
    Defer(Duration),
}

/// A handler of every kind that follows a script, and counts how often it was called. Its effect
/// is a row in `effects`, a table that refuses nothing, and a fact.
#[derive(Clone)]
pub struct Scripted {
    script: Arc<dyn Fn(i64, u32) -> Act + Send + Sync>,
    pub calls: Arc<AtomicUsize>,
}

impl Scripted {
    pub fn new(script: impl Fn(i64, u32) -> Act + Send + Sync + 'static) -> Self {
        Self {
            script: Arc::new(script),
            calls: Arc::new(AtomicUsize::new(0)),
        }
    }

    pub fn always(act: Act) -> Self {
        Self::new(move |_, _| act)
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    async fn act(&self, delivery: &Delivery<Poke>) -> Result<(), Failure> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        match (self.script)(delivery.body.n, delivery.delivery) {
            Act::Do => Ok(()),
            Act::DoAfter(pause) => {
                tokio::time::sleep(pause).await;
                Ok(())
            }
            Act::Fail => Err(Failure::retry("scripted failure")),
            Act::Park => Err(Failure::park("scripted hopelessness")),
            Act::Panic => panic!("scripted panic"),
            Act::Hang => std::future::pending().await,
            Act::Defer(after) => Err(Failure::defer("scripted patience", after)),
        }
    }
}

async fn effect(tx: &mut PgConnection, delivery: &Delivery<Poke>) -> Result<(), Failure> {
    sqlx::query("INSERT INTO effects (n, kind) VALUES ($1, 'done')")
        .bind(delivery.body.n)
        .execute(&mut *tx)
        .await?;
    outbox::send(tx, &poked(delivery.body.n)).await?;
    Ok(())
}

async fn last_word(tx: &mut PgConnection, delivery: &Delivery<Poke>) -> Result<(), Failure> {
    sqlx::query("INSERT INTO effects (n, kind) VALUES ($1, 'parked')")
        .bind(delivery.body.n)
        .execute(tx)
        .await?;
    Ok(())
}

impl Handler<Poke> for Scripted {
    async fn handle(&self, tx: &mut PgConnection, it: &Delivery<Poke>) -> Result<(), Failure> {
        // The effect first: what fails afterwards must undo it.
        effect(tx, it).await?;
        self.act(it).await
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        it: &Delivery<Poke>,
        _reason: &str,
    ) -> Result<(), Failure> {
        last_word(tx, it).await
    }
}

impl BatchHandler<Poke> for Scripted {
    async fn handle(&self, tx: &mut PgConnection, all: &[Delivery<Poke>]) -> Result<(), Failure> {
        for it in all {
            effect(tx, it).await?;
            self.act(it).await?;
        }
        Ok(())
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        it: &Delivery<Poke>,
        _reason: &str,
    ) -> Result<(), Failure> {
        last_word(tx, it).await
    }
}

impl Worker<Poke> for Scripted {
    type Output = ();

    async fn work(&self, it: &Delivery<Poke>) -> Result<(), Failure> {
        self.act(it).await
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        it: &Delivery<Poke>,
        (): (),
    ) -> Result<(), Failure> {
        effect(tx, it).await
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        it: &Delivery<Poke>,
        _reason: &str,
    ) -> Result<(), Failure> {
        last_word(tx, it).await
    }
}

impl StatelessWorker<Poke> for Scripted {
    async fn work(&self, it: &Delivery<Poke>) -> Result<(), Failure> {
        self.act(it).await
    }
}
