//! How attempts ended.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// One attempt as it is logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Of which delivery.
    pub delivery_id: String,
    /// Which, from 1.
    pub attempt: i32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// What was answered.
    pub status_code: Option<i32>,
    /// How long it took.
    pub latency_ms: Option<i32>,
    /// Why it failed.
    pub error: Option<String>,
}

/// The attempts of some deliveries, in order.
#[tracing::instrument(name = "store.webhooks.attempts", skip_all, err)]
pub async fn of(conn: &mut PgConnection, deliveries: &[String]) -> sqlx::Result<Vec<Attempt>> {
    sqlx::query_as!(
        Attempt,
        "SELECT delivery_id, attempt, at, status_code, latency_ms, error
           FROM webhook_delivery_attempts
          WHERE delivery_id = ANY($1) ORDER BY delivery_id, attempt",
        deliveries,
    )
    .fetch_all(conn)
    .await
}

/// An attempt that ended.
#[derive(Debug)]
pub struct Ended<'a> {
    /// The delivery.
    pub id: &'a str,
    /// The lease it was made under.
    pub lease: Uuid,
    /// `sent`, `failed`, or `pending` for another attempt …
    pub status: &'static str,
    /// … after so many seconds.
    pub wait: Option<f64>,
    /// What was answered.
    pub status_code: Option<i32>,
    /// The beginning of the answer, or why there is none.
    pub response: &'a str,
    /// How long it took.
    pub latency_ms: i32,
    /// Why it failed.
    pub error: Option<&'a str>,
}

/// Notes how an attempt ended. `false` when another worker has taken the delivery over.
#[tracing::instrument(name = "store.webhooks.settle", skip_all, fields(delivery.id = ended.id), err)]
pub async fn settle(conn: &mut PgConnection, ended: &Ended<'_>) -> sqlx::Result<bool> {
    let settled = sqlx::query!(
        "WITH settled AS (
           UPDATE webhook_deliveries d
              SET status = $3, status_code = $5, response_body = $6,
                  next_retry_at = CASE WHEN $3 = 'pending' THEN now() + make_interval(secs => $4) END,
                  attempt = CASE WHEN $3 = 'pending' THEN d.attempt + 1 ELSE d.attempt END,
                  sent_at = CASE WHEN $3 = 'sent' THEN now() ELSE d.sent_at END,
                  lease = NULL, lease_until = NULL
             FROM (SELECT attempt FROM webhook_deliveries WHERE id = $1) before
            WHERE d.id = $1 AND d.lease = $2
           RETURNING before.attempt)
         INSERT INTO webhook_delivery_attempts (delivery_id, attempt, status_code, latency_ms, error)
         SELECT $1, attempt, $5, $7, $8 FROM settled
         ON CONFLICT (delivery_id, attempt) DO NOTHING",
        ended.id,
        ended.lease,
        ended.status,
        ended.wait.unwrap_or_default(),
        ended.status_code,
        ended.response,
        ended.latency_ms,
        ended.error,
    )
    .execute(conn)
    .await?;
    Ok(settled.rows_affected() == 1)
}
