//! The consumer runtime: pull when free, decode, skip what was seen, run the handler under a
//! deadline, settle by its outcome.

mod attempt;
mod backoff;
mod batch;
mod database;
mod delivery;
mod guard;
mod handlers;
mod inbound;
mod intake;
mod lane;
mod meters;
mod options;
mod park;
mod showing;
mod single;
mod slot;
mod stateless;
mod work;

pub use delivery::{Delivery, Failure};
pub use handlers::{BatchHandler, Handler, StatelessWorker, Worker};
pub use options::ConsumerOptions;
pub use showing::{RealtimeQueue, Shown};

use crate::{Bus, BusError, Db};
use batch::Batches;
use lane::LaneRuntime;
use single::Singles;
use slot::Work;
use std::marker::PhantomData;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_events::{Event, Kind, Lane};

/// The consumers of a service. After `stop` they pull no more, finish or hand back what they hold,
/// and their tasks end; then [`Bus::drain`] closes the connection.
#[derive(Debug)]
pub struct Consumers {
    bus: Bus,
    db: Option<Db>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Consumers {
    /// Consumers whose tasks run in `tasks` and end after `stop`.
    pub fn new(bus: Bus, db: Option<Db>, tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            bus,
            db,
            tasks,
            stop,
        }
    }

    /// Handles `E` inside transactions.
    pub async fn handler<E: Event, H: Handler<E>>(
        &mut self,
        options: ConsumerOptions,
        handler: H,
    ) -> Result<(), BusError> {
        let db = self.database(&options)?;
        let work = attempt::InTransaction { db, handler };
        self.start::<E, _>(&options, 1, |lane| Singles::new(lane, work))
            .await
    }

    /// Handles what arrived together of `E` in one transaction.
    pub async fn batch<E: Event, H: BatchHandler<E>>(
        &mut self,
        options: ConsumerOptions,
        handler: H,
    ) -> Result<(), BusError> {
        let db = self.database(&options)?;
        let take = options.batch.max(1);
        self.start::<E, _>(&options, take, |lane| Batches::new(lane, db, handler))
            .await
    }

    /// Works on `E` outside transactions and stores the result in one.
    pub async fn worker<E: Event, W: Worker<E>>(
        &mut self,
        options: ConsumerOptions,
        worker: W,
    ) -> Result<(), BusError> {
        let db = self.database(&options)?;
        let work = work::ThenStore { db, worker };
        self.start::<E, _>(&options, 1, |lane| Singles::new(lane, work))
            .await
    }

    /// Works on `E` without a database.
    pub async fn stateless<E: Event, W: StatelessWorker<E>>(
        &mut self,
        options: ConsumerOptions,
        worker: W,
    ) -> Result<(), BusError> {
        let work = stateless::Stateless { worker };
        let take = options.batch.max(1);
        self.start::<E, _>(&options, take, |lane| Singles::new(lane, work))
            .await
    }

    fn database(&self, options: &ConsumerOptions) -> Result<Db, BusError> {
        self.db.clone().ok_or(BusError::NoDatabase(options.name))
    }

    /// Creates the durable consumers and starts their slots, interactive first.
    async fn start<E: Event, W: Work<E>>(
        &mut self,
        options: &ConsumerOptions,
        take: usize,
        work: impl FnOnce(PhantomData<E>) -> W,
    ) -> Result<(), BusError> {
        let work = Arc::new(work(PhantomData));
        let lanes: &[Option<Lane>] = match E::KIND {
            Kind::LanedCommand => &[Some(Lane::Interactive), Some(Lane::Bulk)],
            Kind::Command | Kind::Fact => &[None],
        };
        for &lane in lanes {
            let runtime =
                LaneRuntime::open::<E>(&self.bus, self.db.as_ref(), options, lane, &self.stop)
                    .await?;
            let runtime = Arc::new(runtime);
            self.tasks.spawn(meters::sample(Arc::clone(&runtime)));
            for _ in 0..options.slots.max(1) {
                self.tasks.spawn(slot::run::<E, W>(
                    Arc::clone(&runtime),
                    Arc::clone(&work),
                    take,
                ));
            }
        }
        Ok(())
    }
}
