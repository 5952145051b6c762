use super::database;
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::park::{self, LastWord};
use super::{Delivery, Failure, Handler};
use crate::{Db, store};
use sqlx::PgConnection;
use std::future::Future;
use std::time::Duration;
use vigie_events::Event;

/// Times a transaction starts again that the database broke off to settle a deadlock.
const TRANSACTION_TRIES: u32 = 3;

/// What an attempt found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Done {
    /// It took effect now.
    Handled,
    /// It had taken effect before.
    Seen,
    /// It is nothing to this service.
    Foreign,
}

/// One kind of consumer, for one message at a time.
pub(crate) trait Attempt<E: Event>: Send + Sync + 'static {
    /// Where to keep what has to wait, if there is a database.
    fn db(&self) -> Option<&Db>;

    /// The inbox check and the effect.
    fn attempt(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
    ) -> impl Future<Output = Result<Done, Failure>> + Send;

    /// The dead letter, and the service's last word unless it failed too often.
    fn park(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
        reason: &str,
        last_word: bool,
    ) -> impl Future<Output = Result<Done, Failure>> + Send;
}

/// A [`Handler`] in the transaction of its inbox row.
#[derive(Debug)]
pub(super) struct InTransaction<H> {
    pub db: Db,
    pub handler: H,
}

impl<E: Event, H: Handler<E>> Attempt<E> for InTransaction<H> {
    fn db(&self) -> Option<&Db> {
        Some(&self.db)
    }

    async fn attempt(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
    ) -> Result<Done, Failure> {
        let mut tried = 1;
        loop {
            match self.once(lane, inbound, delivery).await {
                Err(failure)
                    if tried < TRANSACTION_TRIES && database::broken_off(failure.error()) =>
                {
                    tried += 1;
                    let pause = Duration::from_millis(rand::random_range(5..50));
                    tokio::time::sleep(pause).await;
                }
                ended => return ended,
            }
        }
    }

    async fn park(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
        reason: &str,
        last_word: bool,
    ) -> Result<Done, Failure> {
        let word = last_word.then_some(self);
        park::in_transaction(&self.db, lane, inbound, delivery, reason, word).await
    }
}

impl<H> InTransaction<H> {
    async fn once<E: Event>(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
    ) -> Result<Done, Failure>
    where
        H: Handler<E>,
    {
        if !self.handler.concerns(&delivery.body) {
            return Ok(Done::Foreign);
        }
        let mut tx = self.db.begin().await.map_err(database::lost)?;
        if !record(&mut tx, lane, inbound, delivery.id.as_str()).await? {
            tx.rollback().await?;
            return Ok(Done::Seen);
        }
        match self.handler.handle(&mut tx, delivery).await {
            Ok(()) => {
                tx.commit().await?;
                Ok(Done::Handled)
            }
            Err(failure) => {
                // Now, not when the connection is next used: its locks would live on.
                tx.rollback().await?;
                Err(failure)
            }
        }
    }
}

impl<E: Event, H: Handler<E>> LastWord<E> for InTransaction<H> {
    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
        reason: &str,
    ) -> Result<(), Failure> {
        self.handler.parked(tx, delivery, reason).await
    }
}

/// The inbox row of a message about to take effect; `false` when there is one already.
pub(super) async fn record(
    tx: &mut PgConnection,
    lane: &LaneRuntime,
    inbound: &Inbound,
    id: &str,
) -> sqlx::Result<bool> {
    if inbound.replay > 0 {
        store::inbox::unpark(tx, &lane.inbox, id, inbound.replay).await?;
    }
    store::inbox::insert(tx, &lane.inbox, id).await
}
