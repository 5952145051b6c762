//! Wiring: configuration to parts.

use crate::config::Config;
use crate::neighbours::Neighbours;
use crate::sweeper::Sweeper;
use crate::workflow::Workflow;
use crate::{events, rpc, seeds};
use sqlx::migrate::Migrator;
use tonic::service::Routes;
use vigie_bus::{Bus, Consumers, Db};
use vigie_service::{Boot, GrpcOptions, ServiceName};

/// The service's own tables; the bus brings its own.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/audit");

/// What requests and messages are handled with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database, with the outbox.
    pub db: Db,
    /// Moves audits on.
    pub workflow: Workflow,
    /// Other services.
    pub neighbours: Neighbours,
}

impl AppState {
    /// Whether scores of the built-in engine count beside those of models: where it is the
    /// installation's own there are no others (`audits.md` 5.6).
    pub fn counts_lexical(&self, asked: bool) -> bool {
        asked || self.workflow.settings().engine == "lexical"
    }
}

/// Starts the service.
pub async fn start(boot: Boot<Config>) -> anyhow::Result<()> {
    boot.migrate(&MIGRATIONS).await?;
    let pool = boot.postgres().await?;
    let bus = boot.bus().await?;
    let db = boot.db(&bus, pool);
    seeds::plant(&db).await?;
    let state = AppState {
        db,
        workflow: Workflow::new(boot.config.settings.clone()),
        neighbours: Neighbours::new(
            boot.channel(ServiceName::FicheCache),
            boot.channel(ServiceName::Transcription),
        ),
    };
    from_parts(&boot, bus, state).await
}

/// Starts consumers, watchdog and RPCs over ready parts.
pub async fn from_parts(boot: &Boot<Config>, bus: Bus, state: AppState) -> anyhow::Result<()> {
    let db = Some(state.db.clone());
    let mut consumers = Consumers::new(bus.clone(), db, boot.tasks.clone(), boot.stop.clone());
    events::consume(&mut consumers, &state, boot.config.run_concurrency).await?;
    let sweeper = Sweeper {
        db: state.db.clone(),
        workflow: state.workflow.clone(),
        log_retention: boot.config.log_retention,
    };
    boot.spawn("watchdog", sweeper.run(bus, boot.stop.clone()));
    let options = GrpcOptions {
        descriptors: &[vigie_contracts::DESCRIPTORS],
        ..Default::default()
    };
    let routes = Routes::new(rpc::service(state.clone()))
        .add_service(rpc::reviews::service(state.clone()))
        .add_service(rpc::operations::service(state.clone()))
        .add_service(rpc::batches::service(state.clone()))
        .add_service(rpc::catalogue::service(state.clone()))
        .add_service(rpc::rescore::service(state.clone()))
        .add_service(rpc::projection::service(state));
    boot.serve_grpc(routes, options);
    Ok(())
}
