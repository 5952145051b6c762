use std::future::Future;
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_bus::{Bus, BusConfig, ConsumerOptions, Consumers, Db};

/// One replica of a service: its own runtime, connections and tasks, so that it can be killed.
pub struct Replica {
    runtime: Option<Runtime>,
    pub bus: Bus,
    pub db: Db,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Replica {
    pub async fn start(config: BusConfig, database: String) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let (bus, db) = runtime
            .spawn(async move {
                let bus = Bus::connect(config).await.unwrap();
                bus.ensure_topology().await.unwrap();
                let pool = sqlx::postgres::PgPoolOptions::new()
                    .max_connections(12)
                    .connect(&database)
                    .await
                    .unwrap();
                let db = bus.db(pool);
                (bus, db)
            })
            .await
            .unwrap();
        Self {
            runtime: Some(runtime),
            bus,
            db,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        }
    }

    /// Runs the relay in this replica.
    pub fn relay(&self) {
        let relay = self
            .db
            .clone()
            .relay(self.bus.clone(), self.stop.child_token());
        let tracked = self.tasks.track_future(relay);
        self.runtime.as_ref().unwrap().spawn(tracked);
    }

    /// Starts consumers in this replica, with or without the database.
    pub async fn consume<F, Fut>(&self, database: bool, start: F)
    where
        F: FnOnce(Consumers) -> Fut,
        Fut: Future<Output = Result<(), vigie_bus::BusError>> + Send + 'static,
    {
        let consumers = Consumers::new(
            self.bus.clone(),
            database.then(|| self.db.clone()),
            self.tasks.clone(),
            self.stop.clone(),
        );
        let starting = start(consumers);
        self.runtime
            .as_ref()
            .unwrap()
            .spawn(starting)
            .await
            .unwrap()
            .unwrap();
    }

    /// As SIGKILL does: nothing is finished, handed back or said.
    pub fn kill(mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }

    /// As SIGTERM does. Fails when its tasks do not end in time.
    pub async fn stop(mut self, limit: Duration) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(limit, self.tasks.wait())
            .await
            .expect("tasks that end");
        self.bus.drain().await;
        assert!(self.bus.ready().await.is_err(), "a closed connection");
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Fast enough for tests, small enough to show what concurrency does.
pub fn options() -> ConsumerOptions {
    ConsumerOptions {
        name: "poke",
        max_ack_pending: 100,
        slots: 3,
        ack_wait: Duration::from_secs(2),
        deadline: Duration::from_secs(10),
        max_attempts: 3,
        batch: 20,
    }
}
