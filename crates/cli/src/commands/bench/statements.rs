//! Statements, as the database counts them.

use anyhow::Result;
use sqlx::PgConnection;
use vigie_testkit::tools;

/// Settings that let the database count statements, where Debian's package brought the module.
pub fn counting() -> Result<Vec<(String, String)>> {
    let module = "../lib/pg_stat_statements.so";
    let program = tools::postgres("postgres")?.canonicalize()?;
    let here = program
        .parent()
        .is_some_and(|bin| bin.join(module).is_file());
    let setting = (
        "shared_preload_libraries".to_owned(),
        "pg_stat_statements".to_owned(),
    );
    Ok(if here { vec![setting] } else { Vec::new() })
}

/// How many there were; `None` where the module is not there.
pub async fn count(database: &mut PgConnection) -> Option<i64> {
    sqlx::query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        .execute(&mut *database)
        .await
        .ok()?;
    sqlx::query_scalar("SELECT sum(calls)::bigint FROM pg_stat_statements")
        .fetch_one(&mut *database)
        .await
        .ok()
}
