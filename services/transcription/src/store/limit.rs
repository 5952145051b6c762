//! `speech_limits`: the token bucket and the circuit breaker of a provider, for all replicas.

use sqlx::PgConnection;
use std::time::Duration;

/// What the bucket says.
#[derive(Debug, Clone, PartialEq)]
pub struct Bucket {
    /// When the next request may start.
    pub wait: Duration,
    /// Why none may, while the breaker is open.
    pub paused: Option<String>,
}

/// Makes sure that a provider has a bucket.
#[tracing::instrument(name = "store.limit.ensure", skip_all, err)]
pub async fn ensure(conn: &mut PgConnection, provider: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO speech_limits (provider) VALUES ($1) ON CONFLICT DO NOTHING",
        provider
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The bucket, as it is.
#[tracing::instrument(name = "store.limit.look", skip_all, err)]
pub async fn look(
    conn: &mut PgConnection,
    provider: &str,
    credit: Duration,
) -> sqlx::Result<Bucket> {
    let row = sqlx::query!(
        r#"SELECT GREATEST(extract(epoch FROM GREATEST(next_at,
                      clock_timestamp() - make_interval(secs => $2)) - clock_timestamp()),
                      0)::float8 AS "wait!",
                  CASE WHEN paused_until > now() THEN paused_reason END AS paused
             FROM speech_limits WHERE provider = $1"#,
        provider,
        credit.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(Bucket {
        wait: Duration::try_from_secs_f64(row.wait).unwrap_or_default(),
        paused: row.paused,
    })
}

/// The bucket, locked until the transaction ends. `credit` is what an idle provider saves up.
#[tracing::instrument(name = "store.limit.lock", skip_all, err)]
pub async fn lock(
    conn: &mut PgConnection,
    provider: &str,
    credit: Duration,
) -> sqlx::Result<Bucket> {
    let row = sqlx::query!(
        r#"SELECT GREATEST(extract(epoch FROM GREATEST(next_at,
                      clock_timestamp() - make_interval(secs => $2)) - clock_timestamp()),
                      0)::float8 AS "wait!",
                  CASE WHEN paused_until > now() THEN paused_reason END AS paused
             FROM speech_limits WHERE provider = $1 FOR UPDATE"#,
        provider,
        credit.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(Bucket {
        wait: Duration::try_from_secs_f64(row.wait).unwrap_or_default(),
        paused: row.paused,
    })
}

/// Takes a token of the locked bucket.
#[tracing::instrument(name = "store.limit.take", skip_all, err)]
pub async fn take(
    conn: &mut PgConnection,
    provider: &str,
    credit: Duration,
    interval: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE speech_limits
            SET next_at = GREATEST(next_at, clock_timestamp() - make_interval(secs => $2))
                              + make_interval(secs => $3)
          WHERE provider = $1",
        provider,
        credit.as_secs_f64(),
        interval.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Opens the circuit breaker.
#[tracing::instrument(name = "store.limit.pause", skip_all, err)]
pub async fn pause(
    conn: &mut PgConnection,
    provider: &str,
    reason: &str,
    length: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE speech_limits
            SET paused_until = now() + make_interval(secs => $3), paused_reason = $2
          WHERE provider = $1",
        provider,
        reason,
        length.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}
