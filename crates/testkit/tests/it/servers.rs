//! Private servers start, keep tests apart, and go away.

use sqlx::{Connection, Executor, PgConnection};
use vigie_testkit::{Nats, Postgres, Schema};

#[tokio::test]
async fn a_role_sees_its_own_schema_only() {
    let postgres = Postgres::shared().await.unwrap();
    let database = postgres
        .database(&[Schema::Audit, Schema::Fiche])
        .await
        .unwrap();
    let mut audit = PgConnection::connect(&database.url(Schema::Audit))
        .await
        .unwrap();
    audit.execute("CREATE TABLE audits (id int)").await.unwrap();
    let schema: String =
        sqlx::query_scalar("SELECT schemaname::text FROM pg_tables WHERE tablename = 'audits'")
            .fetch_one(&mut audit)
            .await
            .unwrap();
    assert_eq!(schema, "audit");

    let mut fiche = PgConnection::connect(&database.url(Schema::Fiche))
        .await
        .unwrap();
    for forbidden in [
        "SELECT * FROM audit.audits",
        "CREATE TABLE audit.mine (id int)",
        "CREATE TABLE public.mine (id int)",
        "CREATE SCHEMA mine",
    ] {
        let error = fiche.execute(forbidden).await.unwrap_err();
        let code = error
            .into_database_error()
            .and_then(|error| Some(error.code()?.into_owned()));
        assert_eq!(code.as_deref(), Some("42501"), "{forbidden}");
    }
}

#[tokio::test]
async fn databases_are_apart_and_dropped() {
    let postgres = Postgres::shared().await.unwrap();
    let one = postgres.database(&[Schema::Audit]).await.unwrap();
    let other = postgres.database(&[Schema::Audit]).await.unwrap();
    assert_ne!(one.name(), other.name());
    let name = one.name().to_owned();
    let _open = PgConnection::connect(&one.url(Schema::Audit))
        .await
        .unwrap();
    drop(one);
    let mut admin = postgres.admin("postgres").await.unwrap();
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM pg_database WHERE datname = $1")
        .bind(&name)
        .fetch_one(&mut admin)
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn a_broker_stops_starts_and_forgets_on_the_same_port() {
    let mut nats = Nats::start().await.unwrap();
    let url = nats.url().to_owned();
    nats.stop().await.unwrap();
    let address = url.trim_start_matches("nats://");
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    nats.restart().await.unwrap();
    nats.wipe().await.unwrap();
    assert!(tokio::net::TcpStream::connect(address).await.is_ok());
    assert_eq!(nats.url(), url);
}
