//! Wiring: configuration to parts.

use crate::config::{Config, InternalClients, Lifetimes, SeedAdmin};
use crate::domain::machine::MachineTokens;
use crate::domain::password::Passwords;
use crate::domain::sealed::SealingKeys;
use crate::rpc;
use crate::rpc::admin::Directory;
use crate::store::keys::StoredKey;
use crate::store::{keys, users};
use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::ExposeSecret;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tonic::service::Routes;
use vigie_bus::Db;
use vigie_identity::tokens::{
    InternalTokenSource, InternalTokensError, IssuedToken, Jwks, KeySource, KeySourceError, Realm,
    Signer, SigningKey,
};
use vigie_identity::{Clock, ServiceName};
use vigie_service::{Boot, GrpcOptions};

/// The schema of auth.
pub static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/auth");

/// What sealed signing keys are bound to.
const KEY_CONTEXT: &str = "signing-key";

/// The keys in use.
pub struct KeyRing {
    /// Signs with the newest key.
    pub signer: Signer,
    /// Every key that tokens may still be signed with.
    pub published: Jwks,
}

/// Parts of the service.
pub struct Parts {
    /// The schema `auth`, for reads.
    pub pool: PgPool,
    /// The same, for transactions that may send.
    pub db: Db,
    /// Hashing.
    pub passwords: Passwords,
    /// Signing.
    pub keys: KeyRing,
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
        let keys = key_ring(&pool, &config.sealing, realm)
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
    let routes = Routes::new(rpc::service(state.clone()));
    let routes = routes.add_service(rpc::admin::service(state, directory));
    boot.serve_grpc(routes, options);
    Ok(())
}

/// Auth verifies with its own keys …
#[tonic::async_trait]
impl KeySource for AppState {
    async fn fetch(&self) -> Result<Jwks, KeySourceError> {
        Ok(self.keys.published.clone())
    }
}

/// … and signs its own internal tokens.
#[tonic::async_trait]
impl InternalTokenSource for AppState {
    async fn issue(&self, audience: ServiceName) -> Result<IssuedToken, InternalTokensError> {
        let signed = self
            .keys
            .signer
            .internal(ServiceName::Auth, audience, self.clock.now());
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

/// Loads the live keys; the first start of an installation makes one.
async fn key_ring(pool: &PgPool, sealing: &SealingKeys, realm: Realm) -> anyhow::Result<KeyRing> {
    let mut tx = pool.begin().await?;
    let mut stored = keys::live(&mut tx).await?;
    if stored.is_empty() {
        let key = SigningKey::generate()?;
        let row = StoredKey {
            kid: key.kid().to_owned(),
            public_key: URL_SAFE_NO_PAD.decode(&key.jwk().x)?,
            private_key: sealing.seal(KEY_CONTEXT, key.pkcs8().expose_secret())?,
        };
        if keys::insert_first(&mut tx, &row).await? {
            tracing::info!(key.id = row.kid, "signing key generated");
        }
        stored = keys::live(&mut tx).await?;
    }
    tx.commit().await?;
    let open = |row: &StoredKey| {
        let der = sealing.open(KEY_CONTEXT, &row.private_key)?;
        Ok(SigningKey::from_pkcs8(&row.kid, &der)?)
    };
    let live: Vec<_> = stored.iter().map(open).collect::<anyhow::Result<_>>()?;
    let newest = live.last().context("no signing key")?;
    Ok(KeyRing {
        signer: Signer::new(realm, newest),
        published: Jwks {
            keys: live.iter().map(SigningKey::jwk).collect(),
        },
    })
}
