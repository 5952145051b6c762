//! Refresh tokens and the sessions they form.

use crate::domain::session::{PresentedToken, UserStatus};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// A refresh token to store.
pub struct NewToken<'a> {
    /// Whose.
    pub user_id: i64,
    /// What is stored of it.
    pub hash: &'a str,
    /// Its session.
    pub family_id: Uuid,
    /// Life of the token.
    pub ttl: Duration,
    /// Life of the session, counted from its first token.
    pub family_ttl: Duration,
    /// The client's address, from a trusted hop.
    pub ip: Option<&'a str>,
    /// The client's own name.
    pub user_agent: Option<&'a str>,
}

/// Stores the first token of a session. Returns when the token ends.
pub async fn open(conn: &mut PgConnection, token: &NewToken<'_>) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"INSERT INTO refresh_tokens
                  (user_id, token_hash, family_id, family_expires_at, created_by_ip, user_agent, expires_at)
           VALUES ($1, $2, $3, now() + make_interval(secs => $4), $5, $6,
                   now() + make_interval(secs => least($7, $4)))
           RETURNING expires_at"#,
        token.user_id,
        token.hash,
        token.family_id,
        token.family_ttl.as_secs_f64(),
        token.ip,
        token.user_agent,
        token.ttl.as_secs_f64(),
    )
    .fetch_one(conn)
    .await
}

/// Reads a presented token and locks it: of parallel refreshes one goes first. The clock is the
/// database's.
pub async fn lock(
    conn: &mut PgConnection,
    hash: &str,
) -> sqlx::Result<Option<(PresentedToken, DateTime<Utc>)>> {
    let row = sqlx::query!(
        r#"SELECT t.id, t.user_id, t.family_id, t.family_expires_at, t.revoked_at, t.expires_at,
                  u.status AS "status: UserStatus", clock_timestamp() AS "now!",
                  EXISTS (SELECT FROM refresh_tokens s
                           WHERE s.id = t.replaced_by_id
                             AND s.revoked_at IS NULL AND s.last_used_at IS NULL) AS "successor_unused!"
             FROM refresh_tokens t JOIN users u ON u.id = t.user_id
            WHERE t.token_hash = $1
              FOR UPDATE OF t"#,
        hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let token = PresentedToken {
            id: row.id,
            user_id: row.user_id,
            family_id: row.family_id,
            family_expires_at: row.family_expires_at,
            revoked_at: row.revoked_at,
            successor_unused: row.successor_unused,
            expires_at: row.expires_at,
            status: row.status,
        };
        (token, row.now)
    }))
}

/// Replaces a locked token by its successor. Returns when the successor ends.
pub async fn rotate(
    conn: &mut PgConnection,
    old: &PresentedToken,
    hash: &str,
    ttl: Duration,
    ip: Option<&str>,
    user_agent: Option<&str>,
) -> sqlx::Result<DateTime<Utc>> {
    sqlx::query_scalar!(
        r#"WITH successor AS (
               INSERT INTO refresh_tokens
                      (user_id, token_hash, family_id, family_expires_at, created_by_ip, user_agent, expires_at)
               SELECT user_id, $2, family_id, family_expires_at, $3, $4,
                      least(now() + make_interval(secs => $5), family_expires_at)
                 FROM refresh_tokens WHERE id = $1
               RETURNING id, expires_at
           ), old AS (
               UPDATE refresh_tokens
                  SET revoked_at = clock_timestamp(), last_used_at = clock_timestamp(),
                      replaced_by_id = successor.id
                 FROM successor
                WHERE refresh_tokens.id = $1
           )
           SELECT expires_at FROM successor"#,
        old.id,
        hash,
        ip,
        user_agent,
        ttl.as_secs_f64(),
    )
    .fetch_one(conn)
    .await
}

/// Ends a session: every token of it. Returns how many were live.
pub async fn end_family(conn: &mut PgConnection, family: Uuid) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = now() WHERE family_id = $1 AND revoked_at IS NULL",
        family,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Ends the session of a token, if it is known. Absent, unknown or ended is fine.
pub async fn end_by_token(conn: &mut PgConnection, hash: &str) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = now()
          WHERE revoked_at IS NULL
            AND family_id = (SELECT family_id FROM refresh_tokens WHERE token_hash = $1)",
        hash,
    )
    .execute(conn)
    .await?;
    Ok(())
}
