//! Refresh tokens and the sessions they form. Whoever changes a user's tokens holds the user's row
//! first (`users::lock`, `lock_owner`): a rotation under way cannot slip past the end of a session.

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

/// A live session, as its owner sees it.
#[derive(Debug)]
pub struct Session {
    /// Its id, `sid` in access tokens.
    pub family_id: Uuid,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
    /// Its login or last rotation.
    pub last_used_at: DateTime<Utc>,
    /// The client's address then.
    pub ip: Option<String>,
    /// The client's own name then.
    pub user_agent: Option<String>,
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

/// Locks the user whose token this is. `None` when the token was never issued.
pub async fn lock_owner(conn: &mut PgConnection, hash: &str) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM users
          WHERE id = (SELECT user_id FROM refresh_tokens WHERE token_hash = $1)
            FOR NO KEY UPDATE",
        hash,
    )
    .fetch_optional(conn)
    .await
}

/// Reads a presented token, its owner being locked. The clock is the database's.
pub async fn presented(
    conn: &mut PgConnection,
    hash: &str,
) -> sqlx::Result<Option<(PresentedToken, DateTime<Utc>)>> {
    let row = sqlx::query!(
        r#"SELECT t.id, t.user_id, t.family_id, t.family_expires_at, t.revoked_at, t.expires_at,
                  u.status AS "status: UserStatus", u.version, clock_timestamp() AS "now!",
                  EXISTS (SELECT FROM refresh_tokens s
                           WHERE s.id = t.replaced_by_id
                             AND s.revoked_at IS NULL AND s.last_used_at IS NULL) AS "successor_unused!"
             FROM refresh_tokens t JOIN users u ON u.id = t.user_id
            WHERE t.token_hash = $1"#,
        hash,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| {
        let token = PresentedToken {
            id: row.id,
            user_id: row.user_id,
            user_version: row.version,
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

/// Replaces a token by its successor, in one conditional update. Returns when the successor ends;
/// `None` when the token was used before.
pub async fn rotate(
    conn: &mut PgConnection,
    token: i64,
    hash: &str,
    ttl: Duration,
    ip: Option<&str>,
    user_agent: Option<&str>,
) -> sqlx::Result<Option<DateTime<Utc>>> {
    sqlx::query_scalar!(
        r#"WITH next AS MATERIALIZED (
               SELECT nextval(pg_get_serial_sequence('refresh_tokens', 'id')) AS id
           ), old AS (
               UPDATE refresh_tokens t
                  SET revoked_at = clock_timestamp(), last_used_at = clock_timestamp(),
                      replaced_by_id = next.id
                 FROM next
                WHERE t.id = $1 AND t.revoked_at IS NULL
               RETURNING t.user_id, t.family_id, t.family_expires_at, t.family_created_at,
                         next.id AS next_id
           )
           INSERT INTO refresh_tokens
                  (id, user_id, token_hash, family_id, family_expires_at, family_created_at,
                   created_by_ip, user_agent, expires_at)
           OVERRIDING SYSTEM VALUE
           SELECT next_id, user_id, $2, family_id, family_expires_at, family_created_at, $3, $4,
                  least(now() + make_interval(secs => $5), family_expires_at)
             FROM old
           RETURNING expires_at"#,
        token,
        hash,
        ip,
        user_agent,
        ttl.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await
}

/// The live sessions of a user, the last used first.
pub async fn list(conn: &mut PgConnection, user: i64) -> sqlx::Result<Vec<Session>> {
    sqlx::query_as!(
        Session,
        "SELECT family_id, family_created_at AS created_at, created_at AS last_used_at,
                created_by_ip AS ip, user_agent
           FROM refresh_tokens
          WHERE user_id = $1 AND revoked_at IS NULL
            AND expires_at > now() AND family_expires_at > now()
          ORDER BY id DESC",
        user,
    )
    .fetch_all(conn)
    .await
}

/// Whether this session of a user goes on.
pub async fn is_live(conn: &mut PgConnection, user: i64, family: Uuid) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM refresh_tokens
                WHERE user_id = $1 AND family_id = $2 AND revoked_at IS NULL
                  AND expires_at > now() AND family_expires_at > now()) AS "live!""#,
        user,
        family,
    )
    .fetch_one(conn)
    .await
}

/// Ends one session of a user. `false` when it is not theirs or had ended.
pub async fn end(conn: &mut PgConnection, user: i64, family: Uuid) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE refresh_tokens SET revoked_at = clock_timestamp()
          WHERE user_id = $1 AND family_id = $2 AND revoked_at IS NULL",
        user,
        family,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() > 0)
}

/// Ends the sessions of a user, but for one. Returns those that were live.
pub async fn end_all(
    conn: &mut PgConnection,
    user: i64,
    but: Option<Uuid>,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        r#"WITH ended AS (
               UPDATE refresh_tokens SET revoked_at = clock_timestamp()
                WHERE user_id = $1 AND revoked_at IS NULL AND family_id IS DISTINCT FROM $2
               RETURNING family_id, expires_at
           )
           SELECT DISTINCT family_id AS "family_id!" FROM ended WHERE expires_at > now()"#,
        user,
        but,
    )
    .fetch_all(conn)
    .await
}
