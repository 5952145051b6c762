//! The one clock of all replicas.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The time of the database.
pub async fn now(conn: &mut PgConnection) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
        .fetch_one(conn)
        .await
}
