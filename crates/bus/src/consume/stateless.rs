use super::attempt::{Attempt, Done};
use super::inbound::Inbound;
use super::lane::LaneRuntime;
use super::park::Letter;
use super::{Delivery, Failure, StatelessWorker};
use crate::Db;
use vigie_events::Event;

/// A [`StatelessWorker`]: what it publishes is its only memory.
#[derive(Debug)]
pub(super) struct Stateless<W> {
    pub worker: W,
}

impl<E: Event, W: StatelessWorker<E>> Attempt<E> for Stateless<W> {
    fn db(&self) -> Option<&Db> {
        None
    }

    async fn attempt(
        &self,
        _lane: &LaneRuntime,
        _inbound: &Inbound,
        delivery: &Delivery<E>,
    ) -> Result<Done, Failure> {
        self.worker.work(delivery).await?;
        Ok(Done::Handled)
    }

    async fn park(
        &self,
        lane: &LaneRuntime,
        inbound: &Inbound,
        delivery: &Delivery<E>,
        reason: &str,
        last_word: bool,
    ) -> Result<Done, Failure> {
        if last_word {
            self.worker.parked(delivery, reason).await?;
        }
        Letter::of(lane, inbound, reason).publish(lane).await?;
        Ok(Done::Handled)
    }
}
