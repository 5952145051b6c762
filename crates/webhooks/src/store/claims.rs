//! Who sends what. Claims of all replicas stand in a line, so that no destination gets more at a time
//! than it should.

use sqlx::PgConnection;
use uuid::Uuid;

/// A delivery that is this worker's to send.
#[derive(Debug)]
pub struct Claimed {
    /// The delivery.
    pub id: String,
    /// The job.
    pub job_id: String,
    /// The event.
    pub event: String,
    /// Where to.
    pub url: String,
    /// The exact bytes.
    pub body: String,
    /// Which attempt, from 1.
    pub attempt: i32,
    /// The last one it has.
    pub max_attempts: i32,
    /// The subscription's secrets, sealed.
    pub secrets: Option<Vec<u8>>,
}

/// Lets claims go one at a time until the transaction ends.
pub async fn line_up(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended('webhooks:' || current_schema(), 0))"
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes what is due, the longest waiting first, up to `each` under way a destination.
#[tracing::instrument(name = "store.webhooks.claim", skip_all, err)]
pub async fn claim(
    conn: &mut PgConnection,
    limit: i64,
    each: i64,
    lease: Uuid,
    lease_seconds: f64,
) -> sqlx::Result<Vec<Claimed>> {
    sqlx::query_as!(
        Claimed,
        r#"WITH busy AS (
             SELECT url, count(*) AS n FROM webhook_deliveries
              WHERE status = 'pending' AND lease_until > now() GROUP BY url),
           ranked AS (
             SELECT d.id, row_number() OVER (PARTITION BY d.url ORDER BY d.next_retry_at, d.id)
                          + COALESCE(b.n, 0) AS place
               FROM webhook_deliveries d LEFT JOIN busy b USING (url)
              WHERE d.status = 'pending' AND d.next_retry_at <= now()
                AND (d.lease_until IS NULL OR d.lease_until <= now())),
           due AS (
             SELECT d.id FROM webhook_deliveries d JOIN ranked r USING (id)
              WHERE r.place <= $2
              ORDER BY d.next_retry_at, d.id LIMIT $1
                FOR NO KEY UPDATE OF d SKIP LOCKED)
           UPDATE webhook_deliveries d
              SET lease = $3, lease_until = now() + make_interval(secs => $4)
             FROM due, webhook_subscriptions s
            WHERE d.id = due.id AND s.id = d.subscription_id
           RETURNING d.id, d.job_id, d.event, d.url, d.body, d.attempt, d.max_attempts, s.secrets"#,
        limit,
        each,
        lease,
        lease_seconds,
    )
    .fetch_all(conn)
    .await
}

/// Seconds until the next delivery is due that is not due yet.
#[tracing::instrument(name = "store.webhooks.next_due", skip_all, err)]
pub async fn next_due(conn: &mut PgConnection) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        r#"SELECT EXTRACT(EPOCH FROM next_retry_at - now())::float8 AS "seconds!"
             FROM webhook_deliveries
            WHERE status = 'pending' AND next_retry_at > now()
            ORDER BY next_retry_at LIMIT 1"#
    )
    .fetch_optional(conn)
    .await
}
