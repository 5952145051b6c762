//! One-time links that administrators hand out: invites and password resets. A new one supersedes
//! those before it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;

/// Stores an invite. Returns when it ends.
pub async fn invite(
    conn: &mut PgConnection,
    user: i64,
    hash: &str,
    ttl: Duration,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query!(
        "UPDATE user_invite_tokens SET used_at = now() WHERE user_id = $1 AND used_at IS NULL",
        user,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        "INSERT INTO user_invite_tokens (user_id, token_hash, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3)) RETURNING expires_at",
        user,
        hash,
        ttl.as_secs_f64(),
    )
    .fetch_one(conn)
    .await
}

/// Stores a password reset. Returns when it ends.
pub async fn reset(
    conn: &mut PgConnection,
    user: i64,
    hash: &str,
    ttl: Duration,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query!(
        "UPDATE password_reset_tokens SET used_at = now() WHERE user_id = $1 AND used_at IS NULL",
        user,
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query_scalar!(
        "INSERT INTO password_reset_tokens (user_id, token_hash, expires_at)
         VALUES ($1, $2, now() + make_interval(secs => $3)) RETURNING expires_at",
        user,
        hash,
        ttl.as_secs_f64(),
    )
    .fetch_one(conn)
    .await
}

/// Takes back every link of a user that was not used.
pub async fn withdraw(conn: &mut PgConnection, user: i64) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH invites AS (
             UPDATE user_invite_tokens SET used_at = now() WHERE user_id = $1 AND used_at IS NULL
         )
         UPDATE password_reset_tokens SET used_at = now() WHERE user_id = $1 AND used_at IS NULL",
        user,
    )
    .execute(conn)
    .await?;
    Ok(())
}
