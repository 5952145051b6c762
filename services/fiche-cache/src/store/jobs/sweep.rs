use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An open job past its deadline, locked.
#[tracing::instrument(name = "store.jobs.overdue", skip_all, err)]
pub async fn overdue(conn: &mut PgConnection) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT id FROM progressive_fetch_jobs
          WHERE status IN ('pending', 'processing') AND deadline_at <= now()
          ORDER BY deadline_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    )
    .fetch_optional(conn)
    .await
}

/// An open job with days whose command may be lost, locked: never sent a minute after the job was
/// made, 10 minutes after the last sending, doubled each time, or older than the work stream.
#[tracing::instrument(name = "store.jobs.lost", skip_all, err)]
pub async fn lost(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar!(
        "SELECT j.id FROM progressive_fetch_jobs j
          WHERE j.status IN ('pending', 'processing')
            AND EXISTS (SELECT FROM progressive_fetch_job_days d
                         WHERE d.job_id = j.id AND d.state = 'pending'
                           AND (COALESCE(d.sent_at, j.created_at) < $1
                                OR COALESCE(d.sent_at + power(2, LEAST(d.sends, 20) - 1)
                                                      * interval '10 minutes',
                                            j.created_at + interval '1 minute') <= now()))
          ORDER BY j.created_at LIMIT 1 FOR NO KEY UPDATE OF j SKIP LOCKED",
        stream_created,
    )
    .fetch_optional(conn)
    .await
}
