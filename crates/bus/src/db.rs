use crate::{Bus, BusError, relay};
use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// A service's database: how it opens a transaction that may send.
#[derive(Debug, Clone)]
pub struct Db {
    pool: PgPool,
    waker: Arc<Notify>,
    senders: TaskTracker,
}

impl Db {
    pub(crate) fn new(pool: PgPool) -> Self {
        Self {
            pool,
            waker: Arc::new(Notify::new()),
            senders: TaskTracker::new(),
        }
    }

    /// Opens a transaction whose commit wakes the relay.
    pub async fn begin(&self) -> sqlx::Result<Tx> {
        Ok(Tx {
            inner: self.pool.begin().await?,
            waker: Arc::clone(&self.waker),
        })
    }

    /// The pool, for reads.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// A connection of the pool, for reads.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        self.pool.acquire().await
    }

    /// Publishes what commits put into the outbox; each second also what crashed replicas left and
    /// what waited for its time. Run it as a task; any number of replicas may. After `stop` it goes
    /// on until the consumers of this process have ended.
    pub async fn relay(self, bus: Bus, stop: CancellationToken) -> Result<(), BusError> {
        relay::run(&self, &bus, &stop).await
    }

    pub(crate) fn waker(&self) -> &Notify {
        &self.waker
    }

    /// Held by a task that may still send while the service stops: the relay outlives it.
    pub(crate) fn sender(&self) -> TaskTrackerToken {
        self.senders.token()
    }

    /// Waits until no task that may send is left.
    pub(crate) async fn senders_ended(&self) {
        self.senders.close();
        self.senders.wait().await;
    }
}

/// A transaction that may send: everything in it commits together or not at all.
#[derive(Debug)]
pub struct Tx {
    inner: Transaction<'static, Postgres>,
    waker: Arc<Notify>,
}

impl Tx {
    /// Commits and wakes the relay. After an error the outcome is unknown.
    pub async fn commit(self) -> sqlx::Result<()> {
        let committed = self.inner.commit().await;
        // Also after an error: the commit may have happened.
        self.waker.notify_one();
        committed
    }

    /// Undoes everything, now rather than when the connection is used again.
    pub async fn rollback(self) -> sqlx::Result<()> {
        self.inner.rollback().await
    }
}

impl Deref for Tx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.inner
    }
}

impl DerefMut for Tx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.inner
    }
}
