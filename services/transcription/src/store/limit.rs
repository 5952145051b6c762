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
    /// The breaker was open, and nobody knows yet whether its reason is gone.
    pub tripped: bool,
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
                  CASE WHEN paused_until > now() THEN paused_reason END AS paused,
                  paused_reason IS NOT NULL AS "tripped!"
             FROM speech_limits WHERE provider = $1"#,
        provider,
        credit.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(Bucket {
        wait: Duration::try_from_secs_f64(row.wait).unwrap_or_default(),
        paused: row.paused,
        tripped: row.tripped,
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
                  CASE WHEN paused_until > now() THEN paused_reason END AS paused,
                  paused_reason IS NOT NULL AS "tripped!"
             FROM speech_limits WHERE provider = $1 FOR UPDATE"#,
        provider,
        credit.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(Bucket {
        wait: Duration::try_from_secs_f64(row.wait).unwrap_or_default(),
        paused: row.paused,
        tripped: row.tripped,
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

/// Opens the circuit breaker; false when it was open.
#[tracing::instrument(name = "store.limit.pause", skip_all, err)]
pub async fn pause(
    conn: &mut PgConnection,
    provider: &str,
    reason: &str,
    length: Duration,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"UPDATE speech_limits AS l
            SET paused_until = clock_timestamp() + make_interval(secs => $3), paused_reason = $2
           FROM (SELECT provider, COALESCE(paused_until > now(), false) AS open
                   FROM speech_limits WHERE provider = $1 FOR UPDATE) AS before
          WHERE l.provider = before.provider
         RETURNING NOT before.open AS "opened!""#,
        provider,
        reason,
        length.as_secs_f64()
    )
    .fetch_one(conn)
    .await
}

/// Closes the circuit breaker, after a success; false when it was closed.
#[tracing::instrument(name = "store.limit.close", skip_all, err)]
pub async fn close(conn: &mut PgConnection, provider: &str) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE speech_limits SET paused_until = NULL, paused_reason = NULL
          WHERE provider = $1 AND paused_reason IS NOT NULL",
        provider
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
