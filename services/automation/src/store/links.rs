//! Schedules and runs by id, for what others show of them.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A run.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct LinkedRun {
    pub id: i64,
    pub schedule_id: i64,
    pub status: String,
    pub started_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

/// Ids and names, of deleted ones too: what they did stays.
#[tracing::instrument(name = "store.links.schedules", skip_all, err)]
pub async fn schedules(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<(i64, String)>> {
    let rows = sqlx::query!(
        "SELECT id, name FROM automation_schedules WHERE id = ANY($1)",
        ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.name)).collect())
}

/// Runs.
#[tracing::instrument(name = "store.links.runs", skip_all, err)]
pub async fn runs(conn: &mut PgConnection, ids: &[i64]) -> sqlx::Result<Vec<LinkedRun>> {
    sqlx::query_as!(
        LinkedRun,
        "SELECT id, schedule_id, status, started_at, completed_at
           FROM automation_runs WHERE id = ANY($1)",
        ids
    )
    .fetch_all(conn)
    .await
}
