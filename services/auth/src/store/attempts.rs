//! What was tried too often, of all replicas together.

use crate::domain::attempts::Attempts;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Until when one of these subjects is blocked, and the database's time. `kinds` and `subjects`
/// are pairs.
pub async fn blocked(
    conn: &mut PgConnection,
    kinds: &[String],
    subjects: &[String],
) -> sqlx::Result<Option<(DateTime<Utc>, DateTime<Utc>)>> {
    let row = sqlx::query!(
        r#"SELECT max(a.blocked_until) AS until, clock_timestamp() AS "now!"
             FROM UNNEST($1::text[], $2::text[]) AS s (kind, subject)
             JOIN attempts a ON a.kind = s.kind AND a.subject = s.subject
            WHERE a.blocked_until > clock_timestamp()"#,
        kinds,
        subjects,
    )
    .fetch_one(conn)
    .await?;
    Ok(row.until.map(|until| (until, row.now)))
}

/// Reads what was counted of a subject and locks it; the time is the database's.
pub async fn lock(
    conn: &mut PgConnection,
    kind: &str,
    subject: &str,
) -> sqlx::Result<(Attempts, DateTime<Utc>)> {
    let row = sqlx::query!(
        r#"INSERT INTO attempts (kind, subject, window_start, counted, touched_at)
           VALUES ($1, $2, clock_timestamp(), 0, clock_timestamp())
           ON CONFLICT (kind, subject) DO UPDATE SET touched_at = clock_timestamp()
           RETURNING window_start, counted, blocks, blocked_until, clock_timestamp() AS "now!""#,
        kind,
        subject,
    )
    .fetch_one(conn)
    .await?;
    let attempts = Attempts {
        window_start: row.window_start,
        counted: row.counted,
        blocks: row.blocks,
        blocked_until: row.blocked_until,
    };
    Ok((attempts, row.now))
}

/// Stores what was counted.
pub async fn save(
    conn: &mut PgConnection,
    kind: &str,
    subject: &str,
    attempts: &Attempts,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE attempts SET window_start = $3, counted = $4, blocks = $5, blocked_until = $6
          WHERE kind = $1 AND subject = $2",
        kind,
        subject,
        attempts.window_start,
        attempts.counted,
        attempts.blocks,
        attempts.blocked_until,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what was counted of a subject.
pub async fn forget(conn: &mut PgConnection, kind: &str, subject: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM attempts WHERE kind = $1 AND subject = $2",
        kind,
        subject,
    )
    .execute(conn)
    .await?;
    Ok(())
}
