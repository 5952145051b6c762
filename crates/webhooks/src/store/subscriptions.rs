//! Who hears of what.

use sqlx::PgConnection;

/// Adds a subscription; one of the same job and URL is replaced.
#[tracing::instrument(name = "store.webhooks.subscribe", skip_all, err)]
pub async fn put(
    conn: &mut PgConnection,
    job_id: &str,
    url: &str,
    secrets: Option<&[u8]>,
    events: &[String],
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO webhook_subscriptions (job_id, url, secrets, events)
         VALUES ($1, $2, $3, $4)
         ON CONFLICT (job_id, url) DO UPDATE
            SET secrets = EXCLUDED.secrets, events = EXCLUDED.events",
        job_id,
        url,
        secrets,
        events,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whether somebody hears of this event of a job.
#[tracing::instrument(name = "store.webhooks.has_subscriber", skip_all, err)]
pub async fn exists(conn: &mut PgConnection, job_id: &str, event: &str) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM webhook_subscriptions
                           WHERE job_id = $1 AND $2 = ANY(events)) AS "exists!""#,
        job_id,
        event,
    )
    .fetch_one(conn)
    .await
}
