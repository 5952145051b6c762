use crate::store;
use sqlx::PgPool;
use sqlx::migrate::{MigrateError, Migrator};

static MIGRATIONS: Migrator = sqlx::migrate!("./migrations");

/// Creates or updates `outbox` and `inbox` in the schema that the role's search path names, under
/// a lock and with a bookkeeping table of its own, and sees to today's inbox partition.
pub async fn migrate(pool: &PgPool) -> Result<(), MigrateError> {
    let mut migrator = Migrator::with_migrations(MIGRATIONS.migrations.to_vec());
    migrator.dangerous_set_table_name("_bus_migrations");
    migrator.run(pool).await?;
    store::inbox::keep_partitions(pool).await?;
    Ok(())
}
