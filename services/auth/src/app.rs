//! Wiring: configuration to parts.

use crate::config::{Config, InternalClients, Lifetimes, SeedAdmin};
use crate::domain::machine::MachineTokens;
use crate::domain::password::Passwords;
use crate::keys::Keys;
use crate::rpc;
use crate::rpc::admin::Directory;
use crate::store::users;
use crate::sweeper;
use anyhow::Context;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tonic::service::Routes;
use vigie_bus::Db;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokensError, IssuedToken, Jwks, KeySource, KeySourceError, Realm,
};
use vigie_identity::{Clock, ServiceName};
use vigie_service::{Boot, GrpcOptions};

/// The schema of auth.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/auth");

/// Parts of the service.
pub struct Parts {
    /// The schema `auth`, for reads.
    pub pool: PgPool,
    /// The same, for transactions that may send.
    pub db: Db,
    /// Hashing.
    pub passwords: Passwords,
    /// Signing.
    pub keys: Keys,
    /// Lives of tokens.
    pub lifetimes: Lifetimes,
    /// Who may have internal tokens.
    pub clients: InternalClients,
    /// Machine callers.
    pub machines: MachineTokens,
    /// Time of token claims; deadlines in tables go by the database's.
    pub clock: Clock,
}

/// State shared by all RPCs.
#[derive(Clone)]
pub struct AppState(Arc<Parts>);

impl AppState {
    /// From ready pieces.
    pub fn from_parts(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// From configuration: prepares the schema's keys and the first administrator.
    pub async fn connect(config: &Config, realm: Realm, db: Db) -> anyhow::Result<Self> {
        let pool = db.pool().clone();
        let passwords = Passwords::new().await?;
        let sealing = Arc::clone(&config.sealing);
        let keys = Keys::load(
            pool.clone(),
            sealing,
            realm,
            config.lifetimes.access_seconds,
        )
        .await
        .context("signing keys")?;
        if let Some(admin) = &config.seed_admin {
            seed(&pool, &passwords, admin)
                .await
                .context("first administrator")?;
        }
        Ok(Self::from_parts(Parts {
            pool,
            db,
            passwords,
            keys,
            lifetimes: config.lifetimes,
            clients: config.clients.clone(),
            machines: config.machines.clone(),
            clock: Clock::system(),
        }))
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
    let pool = boot.postgres().await?;
    let bus = boot.bus().await?;
    let db = boot.db(&bus, pool);
    let realm = boot.platform.realm.clone();
    let state = AppState::connect(&boot.config, realm, db).await?;
    boot.use_own_keys(Arc::new(state.clone()), Arc::new(state.clone()));
    let options = GrpcOptions {
        public: rpc::PUBLIC,
        descriptors: &[vigie_contracts::DESCRIPTORS],
    };
    let directory = Directory::new(boot.channel(ServiceName::FicheCache));
    let every = boot.config.sweep_every;
    let sweeper = sweeper::run(state.clone(), every, boot.stop.clone());
    boot.spawn("sweeper", sweeper);
    let routes = Routes::new(rpc::service(state.clone()));
    let routes = routes.add_service(rpc::account::service(state.clone()));
    let routes = routes.add_service(rpc::trust::service(state.clone()));
    let routes = routes.add_service(rpc::principal::service(state.clone()));
    let routes = routes.add_service(rpc::admin::service(state, directory));
    boot.serve_grpc(routes, options);
    Ok(())
}

/// Auth verifies with its own keys …
#[tonic::async_trait]
impl KeySource for AppState {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        let reloaded = self.keys.reload().await;
        reloaded.map_err(|error| KeySourceError(format!("{error:#}")))?;
        Ok(self.keys.published(self.clock.now()))
    }
}

/// … and signs its own internal tokens.
#[tonic::async_trait]
impl InternalTokenSource for AppState {
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let now = self.clock.now();
        let signer = self.keys.signer(now);
        let signed = signer.internal(ServiceName::Auth, audience, now);
        let (token, seconds) = signed.map_err(|error| InternalTokensError(error.to_string()))?;
        Ok(IssuedToken {
            token,
            expires_in: Duration::from_secs(seconds.unsigned_abs()),
        })
    }
}

async fn seed(pool: &PgPool, passwords: &Passwords, admin: &SeedAdmin) -> anyhow::Result<()> {
    let hash = passwords.hash(admin.password.clone()).await?;
    let mut tx = pool.begin().await?;
    let created = users::seed_admin(&mut tx, &admin.email, &hash).await?;
    tx.commit().await?;
    if created {
        tracing::info!("first administrator created");
    }
    Ok(())
}
