//! URLs that fail.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A URL that fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// The exact URL.
    pub url: String,
    /// Since when every attempt fails.
    pub first_failed_at: Option<DateTime<Utc>>,
    /// Since when nothing is sent there.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Why.
    pub last_error: Option<String>,
}

/// It took a delivery.
#[tracing::instrument(name = "store.webhooks.destination_works", skip_all, err)]
pub async fn works(conn: &mut PgConnection, url: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE webhook_destinations SET first_failed_at = NULL, last_error = NULL
          WHERE url = $1 AND first_failed_at IS NOT NULL",
        url,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// It failed. Returns whether it is disabled now: at once when it is `gone`, else after failing for
/// `patience_seconds`.
#[tracing::instrument(name = "store.webhooks.destination_failed", skip_all, err)]
pub async fn failed(
    conn: &mut PgConnection,
    url: &str,
    error: &str,
    gone: bool,
    patience_seconds: f64,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"INSERT INTO webhook_destinations AS d (url, first_failed_at, disabled_at, last_error)
           VALUES ($1, now(), CASE WHEN $3 THEN now() END, $2)
           ON CONFLICT (url) DO UPDATE SET
               first_failed_at = COALESCE(d.first_failed_at, now()),
               disabled_at = COALESCE(d.disabled_at,
                   CASE WHEN $3 OR d.first_failed_at <= now() - make_interval(secs => $4)
                        THEN now() END),
               last_error = EXCLUDED.last_error
           RETURNING disabled_at IS NOT NULL AS "disabled!""#,
        url,
        error,
        gone,
        patience_seconds,
    )
    .fetch_one(conn)
    .await
}

/// Fails what waits for a destination that is disabled now.
#[tracing::instrument(name = "store.webhooks.drop_pending", skip_all, err)]
pub async fn drop_pending(conn: &mut PgConnection, url: &str) -> sqlx::Result<u64> {
    let dropped = sqlx::query!(
        "WITH dropped AS (
           UPDATE webhook_deliveries
              SET status = 'failed', next_retry_at = NULL, response_body = 'destination is disabled'
            WHERE url = $1 AND status = 'pending' AND lease IS NULL
           RETURNING id, attempt)
         INSERT INTO webhook_delivery_attempts (delivery_id, attempt, error)
         SELECT id, attempt, 'destination is disabled' FROM dropped
         ON CONFLICT (delivery_id, attempt) DO NOTHING",
        url,
    )
    .execute(conn)
    .await?;
    Ok(dropped.rows_affected())
}

/// Sends there again. `false` when it was not disabled.
#[tracing::instrument(name = "store.webhooks.enable", skip_all, err)]
pub async fn enable(conn: &mut PgConnection, url: &str) -> sqlx::Result<bool> {
    let enabled = sqlx::query!(
        "UPDATE webhook_destinations
            SET disabled_at = NULL, first_failed_at = NULL, last_error = NULL
          WHERE url = $1 AND disabled_at IS NOT NULL",
        url,
    )
    .execute(conn)
    .await?;
    Ok(enabled.rows_affected() == 1)
}

/// Those that fail, disabled ones first.
#[tracing::instrument(name = "store.webhooks.failing", skip_all, err)]
pub async fn failing(conn: &mut PgConnection, limit: i64) -> sqlx::Result<Vec<Destination>> {
    sqlx::query_as!(
        Destination,
        "SELECT url, first_failed_at, disabled_at, last_error FROM webhook_destinations
          WHERE first_failed_at IS NOT NULL OR disabled_at IS NOT NULL
          ORDER BY disabled_at NULLS LAST, first_failed_at LIMIT $1",
        limit,
    )
    .fetch_all(conn)
    .await
}
