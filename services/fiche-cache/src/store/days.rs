//! The ledger of days whose sales are in the cache, and who is asking for one.

use crate::domain::sales_day::SalesDay;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// What the ledger says of some days; those it does not know are left out.
#[tracing::instrument(name = "store.days.find", skip_all, err)]
pub async fn find(conn: &mut PgConnection, days: &[NaiveDate]) -> sqlx::Result<Vec<SalesDay>> {
    sqlx::query_as!(
        SalesDay,
        "SELECT day, fetched_at, expected, cached, last_error FROM sales_days
          WHERE day = ANY($1) ORDER BY day",
        days,
    )
    .fetch_all(conn)
    .await
}

/// What the ledger says of a day.
pub async fn get(conn: &mut PgConnection, day: NaiveDate) -> sqlx::Result<Option<SalesDay>> {
    Ok(find(conn, &[day]).await?.pop())
}

/// Takes a day for `holder`; `false` when another has it. The same holder may take it again: a
/// redelivered message goes on where a crash left it.
#[tracing::instrument(name = "store.days.claim", skip_all, fields(%day), err)]
pub async fn claim(
    conn: &mut PgConnection,
    day: NaiveDate,
    holder: &str,
    life: Duration,
) -> sqlx::Result<bool> {
    let claimed = sqlx::query!(
        "INSERT INTO sales_days AS d (day, holder, lease_until)
         VALUES ($1, $2, now() + make_interval(secs => $3))
         ON CONFLICT (day) DO UPDATE SET holder = EXCLUDED.holder, lease_until = EXCLUDED.lease_until
          WHERE d.holder IS NULL OR d.lease_until <= now() OR d.holder = EXCLUDED.holder",
        day,
        holder,
        life.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// How a list was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listed {
    /// Fiches of the list.
    pub expected: i32,
    /// Fiches written.
    pub cached: i32,
    /// Rows that could not be read.
    pub quarantined: i32,
}

/// Notes a success and gives the day back.
#[tracing::instrument(name = "store.days.fetched", skip_all, fields(%day), err)]
pub async fn fetched(
    conn: &mut PgConnection,
    day: NaiveDate,
    holder: &str,
    asked_at: DateTime<Utc>,
    listed: Listed,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sales_days
            SET fetched_at = GREATEST(fetched_at, $3), expected = $4, cached = $5, quarantined = $6,
                failed_at = NULL, last_error = NULL,
                holder = CASE WHEN holder <> $2 THEN holder END,
                lease_until = CASE WHEN holder <> $2 THEN lease_until END
          WHERE day = $1",
        day,
        holder,
        asked_at,
        listed.expected,
        listed.cached,
        listed.quarantined,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes a failure and gives the day back.
#[tracing::instrument(name = "store.days.failed", skip_all, fields(%day), err)]
pub async fn failed(
    conn: &mut PgConnection,
    day: NaiveDate,
    holder: &str,
    error: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE sales_days
            SET failed_at = now(), last_error = $3,
                holder = CASE WHEN holder <> $2 THEN holder END,
                lease_until = CASE WHEN holder <> $2 THEN lease_until END
          WHERE day = $1",
        day,
        holder,
        error,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes the turns of days whose hourly look is due, those never looked at first. Each is given to
/// one replica an hour.
#[tracing::instrument(name = "store.days.due", skip_all, err)]
pub async fn due(
    conn: &mut PgConnection,
    days: &[NaiveDate],
    every: Duration,
    cooldown: Duration,
) -> sqlx::Result<Vec<(NaiveDate, DateTime<Utc>)>> {
    let rows = sqlx::query!(
        r#"INSERT INTO sales_days AS d (day, asked_at)
           SELECT day, now() FROM unnest($1::date[]) AS day ORDER BY day
           ON CONFLICT (day) DO UPDATE SET asked_at = now()
            WHERE (d.asked_at IS NULL OR d.asked_at <= now() - make_interval(secs => $2))
              AND (d.fetched_at IS NULL OR d.fetched_at <= now() - make_interval(secs => $3))
           RETURNING day, asked_at AS "asked_at!""#,
        days,
        every.as_secs_f64(),
        cooldown.as_secs_f64(),
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| (row.day, row.asked_at))
        .collect())
}
