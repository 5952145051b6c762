//! A database for one test.

use super::{Postgres, Schema, schema};
use anyhow::{Context, Result};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

/// A fresh database, dropped with this value.
#[derive(Debug)]
pub struct TestDatabase {
    server: String,
    name: String,
}

impl TestDatabase {
    pub(super) async fn create(server: &Postgres, schemas: &[Schema]) -> Result<Self> {
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        let mut admin = server.admin("postgres").await?;
        // `template0`: nobody can be connected to it, so that copies never wait for each other.
        admin
            .execute(AssertSqlSafe(format!(
                "CREATE DATABASE {name} TEMPLATE template0"
            )))
            .await?;
        admin.close().await?;
        let database = Self {
            server: server.url().to_owned(),
            name,
        };
        let mut admin = server.admin(&database.name).await?;
        admin
            .execute(AssertSqlSafe(schema::ensure_schemas(
                &database.name,
                schemas,
            )))
            .await?;
        admin.close().await?;
        Ok(database)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The address as a service's role, whose `search_path` is its schema.
    pub fn url(&self, schema: Schema) -> String {
        as_role(&self.server, schema.role(), &self.name)
    }

    /// The address as superuser.
    pub fn admin_url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// A pool as a service's role, set up as services do.
    pub async fn pool(&self, schema: Schema) -> Result<PgPool> {
        let options: PgConnectOptions = self.url(schema).parse()?;
        let pool = PgPoolOptions::new()
            .max_connections(10)
            .connect_with(options.options([("jit", "off")]))
            .await;
        pool.with_context(|| format!("connecting as {}", schema.role()))
    }
}

/// `postgres://<anybody>@host:port` as another role, with a database.
pub(crate) fn as_role(server: &str, role: &str, database: &str) -> String {
    let host = server.rsplit_once('@').map_or(server, |(_, host)| host);
    format!("postgres://{role}@{host}/{database}")
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let server = format!("{}/postgres", self.server);
        let sql = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        // A thread with a runtime of its own: `drop` cannot wait inside the test's runtime.
        let dropped = std::thread::spawn(move || -> Result<()> {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let mut admin = PgConnection::connect(&server).await?;
                admin.execute(AssertSqlSafe(sql)).await?;
                Ok(admin.close().await?)
            })
        })
        .join();
        if !matches!(dropped, Ok(Ok(()))) {
            tracing::debug!(
                database = self.name,
                "a test's database is left to its server"
            );
        }
    }
}
