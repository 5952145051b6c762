//! The consumer runtime.

mod delivery;
mod handlers;
mod options;

pub use delivery::{Delivery, Failure};
pub use handlers::{BatchHandler, Handler, StatelessWorker, Worker};
pub use options::ConsumerOptions;

use crate::{Bus, BusError, Db};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_events::Event;

/// The consumers of a service.
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

    /// Starts a handler.
    pub async fn handler<E: Event, H: Handler<E>>(
        &mut self,
        options: ConsumerOptions,
        handler: H,
    ) -> Result<(), BusError> {
        let _ = (&self.bus, &self.db, &self.tasks, &self.stop, handler);
        Err(BusError::NoDatabase(options.name))
    }

    /// Starts a batch handler.
    pub async fn batch<E: Event, H: BatchHandler<E>>(
        &mut self,
        options: ConsumerOptions,
        handler: H,
    ) -> Result<(), BusError> {
        let _ = handler;
        Err(BusError::NoDatabase(options.name))
    }

    /// Starts a worker.
    pub async fn worker<E: Event, W: Worker<E>>(
        &mut self,
        options: ConsumerOptions,
        worker: W,
    ) -> Result<(), BusError> {
        let _ = worker;
        Err(BusError::NoDatabase(options.name))
    }

    /// Starts a worker of a service without a database.
    pub async fn stateless<E: Event, W: StatelessWorker<E>>(
        &mut self,
        options: ConsumerOptions,
        worker: W,
    ) -> Result<(), BusError> {
        let _ = worker;
        Err(BusError::NoDatabase(options.name))
    }
}
