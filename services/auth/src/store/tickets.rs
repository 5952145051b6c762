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
    /// The user it was issued to.
    pub user_id: Option<i64>,
    /// That user's version then.
    pub user_version: Option<i64>,
    /// That user's session.
    pub session_id: Option<String>,
}

/// Who a ticket is issued to.
#[derive(Debug)]
pub struct Holder<'a> {
    /// For people who read the table.
    pub name: &'a str,
    /// The user; none for a machine.
    pub user_id: Option<i64>,
    /// The user's version.
    pub version: i64,
    /// The session.
    pub session: Option<&'a str>,
}

/// Stores a ticket and drops the ones that expired an hour ago.
pub async fn issue(
    conn: &mut PgConnection,
    hash: &str,
    holder: &Holder<'_>,
    channels: &[String],
    session_expires_at: DateTime<Utc>,
    ttl: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH expired AS (
             DELETE FROM stream_tickets WHERE expires_at < now() - interval '1 hour'
         )
         INSERT INTO stream_tickets
                (ticket_hash, principal, channels, session_expires_at, expires_at,
                 user_id, user_version, session_id)
         VALUES ($1, $2, $3, $4, now() + make_interval(secs => $5), $6, $7, $8)",
        hash,
        holder.name,
        channels,
        session_expires_at,
        ttl.as_secs_f64(),
        holder.user_id,
        holder.user_id.map(|_| holder.version),
        holder.session,
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
          RETURNING channels, session_expires_at, user_id, user_version, session_id",
        hash,
    )
    .fetch_optional(conn)
    .await
}
