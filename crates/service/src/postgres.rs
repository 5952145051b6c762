//! The pool and the migrations of a service's schema.

use crate::platform::Database;
use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use sqlx::migrate::Migrator;
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use std::time::Duration;

/// A queue for connections fails fast.
const ACQUIRE: Duration = Duration::from_secs(3);
/// A connection is replaced after this, so that a new server gets its share.
const MAX_LIFETIME: Duration = Duration::from_mins(30);
const IDLE: Duration = Duration::from_mins(5);
/// A connection that rested longer is asked for a sign of life before it is used. Each is asked
/// when it comes back; once more every time would be a third of all round trips.
const RESTED: Duration = Duration::from_secs(5);
/// Connections of a replica that only listen.
const LISTENERS: u32 = 4;

/// Limits of each statement and transaction; and no compiler: the planner takes short statements on
/// documents for long ones, and compiling them takes a thousand times as long as running them.
const SETTINGS: [(&str, &str); 4] = [
    ("jit", "off"),
    ("statement_timeout", "30s"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "60s"),
];

/// Opens the pool of `service` and one connection, so that a wrong address fails the start.
pub async fn connect(database: &Database, service: &str) -> anyhow::Result<PgPool> {
    let options = options(&database.url, service)?.options(SETTINGS);
    PgPoolOptions::new()
        .max_connections(database.max_connections)
        .acquire_timeout(ACQUIRE)
        .max_lifetime(MAX_LIFETIME)
        .idle_timeout(IDLE)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > RESTED {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_with(options)
        .await
        .context("cannot connect to the database")
}

/// Runs the migrations that are missing, past the pooler. Replicas that start together wait for the
/// first one: the migrator holds an advisory lock of the database.
pub async fn migrate(
    database: &Database,
    service: &str,
    migrator: &Migrator,
) -> anyhow::Result<()> {
    let mut connection = options(&database.direct_url, service)?
        .connect()
        .await
        .context("cannot connect to the database for migrations")?;
    migrator
        .run(&mut connection)
        .await
        .context("migrations failed")?;
    connection
        .close()
        .await
        .context("migrations done, but the connection broke")
}

/// A pool of one connection past the pooler, for migrations that a library brings along.
pub(crate) async fn direct(database: &Database, service: &str) -> anyhow::Result<PgPool> {
    past_pooler(database, service, 1)
        .await
        .context("cannot connect to the database for migrations")
}

/// Connections past the pooler that hear notifications: a pooler gives a session to many clients.
pub(crate) async fn listening(database: &Database, service: &str) -> anyhow::Result<PgPool> {
    past_pooler(database, service, LISTENERS)
        .await
        .context("cannot connect to the database past its pooler")
}

async fn past_pooler(database: &Database, service: &str, most: u32) -> anyhow::Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(most)
        .acquire_timeout(ACQUIRE)
        .connect_with(options(&database.direct_url, service)?)
        .await?;
    Ok(pool)
}

fn options(url: &SecretString, service: &str) -> anyhow::Result<PgConnectOptions> {
    let options: PgConnectOptions = url
        .expose_secret()
        .parse()
        // The parser's message may repeat the password.
        .map_err(|_| anyhow::anyhow!("the database URL is not valid"))?;
    Ok(options.application_name(&format!("vigie-{service}")))
}
