//! Single-use tickets for event streams.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// What a ticket gives.
#[derive(Debug)]
pub struct Ticket {
    /// The channels it was issued for.
    pub channels: Vec<String>,
    /// When the session that it was issued to ends.
    pub session_expires_at: DateTime<Utc>,
}

/// Stores a ticket and drops the ones that expired an hour ago.
pub async fn issue(
    conn: &mut PgConnection,
    hash: &str,
    principal: &str,
    channels: &[String],
    session_expires_at: DateTime<Utc>,
    ttl: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH expired AS (
             DELETE FROM stream_tickets WHERE expires_at < now() - interval '1 hour'
         )
         INSERT INTO stream_tickets (ticket_hash, principal, channels, session_expires_at, expires_at)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5))",
        hash,
        principal,
        channels,
        session_expires_at,
        ttl.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes a ticket; `None` when it is unknown, expired or was taken before.
pub async fn redeem(conn: &mut PgConnection, hash: &str) -> sqlx::Result<Option<Ticket>> {
    sqlx::query_as!(
        Ticket,
        "UPDATE stream_tickets SET used_at = now()
          WHERE ticket_hash = $1 AND used_at IS NULL AND expires_at > now()
          RETURNING channels, session_expires_at",
        hash,
    )
    .fetch_optional(conn)
    .await
}
