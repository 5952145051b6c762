//! The service as `main` starts it.

use crate::support::LIMIT;
use vigie_fiche_cache::app;
use vigie_fiche_cache::config::Config;
use vigie_identity::ServiceName;
use vigie_service::{Env, FromEnv, Parts, Platform, start};
use vigie_testkit::{Nats, Postgres, Schema};

#[tokio::test]
async fn it_starts_on_an_empty_schema_and_again_on_its_own_and_stops() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.database(&[Schema::Fiche]).await.unwrap();
    let prefix = Nats::unique_prefix();
    for _ in 0..2 {
        let mut env = Env::from_map([
            ("NATS_URL", Nats::shared().await.unwrap().url()),
            ("NATS_PREFIX", &prefix),
            ("DATABASE_URL", &database.url(Schema::Fiche)),
            ("INTERNAL_CLIENT_SECRET", "unused"),
            ("GRPC_ADDR", "127.0.0.1:0"),
            ("METRICS_ADDR", "127.0.0.1:0"),
            ("FICHE_API_BASE_URL", "http://127.0.0.1:9"),
            (
                "VIGIE_ENCRYPTION_KEY",
                "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            ),
        ]);
        let platform = Platform::from_env(&mut env, ServiceName::FicheCache).unwrap();
        let config = Config::from_env(&mut env).unwrap();
        let parts = Parts::bind(ServiceName::FicheCache, config, platform)
            .await
            .unwrap();
        let running = start(parts, app::start).await.unwrap();
        assert!(running.grpc_addr.is_some());
        tokio::time::timeout(LIMIT, running.stop())
            .await
            .unwrap()
            .unwrap();
    }
}
