//! The service as `main` starts it.

use std::time::Duration;
use vigie_automation::app;
use vigie_automation::config::Config;
use vigie_identity::ServiceName;
use vigie_service::{Env, FromEnv, Parts, Platform, start};
use vigie_testkit::{Nats, Postgres, Schema};

const LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn it_starts_on_an_empty_schema_and_again_on_its_own_and_stops() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres.database(&[Schema::Automation]).await.unwrap();
    let prefix = Nats::unique_prefix();
    for _ in 0..2 {
        let mut env = Env::from_map([
            ("NATS_URL", Nats::shared().await.unwrap().url()),
            ("NATS_PREFIX", &prefix),
            ("DATABASE_URL", &database.url(Schema::Automation)),
            ("INTERNAL_CLIENT_SECRET", "unused"),
            ("GRPC_ADDR", "127.0.0.1:0"),
            ("METRICS_ADDR", "127.0.0.1:0"),
        ]);
        let platform = Platform::from_env(&mut env, ServiceName::Automation).unwrap();
        let config = Config::from_env(&mut env).unwrap();
        let parts = Parts::bind(ServiceName::Automation, config, platform)
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
