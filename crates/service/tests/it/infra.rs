//! Against a real Postgres and a real broker.

use crate::fake::platform;
use sqlx::PgPool;
use sqlx::migrate::Migrator;
use std::sync::mpsc;
use std::time::Duration;
use vigie_identity::ServiceName;
use vigie_service::{Boot, Database, Nats, Parts, Platform, Running, start};
use vigie_testkit::{Postgres, Schema, TestDatabase, wait};

static MIGRATIONS: Migrator = sqlx::migrate!("tests/it/migrations");

async fn platform_on(database: &TestDatabase) -> Platform {
    let url: secrecy::SecretString = database.url(Schema::Automation).into();
    let mut platform = platform([]);
    platform.database = Some(Database {
        direct_url: url.clone(),
        url,
        max_connections: 3,
    });
    platform.nats = Nats {
        url: vigie_testkit::Nats::shared()
            .await
            .unwrap()
            .url()
            .to_owned(),
        creds_file: None,
        prefix: Some(vigie_testkit::Nats::unique_prefix()),
        replicas: 1,
    };
    platform
}

async fn launch(platform: Platform) -> anyhow::Result<(Running, PgPool)> {
    let (give, take) = mpsc::channel();
    let parts = Parts::bind(ServiceName::Automation, (), platform).await?;
    let running = start(parts, async |boot: Boot<()>| {
        boot.migrate(&MIGRATIONS).await?;
        let pool = boot.postgres().await?;
        let bus = boot.bus().await?;
        let _db = boot.db(&bus, pool.clone());
        give.send(pool)?;
        Ok(())
    })
    .await?;
    Ok((running, take.recv()?))
}

#[tokio::test]
async fn replicas_migrate_one_after_the_other_and_close_their_clients() {
    let server = Postgres::shared().await.unwrap();
    let database = server.database(&[Schema::Automation]).await.unwrap();
    let platform = platform_on(&database).await;
    let (first, second) = tokio::join!(launch(platform.clone()), launch(platform));
    let ((first, pool), (second, _)) = (first.unwrap(), second.unwrap());

    // Queries of a test on its own table, not of a store: unchecked.
    let timeout: String = sqlx::query_scalar("SHOW statement_timeout")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(timeout, "30s");
    let schema: String = sqlx::query_scalar(
        "SELECT table_schema::text FROM information_schema.tables WHERE table_name = 'notes'",
    )
    .fetch_one(&pool)
    .await
    .unwrap();
    assert_eq!(schema, "automation");
    let outbox: i64 = sqlx::query_scalar("SELECT count(*) FROM outbox")
        .fetch_one(&pool)
        .await
        .unwrap();
    assert_eq!(outbox, 0);

    let ready = format!("http://{}/ready", first.metrics_addr);
    let _second = rustls::crypto::ring::default_provider().install_default();
    // Whether revocations are known is found out beside the start.
    let report = wait::until("ready", Duration::from_secs(20), || async {
        let report: serde_json::Value = reqwest::get(&ready).await?.json().await?;
        Ok((report["ready"] == true).then_some(report))
    })
    .await
    .unwrap();
    assert_eq!(
        report,
        serde_json::json!({"ready": true, "checks": [
            {"name": "started", "ok": true}, {"name": "postgres", "ok": true},
            {"name": "nats", "ok": true}, {"name": "revocations", "ok": true},
        ]})
    );
    first.stop().await.unwrap();
    assert!(pool.is_closed());
    second.stop().await.unwrap();
}

#[tokio::test]
async fn a_service_without_its_database_does_not_start() {
    let mut platform = platform([]);
    let url: secrecy::SecretString = "postgres://vigie:hunter2@127.0.0.1:1/vigie".into();
    platform.database = Some(Database {
        direct_url: url.clone(),
        url,
        max_connections: 2,
    });
    let error = format!("{:#}", launch(platform).await.err().unwrap());
    assert!(
        error.starts_with("the service did not start: cannot connect"),
        "{error}"
    );
    assert!(!error.contains("hunter2"));
}
