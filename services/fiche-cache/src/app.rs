//! Wiring: configuration to parts.

use crate::config::{Config, JobSettings, Lifetimes};
use crate::crm_gate::SharedGate;
use crate::domain::flights::Flights;
use crate::domain::vault::Vault;
use crate::{events, rpc, sweeper};
use anyhow::Context;
use sqlx::migrate::Migrator;
use std::ops::Deref;
use std::sync::Arc;
use tonic::service::Routes;
use vigie_bus::{Consumers, Db};
use vigie_service::{Boot, GrpcOptions};
use vigie_upstream::crm::{CrmClient, CrmGate};
use vigie_webhooks::Webhooks;

/// The schema of the fiche cache.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/fiche");

/// Parts of the service.
pub struct Parts {
    /// The schema `fiche`.
    pub db: Db,
    /// The CRM.
    pub crm: CrmClient,
    /// Lives of rows.
    pub lifetimes: Lifetimes,
    /// Readers' fetches under way.
    pub flights: Flights,
    /// How days of sales are fetched.
    pub jobs: JobSettings,
    /// Who hears of it.
    pub webhooks: Webhooks,
    /// Seals what is sensitive.
    pub vault: Vault,
    /// How long it is known who read a fiche.
    pub access_days: i32,
}

/// State shared by RPCs and consumers.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

impl AppState {
    /// From ready pieces.
    pub fn from_parts(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// From configuration, with the gate that has to run beside it.
    pub fn connect(config: &Config, db: Db) -> anyhow::Result<(Self, Arc<SharedGate>)> {
        let crm = CrmClient::new(config.crm.clone()).context("the client of the CRM")?;
        let flights = Flights::default();
        let gate = Arc::new(SharedGate::new(
            db.clone(),
            flights.bell().clone(),
            config.crm.fiche_concurrency,
            config.crm.sales_concurrency,
        ));
        let state = Self::from_parts(Parts {
            db,
            crm: crm.behind(Arc::clone(&gate) as Arc<dyn CrmGate>),
            lifetimes: config.lifetimes,
            flights,
            jobs: config.jobs.clone(),
            webhooks: Webhooks::new(config.webhooks.clone()).context("webhooks")?,
            vault: Vault::new(Arc::clone(&config.webhooks.keys)),
            access_days: config.access_days,
        });
        Ok((state, gate))
    }
}

impl Deref for AppState {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

/// Starts the service.
pub async fn start(boot: Boot<Config>) -> anyhow::Result<()> {
    boot.migrate(&MIGRATIONS).await?;
    boot.migrate_with("webhooks", async |pool| {
        Ok(vigie_webhooks::migrate(pool).await?)
    })
    .await?;
    let pool = boot.postgres().await?;
    let bus = boot.bus().await?;
    let db = boot.db(&bus, pool.clone());
    let fetches = boot.config.crm.fiche_concurrency;
    let (state, gate) = AppState::connect(&boot.config, db.clone())?;
    gate.prepare().await.context("turns at the CRM")?;

    let (tasks, stop) = (boot.tasks.clone(), boot.stop.clone());
    let mut consumers = Consumers::new(bus.clone(), Some(db), tasks, stop);
    events::consume(&mut consumers, &state, fetches).await?;
    // Notifications come through a connection of one's own only, never through a pooler.
    let direct = boot.postgres_direct().await?;
    let (gate_pool, gate_stop) = (direct.clone(), boot.stop.clone());
    boot.spawn(
        "crm-gate",
        async move { gate.run(gate_pool, gate_stop).await },
    );
    let deliveries = state.webhooks.clone().run(pool, direct, boot.stop.clone());
    boot.spawn("webhooks", async {
        deliveries.await;
        Ok(())
    });
    boot.spawn(
        "sweeper",
        sweeper::run(state.clone(), bus, boot.stop.clone()),
    );

    let options = GrpcOptions {
        public: &[],
        descriptors: &[vigie_contracts::DESCRIPTORS],
    };
    let routes = Routes::new(rpc::service(state.clone()))
        .add_service(rpc::directory::service(state.clone()))
        .add_service(rpc::maintenance::service(state.clone()))
        .add_service(rpc::jobs::service(state.clone()))
        .add_service(rpc::webhooks::service(state));
    boot.serve_grpc(routes, options);
    Ok(())
}
