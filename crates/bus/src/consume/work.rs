use super::attempt::{Attempt, Done, record};
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::park::{self, LastWord};
use super::{Delivery, Failure, Worker, database};
use crate::{Db, store};
use sqlx::PgConnection;
use vigie_events::Event;

/// A [`Worker`]: no transaction is open while it works.
#[derive(Debug)]
pub(super) struct ThenStore<W> {
    pub db: Db,
    pub worker: W,
}

impl<E: Event, W: Worker<E>> Attempt<E> for ThenStore<W> {
    fn db(&self) -> Option<&Db> {
        Some(&self.db)
    }

    async fn attempt(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
    ) -> Result<Done, Failure> {
        if !self.worker.concerns(&delivery.body) {
            return Ok(Done::Foreign);
        }
        let id = delivery.id.as_str();
        // Before work that may cost money, unless nothing can have been done yet: the inbox row
        // that is written with the result settles the rest.
        if !delivery.fresh {
            let mut conn = self.db.acquire().await.map_err(database::lost)?;
            if store::inbox::seen(&mut conn, &lane.inbox, id, inbound.replay).await? {
                return Ok(Done::Seen);
            }
        }
        let output = self.worker.work(delivery).await?;
        let mut tx = self.db.begin().await.map_err(database::lost)?;
        if !record(&mut tx, lane, inbound, id).await? {
            // Another worker was faster; what this one brought is not needed.
            tx.rollback().await?;
            return Ok(Done::Seen);
        }
        match self.worker.store(&mut tx, delivery, output).await {
            Ok(()) => {
                tx.commit().await?;
                Ok(Done::Handled)
            }
            Err(failure) => {
                tx.rollback().await?;
                Err(failure)
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

impl<E: Event, W: Worker<E>> LastWord<E> for ThenStore<W> {
    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<E>,
        reason: &str,
    ) -> Result<(), Failure> {
        self.worker.parked(tx, delivery, reason).await
    }
}
