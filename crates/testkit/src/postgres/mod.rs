//! A private Postgres server, shared by the tests of a process or, when `make test` started one,
//! by all of them.

mod database;
mod schema;
mod server;

pub use database::TestDatabase;
pub(crate) use database::as_role;
pub use schema::Schema;
pub use server::{PostgresOptions, prepare};

use crate::{Process, env, leash, wait};
use anyhow::{Context, Result};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Names a server to use instead of starting one: `postgres://<superuser>@<host>:<port>`.
pub const TEST_POSTGRES_URL: &str = "VIGIE_TEST_POSTGRES_URL";

/// A running server.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    /// Ends the server when this is dropped; `None` for a server of somebody else.
    process: Option<Process>,
}

impl Postgres {
    /// The server of this test process, started on first use.
    pub async fn shared() -> Result<&'static Self> {
        static SHARED: OnceCell<Postgres> = OnceCell::const_new();
        SHARED
            .get_or_try_init(|| async {
                let server = match env::var(TEST_POSTGRES_URL) {
                    Some(url) => Self {
                        url: url.trim_end_matches('/').to_owned(),
                        process: None,
                    },
                    None => Self::start_temporary().await?,
                };
                let mut admin = server.admin("postgres").await?;
                admin.execute(AssertSqlSafe(schema::ensure_roles())).await?;
                Ok(server)
            })
            .await
    }

    /// A server of its own whose data goes away with this process. Fast, not durable.
    pub async fn start_temporary() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("vigie-pg-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir_all(&dir)?;
        leash::trash(&dir)?;
        Self::start(&PostgresOptions {
            data: dir.join("data"),
            port: crate::ports::any()?,
            log: dir.join("postgres.log"),
            durable: false,
            settings: Vec::new(),
        })
        .await
    }

    /// Starts a server on its data directory, which is made when it is not there.
    pub async fn start(options: &PostgresOptions) -> Result<Self> {
        let process = prepare(options).await?.spawn()?;
        let server = Self {
            url: options.url(),
            process: Some(process),
        };
        server
            .ready()
            .await
            .with_context(|| format!("see {}", options.log.display()))?;
        Ok(server)
    }

    /// Waits until it takes connections.
    pub async fn ready(&self) -> Result<()> {
        wait_until_ready(&self.url).await
    }

    /// `postgres://postgres@127.0.0.1:<port>`, without a database.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// A connection of the superuser.
    pub async fn admin(&self, database: &str) -> Result<PgConnection> {
        Ok(PgConnection::connect(&format!("{}/{database}", self.url)).await?)
    }

    /// A fresh database with these schemas, each owned by its service's role. Dropped with the
    /// value.
    pub async fn database(&self, schemas: &[Schema]) -> Result<TestDatabase> {
        TestDatabase::create(self, schemas).await
    }

    /// The roles and, in `database` (made when missing), these schemas.
    pub async fn provision(&self, database: &str, schemas: &[Schema]) -> Result<()> {
        provision(&self.url, database, schemas).await
    }

    /// The server process, when it is ours.
    pub fn process(&mut self) -> Option<&mut Process> {
        self.process.as_mut()
    }
}

/// Waits until the server at `url` takes connections.
pub async fn wait_until_ready(url: &str) -> Result<()> {
    let database = format!("{url}/postgres");
    wait::until("Postgres", Duration::from_secs(30), || async {
        PgConnection::connect(&database).await?.close().await?;
        Ok(Some(()))
    })
    .await
}

/// Waits for the server, then makes the roles and, in `database` (made when missing), the schemas.
pub async fn provision(url: &str, database: &str, schemas: &[Schema]) -> Result<()> {
    wait_until_ready(url).await?;
    let mut admin = PgConnection::connect(&format!("{url}/postgres")).await?;
    admin.execute(AssertSqlSafe(schema::ensure_roles())).await?;
    let exists: bool =
        sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)")
            .bind(database)
            .fetch_one(&mut admin)
            .await?;
    if !exists {
        admin
            .execute(AssertSqlSafe(format!("CREATE DATABASE {database}")))
            .await?;
    }
    admin.close().await?;
    let mut admin = PgConnection::connect(&format!("{url}/{database}")).await?;
    admin
        .execute(AssertSqlSafe(schema::ensure_schemas(database, schemas)))
        .await?;
    Ok(admin.close().await?)
}
