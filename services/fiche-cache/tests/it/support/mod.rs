//! A running fiche cache with a CRM of its own.

mod callers;
mod calls;
mod settings;

pub use self::callers::{everyone, of, service, user, with_grants};
pub use self::calls::{plain, refresh};
pub use self::settings::vault;

use self::settings::{jobs, webhooks};

use anyhow::{Context, Result};
use chrono::NaiveDate;
use sqlx::PgPool;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_bus::{Bus, BusConfig, Consumers};
use vigie_fiche_cache::app::{AppState, MIGRATIONS, Parts};
use vigie_fiche_cache::config::Lifetimes;
use vigie_fiche_cache::events;
use vigie_simulators::crm::seed;
use vigie_simulators::{Options, Simulators};
use vigie_testkit::{Nats, Postgres, Schema, TestDatabase, wait};
use vigie_upstream::crm::{CrmClient, CrmConfig};

pub const LIMIT: Duration = Duration::from_secs(30);

/// The day that the CRM takes for today.
pub fn today() -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 1, 14).unwrap()
}

/// The id of a sale of that day; see `seed::fiche_id` for the places.
pub fn fiche(place: u64) -> String {
    seed::fiche_id(today(), place).to_string()
}

pub struct App {
    pub state: AppState,
    pub pool: PgPool,
    pub sims: Simulators,
    pub bus: Bus,
    stop: CancellationToken,
    tasks: TaskTracker,
    // Dropped last: the database goes with it.
    database: TestDatabase,
}

impl App {
    pub async fn start() -> Self {
        Self::with(Lifetimes::default()).await
    }

    pub async fn with(lifetimes: Lifetimes) -> Self {
        Self::try_start(lifetimes).await.unwrap()
    }

    async fn try_start(lifetimes: Lifetimes) -> Result<Self> {
        let sims = Simulators::start(Options {
            crm_today: Some(today()),
            ..Options::default()
        })
        .await?;
        let database = Postgres::shared().await?.database(&[Schema::Fiche]).await?;
        let pool = database.pool(Schema::Fiche).await?;
        MIGRATIONS.run(&pool).await?;
        vigie_bus::migrate(&pool).await?;
        vigie_webhooks::migrate(&pool).await?;
        let bus = Bus::connect(BusConfig {
            url: Nats::shared().await?.url().to_owned(),
            creds_file: None,
            prefix: Some(Nats::unique_prefix()),
            replicas: 1,
            source: "fiche-cache",
        })
        .await?;
        bus.ensure_topology().await?;
        let db = bus.db(pool.clone());
        let mut crm = CrmConfig {
            sales_include_recordings: true,
            ..CrmConfig::new(&sims.crm_url)
        };
        crm.retry.base = Duration::from_millis(5);
        let state = AppState::from_parts(Parts {
            db: db.clone(),
            crm: CrmClient::new(crm)?,
            lifetimes,
            flights: vigie_fiche_cache::domain::flights::Flights::default(),
            jobs: jobs(),
            webhooks: webhooks()?,
            vault: vault()?,
            access_days: 365,
        });
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let (relay, relay_bus, relay_stop) = (db.clone(), bus.clone(), stop.clone());
        tasks.spawn(async move { relay.relay(relay_bus, relay_stop).await });
        let mut consumers = Consumers::new(bus.clone(), Some(db), tasks.clone(), stop.clone());
        // One slot a lane: commands of a lane are worked off in their order.
        events::consume(&mut consumers, &state, 1).await?;
        let deliveries = state.webhooks.clone();
        tasks.spawn(deliveries.run(pool.clone(), pool.clone(), stop.clone()));
        Ok(Self {
            state,
            pool,
            sims,
            bus,
            stop,
            tasks,
            database,
        })
    }

    /// Waits until all sales have their details.
    pub async fn details(&self) {
        wait::until("details", LIMIT, || async {
            let open = self
                .count(
                    "SELECT (SELECT count(*) FROM fiche_cache WHERE state = 'sales_list')
                          + (SELECT count(*) FROM fiche_fetches)",
                )
                .await;
            Ok((open == 0).then_some(()))
        })
        .await
        .unwrap();
    }

    /// Ends it in the middle of its work.
    pub async fn end(self) {
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(LIMIT, self.tasks.wait())
            .await
            .unwrap();
    }

    /// Ends it in order; whatever it left unsent fails the test.
    pub async fn stop(self) {
        wait::until("an empty outbox", LIMIT, || async {
            let left: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
                .fetch_one(&self.pool)
                .await?;
            Ok((left == 0).then_some(()))
        })
        .await
        .unwrap();
        let leases = self.count("SELECT count(*) FROM fiche_fetches").await;
        self.stop.cancel();
        self.tasks.close();
        tokio::time::timeout(LIMIT, self.tasks.wait())
            .await
            .unwrap();
        assert_eq!(leases, 0, "a lease was left");
    }

    /// The address of the database.
    pub fn database_url(&self) -> String {
        self.database.url(Schema::Fiche)
    }

    pub async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&self.pool).await.unwrap()
    }

    pub async fn execute(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.pool).await.unwrap();
    }
}

/// Whose the fiche is, by the CRM: groupe and seller.
pub fn owner(place: u64) -> (String, String) {
    let wanted = seed::fiche_id(today(), place);
    let fiches = seed::seed(today());
    let found = fiches.iter().find(|it| it.id == wanted);
    let adviser = found.context("no such fiche").unwrap().adviser;
    (adviser.groupe.to_owned(), adviser.id.to_owned())
}
