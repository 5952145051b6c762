//! What is to be delivered, and its log.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What happened, for everybody who hears of it.
#[derive(Debug)]
pub struct New<'a> {
    /// The job.
    pub job_id: &'a str,
    /// The event.
    pub event: &'a str,
    /// Its place in the job's sequence.
    pub sequence: i32,
    /// The exact bytes.
    pub body: &'a str,
    /// Attempts before it is given up.
    pub max_attempts: i32,
}

/// Why nothing is sent to a disabled destination; the log shows it.
const DISABLED: &str = "destination is disabled";

/// One delivery a subscription that wants the event; those that exist already stay as they are.
/// Returns how many are to be sent. Their commit wakes the workers of all replicas.
#[tracing::instrument(name = "store.webhooks.enqueue", skip_all, err)]
pub async fn enqueue(conn: &mut PgConnection, new: &New<'_>) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"WITH added AS (
             INSERT INTO webhook_deliveries
                 (id, subscription_id, job_id, event, sequence, url, body, max_attempts, status,
                  next_retry_at, response_body)
             SELECT gen_random_uuid()::text, s.id, s.job_id, $2, $3, s.url, $4, $5,
                    CASE WHEN d.disabled_at IS NULL THEN 'pending' ELSE 'failed' END,
                    CASE WHEN d.disabled_at IS NULL THEN now() END,
                    CASE WHEN d.disabled_at IS NOT NULL THEN $6 END
               FROM webhook_subscriptions s LEFT JOIN webhook_destinations d USING (url)
              WHERE s.job_id = $1 AND $2 = ANY(s.events)
             ON CONFLICT (subscription_id, event, sequence) DO NOTHING
             RETURNING id, status),
           refused AS (
             INSERT INTO webhook_delivery_attempts (delivery_id, attempt, error)
             SELECT id, 1, $6 FROM added WHERE status = 'failed')
           SELECT count(pg_notify('webhooks_' || current_schema(), '')) AS "pending!"
             FROM added WHERE status = 'pending'"#,
        new.job_id,
        new.event,
        new.sequence,
        new.body,
        new.max_attempts,
        DISABLED,
    )
    .fetch_one(conn)
    .await
}

/// A delivery as its log shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Its id, the same for the receiver.
    pub id: String,
    /// The event.
    pub event: String,
    /// `pending`, `sent` or `failed`.
    pub status: String,
    /// Place in the job's sequence.
    pub sequence: i32,
    /// The last status of an answer.
    pub status_code: Option<i32>,
    /// The last attempt, or the one that is due.
    pub attempt: i32,
    /// When it is due.
    pub next_retry_at: Option<DateTime<Utc>>,
    /// When the receiver took it.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it happened.
    pub created_at: DateTime<Utc>,
}

/// The deliveries of a job, newest first, after a place in that order.
#[tracing::instrument(name = "store.webhooks.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    job_id: &str,
    limit: i64,
    after: Option<(DateTime<Utc>, &str)>,
) -> sqlx::Result<Vec<Delivery>> {
    sqlx::query_as!(
        Delivery,
        "SELECT id, event, status, sequence, status_code, attempt, next_retry_at, sent_at, created_at
           FROM webhook_deliveries
          WHERE job_id = $1 AND ($3::timestamptz IS NULL OR (created_at, id) < ($3, $4))
          ORDER BY created_at DESC, id DESC
          LIMIT $2",
        job_id,
        limit,
        after.map(|(at, _)| at),
        after.map_or("", |(_, id)| id),
    )
    .fetch_all(conn)
    .await
}

/// How many deliveries each of these jobs has; none is left out.
#[tracing::instrument(name = "store.webhooks.count", skip_all, err)]
pub async fn count(conn: &mut PgConnection, jobs: &[String]) -> sqlx::Result<Vec<(String, i64)>> {
    let rows = sqlx::query!(
        r#"SELECT job_id, count(*) AS "count!" FROM webhook_deliveries
            WHERE job_id = ANY($1) GROUP BY job_id"#,
        jobs,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.job_id, row.count))
        .collect())
}

/// What a wish to send again met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is due now.
    Due,
    /// An attempt is under way.
    UnderWay,
    /// Its destination is disabled.
    Disabled,
    /// There is no such delivery of this job.
    Unknown,
}

/// Makes a delivery due once more. One that has used up its attempts gets another.
#[tracing::instrument(name = "store.webhooks.redeliver", skip_all, err)]
pub async fn redeliver(conn: &mut PgConnection, job_id: &str, id: &str) -> sqlx::Result<Again> {
    let found = sqlx::query!(
        r#"SELECT d.status, (t.disabled_at IS NOT NULL) AS "disabled!",
                  COALESCE(d.lease_until > now(), false) AS "under_way!"
             FROM webhook_deliveries d LEFT JOIN webhook_destinations t USING (url)
            WHERE d.job_id = $1 AND d.id = $2
              FOR NO KEY UPDATE OF d"#,
        job_id,
        id,
    )
    .fetch_optional(&mut *conn)
    .await?;
    match found {
        None => return Ok(Again::Unknown),
        Some(row) if row.disabled => return Ok(Again::Disabled),
        Some(row) if row.under_way => return Ok(Again::UnderWay),
        Some(_) => {}
    }
    sqlx::query!(
        "UPDATE webhook_deliveries
            SET attempt = CASE status WHEN 'pending' THEN attempt ELSE attempt + 1 END,
                max_attempts = GREATEST(max_attempts,
                                        CASE status WHEN 'pending' THEN attempt ELSE attempt + 1 END),
                status = 'pending', next_retry_at = now(), lease = NULL, lease_until = NULL
          WHERE id = $1",
        id,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_notify('webhooks_' || current_schema(), '')")
        .execute(conn)
        .await?;
    Ok(Again::Due)
}

/// Deletes what ended long ago.
#[tracing::instrument(name = "store.webhooks.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection, days: i32, limit: i64) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "DELETE FROM webhook_deliveries
          WHERE id IN (SELECT id FROM webhook_deliveries
                        WHERE created_at < now() - make_interval(days => $1) AND status <> 'pending'
                        ORDER BY created_at LIMIT $2)",
        days,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(deleted.rows_affected())
}
