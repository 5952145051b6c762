//! Rows that nobody can use any more. Each statement takes a bounded number: what is left waits for
//! the next round.

use sqlx::PgConnection;

/// Rows of one table that a round takes.
const MOST: i64 = 5_000;

/// Deletes what is over. Returns how many rows.
pub async fn round(conn: &mut PgConnection) -> sqlx::Result<u64> {
    // A token whose own life is over is refused in any case; a day longer tells theft from age.
    let tokens = sqlx::query!(
        "DELETE FROM refresh_tokens WHERE id IN (
             SELECT id FROM refresh_tokens WHERE expires_at < now() - interval '1 day'
              ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    let tickets = sqlx::query!(
        "DELETE FROM stream_tickets WHERE id IN (
             SELECT id FROM stream_tickets WHERE expires_at < now() - interval '1 hour'
              ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    // A month longer than they work, so that a late click is told why.
    let invites = sqlx::query!(
        "DELETE FROM user_invite_tokens WHERE id IN (
             SELECT id FROM user_invite_tokens WHERE expires_at < now() - interval '30 days'
              ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    let resets = sqlx::query!(
        "DELETE FROM password_reset_tokens WHERE id IN (
             SELECT id FROM password_reset_tokens WHERE expires_at < now() - interval '30 days'
              ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    // The longest block and the memory of it are over.
    let attempts = sqlx::query!(
        "DELETE FROM attempts WHERE (kind, subject) IN (
             SELECT kind, subject FROM attempts WHERE touched_at < now() - interval '1 hour'
              ORDER BY touched_at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    // Twice the longest life of an access token.
    let changes = sqlx::query!(
        "DELETE FROM principal_changes WHERE id IN (
             SELECT id FROM principal_changes WHERE at < now() - interval '2 days'
              ORDER BY at LIMIT $1 FOR UPDATE SKIP LOCKED)",
        MOST,
    )
    .execute(&mut *conn)
    .await?;
    let keys = sqlx::query!("DELETE FROM signing_keys WHERE retired_at < now() - interval '1 day'")
        .execute(conn)
        .await?;
    let all = [tokens, tickets, invites, resets, attempts, changes, keys];
    Ok(all
        .iter()
        .map(sqlx::postgres::PgQueryResult::rows_affected)
        .sum())
}
