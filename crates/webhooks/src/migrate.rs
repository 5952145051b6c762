use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Creates or updates the tables of webhooks in the schema that the role's search path names, under
/// a lock and with a bookkeeping table of its own.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(MIGRATIONS.migrations.to_vec());
    migrator.dangerous_set_table_name("_webhook_migrations");
    migrator.run(pool).await
}
