//! Wiring: configuration to parts.

use crate::config::Config;
use crate::neighbours::Fiches;
use crate::speech::Speech;
use crate::sweeper::Sweeper;
use crate::workflow::{Settings, Workflow};
use crate::{events, rpc, store};
use anyhow::Context;
use sqlx::migrate::Migrator;
use std::sync::Arc;
use tonic::service::Routes;
use vigie_bus::{Bus, Consumers, Db};
use vigie_service::{Boot, GrpcOptions, ServiceName};
use vigie_upstream::speech::{Downloader, SpeechClient};
use vigie_webhooks::{GuardConfig, UrlGuard};

/// The service's own tables; the bus brings its own.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/transcription");

/// What requests and messages are handled with. Cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The database, with the outbox.
    pub db: Db,
    /// Moves runs on.
    pub workflow: Workflow,
    /// The fiche cache.
    pub fiches: Fiches,
    /// The provider.
    pub speech: Arc<Speech>,
}

impl AppState {
    /// From configuration. `development` opens this machine for recordings.
    pub async fn connect(
        config: &Config,
        db: Db,
        fiches: Fiches,
        development: bool,
    ) -> anyhow::Result<Self> {
        let guard = UrlGuard::new(GuardConfig {
            development,
            allowed_origins: Vec::new(),
            subject: "recording_url",
        })
        .context("the guard of recording URLs")?;
        let client = SpeechClient::new(config.speech.clone())
            .context("the client of the speech provider")?;
        let downloader =
            Downloader::new(config.download.clone(), guard).context("the client of recordings")?;
        let settings = Settings {
            provider_configured: client.is_configured(),
            ..config.settings.clone()
        };
        let mut conn = db.acquire().await?;
        store::limit::ensure(&mut conn, client.provider_name()).await?;
        drop(conn);
        let speech = Speech::new(client, downloader, config.limits, config.prices.clone())
            .context("the directory of recordings")?;
        Ok(Self {
            db,
            workflow: Workflow::new(settings),
            fiches,
            speech: Arc::new(speech),
        })
    }
}

/// Starts the service.
pub async fn start(boot: Boot<Config>) -> anyhow::Result<()> {
    boot.migrate(&MIGRATIONS).await?;
    let pool = boot.postgres().await?;
    let bus = boot.bus().await?;
    let db = boot.db(&bus, pool);
    let fiches = Fiches::new(boot.channel(ServiceName::FicheCache));
    let development = !boot.platform.is_production();
    let state = AppState::connect(&boot.config, db, fiches, development).await?;
    if !state.workflow.settings().provider_configured {
        // It starts, so that what is stored can be read; who asks for more is told.
        tracing::error!("ELEVENLABS_API_KEY is not set: nothing can be transcribed");
        boot.ready_when("speech", || async {
            anyhow::bail!("ELEVENLABS_API_KEY is not set")
        });
    }
    from_parts(&boot, bus, state).await
}

/// Starts consumers, sweeper and RPCs over ready parts.
pub async fn from_parts(boot: &Boot<Config>, bus: Bus, state: AppState) -> anyhow::Result<()> {
    let db = Some(state.db.clone());
    let mut consumers = Consumers::new(bus.clone(), db, boot.tasks.clone(), boot.stop.clone());
    events::consume(&mut consumers, &state, boot.config.concurrency).await?;
    let sweeper = Sweeper {
        db: state.db.clone(),
        workflow: state.workflow.clone(),
    };
    boot.spawn("sweeper", sweeper.run(bus, boot.stop.clone()));
    let options = GrpcOptions {
        descriptors: &[vigie_contracts::DESCRIPTORS],
        ..Default::default()
    };
    let routes = Routes::new(rpc::service(state.clone())).add_service(rpc::operations(state));
    boot.serve_grpc(routes, options);
    Ok(())
}
