//! What the watchdog looks for in batches.

use super::batch::Ended;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// Batches that one round repairs.
const MOST: i64 = 100;

/// A batch to repair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The batch.
    pub batch_id: String,
    /// Whether its deadline has passed.
    pub overdue: bool,
}

/// Open batches past their deadline, those whose `audit/batch` seems lost, and those with a member
/// whose audit ended uncounted.
#[tracing::instrument(name = "store.batch.due", skip_all, err)]
pub async fn due(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<Due>> {
    sqlx::query_as!(
        Due,
        r#"SELECT batch_id, deadline_at <= now() AS "overdue!"
             FROM audit_batches b
            WHERE completed_at IS NULL
              AND (deadline_at <= now() OR EXISTS (
                  SELECT FROM audit_batch_items i LEFT JOIN audits a ON a.id = i.audit_id
                   WHERE i.batch_id = b.batch_id AND i.status = 'pending'
                     AND (a.phase IN ('completed', 'failed')
                          OR (i.audit_id IS NULL
                              AND (b.started_at < $1
                                   OR b.started_at <= now() - interval '5 minutes')))))
            ORDER BY deadline_at LIMIT $2"#,
        stream_created,
        MOST
    )
    .fetch_all(conn)
    .await
}

/// Members that are not counted although their audit has ended.
#[tracing::instrument(name = "store.batch.uncounted", skip_all, fields(batch.id = id), err)]
pub async fn uncounted(conn: &mut PgConnection, id: &str) -> sqlx::Result<Vec<Ended>> {
    sqlx::query_as!(
        Ended,
        r#"SELECT i.tracking_id AS tracking,
                  CASE WHEN a.phase = 'failed'
                       THEN COALESCE(a.error_message, 'Audit failed') END AS error
             FROM audit_batch_items i JOIN audits a ON a.id = i.audit_id
            WHERE i.batch_id = $1 AND i.status = 'pending' AND a.phase IN ('completed', 'failed')"#,
        id
    )
    .fetch_all(conn)
    .await
}

/// Forgets batches that ended long ago (`AUDIT_BATCH_STATE_TTL_SECONDS`); their audits stay.
#[tracing::instrument(name = "store.batch.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection, after: Duration) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM audit_batches WHERE completed_at < now() - make_interval(secs => $1)",
        after.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
