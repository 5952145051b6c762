//! What is left to be sent.

use sqlx::PgConnection;

/// What is left to be sent, over all replicas.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backlog {
    /// Deliveries that are neither sent nor given up.
    pub pending: i64,
    /// For how many seconds the longest waiting one is due.
    pub overdue_seconds: f64,
    /// URLs that nothing is sent to any more.
    pub disabled: i64,
}

/// Counts.
#[tracing::instrument(name = "store.webhooks.backlog", skip_all, err)]
pub async fn count(conn: &mut PgConnection) -> sqlx::Result<Backlog> {
    sqlx::query_as!(
        Backlog,
        r#"SELECT count(*) AS "pending!",
                  GREATEST(COALESCE(EXTRACT(EPOCH FROM now() - min(next_retry_at)
                      FILTER (WHERE lease_until IS NULL OR lease_until <= now()))::float8, 0), 0)
                      AS "overdue_seconds!",
                  (SELECT count(*) FROM webhook_destinations WHERE disabled_at IS NOT NULL)
                      AS "disabled!"
             FROM webhook_deliveries WHERE status = 'pending'"#,
    )
    .fetch_one(conn)
    .await
}
