use super::Boot;
use crate::grpc::{AuthKeys, AuthTokens, InternalChannel};
use crate::platform::Database;
use crate::postgres;
use crate::revocations::{FeedAge, Follower};
use anyhow::Context;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::sync::Arc;
use url::Url;
use vigie_bus::{Bus, BusConfig, Db};
use vigie_identity::ServiceName;
use vigie_identity::tokens::{InternalTokenSource, InternalTokens, KeySource, Verifier};

impl<C> Boot<C> {
    /// The service's pool, watched by `/ready` and closed at the end.
    pub async fn postgres(&self) -> anyhow::Result<PgPool> {
        let pool = postgres::connect(self.database()?, self.service().as_str()).await?;
        let probe = pool.clone();
        self.ready_when("postgres", move || {
            let pool = probe.clone();
            async move {
                pool.acquire().await?;
                Ok(())
            }
        });
        let closing = pool.clone();
        self.on_close("postgres", async move { closing.close().await });
        Ok(pool)
    }

    /// A few connections past the pooler, for `LISTEN`; closed at the end.
    pub async fn postgres_direct(&self) -> anyhow::Result<PgPool> {
        let pool = postgres::listening(self.database()?, self.service().as_str()).await?;
        let closing = pool.clone();
        self.on_close("postgres_direct", async move { closing.close().await });
        Ok(pool)
    }

    /// Brings the schema up to date: the bus' tables, then the service's own. Safe on every start.
    pub async fn migrate(&self, migrator: &Migrator) -> anyhow::Result<()> {
        let database = self.database()?;
        postgres::migrate(database, self.service().as_str(), migrator).await?;
        let direct = postgres::direct(database, self.service().as_str()).await?;
        let migrated = vigie_bus::migrate(&direct)
            .await
            .context("migrations of the bus failed");
        direct.close().await;
        migrated
    }

    /// As [`Boot::migrate`], for tables that a shared crate brings.
    pub async fn migrate_with(
        &self,
        whose: &'static str,
        migrate: impl AsyncFnOnce(&PgPool) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let direct = postgres::direct(self.database()?, self.service().as_str()).await?;
        let migrated = migrate(&direct).await;
        direct.close().await;
        migrated.with_context(|| format!("migrations of {whose} failed"))
    }

    /// The bus, watched by `/ready` and drained at the end. Streams are made to exist.
    pub async fn bus(&self) -> anyhow::Result<Bus> {
        let nats = &self.platform.nats;
        let bus = Bus::connect(BusConfig {
            url: nats.url.clone(),
            creds_file: nats.creds_file.clone(),
            prefix: nats.prefix.clone(),
            replicas: nats.replicas,
            source: self.service().as_str(),
        })
        .await
        .context("cannot connect to the bus")?;
        bus.ensure_topology()
            .await
            .context("the bus' streams are not as they should be")?;
        let probe = bus.clone();
        self.ready_when("nats", move || {
            let bus = probe.clone();
            async move { Ok(bus.ready().await?) }
        });
        let closing = bus.clone();
        self.on_close("nats", async move { closing.drain().await });
        self.follow_revocations(&bus);
        Ok(bus)
    }

    /// Lets the verifier hear which tokens were taken back.
    fn follow_revocations(&self, bus: &Bus) {
        let age = Arc::new(FeedAge::default());
        // Auth reads what matters live, and its replicas share the feed.
        let asks = self.service() != ServiceName::Auth
            && self.platform.peers.get(ServiceName::Auth).is_some();
        let follower = Follower {
            bus: bus.clone(),
            revocations: Arc::clone(&self.core.revocations),
            clock: self.clock.clone(),
            age: Arc::clone(&age),
            auth: asks.then(|| self.channel(ServiceName::Auth)),
        };
        self.spawn("revocations", follower.run(self.stop.clone()));
        self.ready_when("revocations", move || {
            let known = age.check();
            async move { known }
        });
    }

    /// Transactions that may send: the pool with the outbox, whose relay runs until all work is done.
    pub fn db(&self, bus: &Bus, pool: PgPool) -> Db {
        let db = bus.db(pool);
        let (relaying, bus) = (db.clone(), bus.clone());
        self.spawn_support("relay", |stop| async move {
            Ok(relaying.relay(bus, stop).await?)
        });
        db
    }

    /// A channel to another service. An address that cannot be one ends the service.
    pub fn channel(&self, target: ServiceName) -> InternalChannel {
        let tokens = self.internal_tokens();
        self.reach(target, |url| InternalChannel::new(target, url, tokens))
    }

    /// For auth, which has the keys itself: verifies and signs without asking anybody. To be called
    /// before anything is served.
    pub fn use_own_keys(&self, keys: Arc<dyn KeySource>, tokens: Arc<dyn InternalTokenSource>) {
        let realm = self.platform.realm.clone();
        let revocations = Arc::clone(&self.core.revocations);
        let verifier = Verifier::with_revocations(realm, keys, self.clock.clone(), revocations);
        let internal = InternalTokens::new(tokens, self.clock.clone());
        let first = self.core.verifier.set(Arc::new(verifier)).is_ok();
        let second = self.core.tokens.set(Arc::new(internal)).is_ok();
        if !(first && second) {
            self.core
                .fail(anyhow::anyhow!("own keys were set after tokens were used"));
        }
    }

    pub(super) fn remote_verifier(&self) -> Verifier {
        let keys = Arc::new(AuthKeys(self.auth()));
        Verifier::with_revocations(
            self.platform.realm.clone(),
            keys,
            self.clock.clone(),
            Arc::clone(&self.core.revocations),
        )
    }

    fn internal_tokens(&self) -> Arc<InternalTokens> {
        let tokens = self.core.tokens.get_or_init(|| {
            let source = AuthTokens {
                channel: self.auth(),
                service: self.service(),
                secret: self.platform.internal_client_secret.clone(),
            };
            Arc::new(InternalTokens::new(Arc::new(source), self.clock.clone()))
        });
        Arc::clone(tokens)
    }

    /// Auth's public RPCs.
    fn auth(&self) -> InternalChannel {
        self.reach(ServiceName::Auth, |url| {
            InternalChannel::anonymous(ServiceName::Auth, url)
        })
    }

    fn reach(
        &self,
        target: ServiceName,
        open: impl FnOnce(&Url) -> Result<InternalChannel, tonic::transport::Error>,
    ) -> InternalChannel {
        let peer = self.platform.peers.get(target);
        let peer = peer.with_context(|| format!("{target} answers no gRPC"));
        let opened = peer.and_then(|url| open(url).context(format!("the address of {target}")));
        opened.unwrap_or_else(|error| {
            self.core.fail(error);
            InternalChannel::nowhere(target)
        })
    }

    fn database(&self) -> anyhow::Result<&Database> {
        self.platform
            .database
            .as_ref()
            .context("this service has no database")
    }
}
