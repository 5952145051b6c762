//! Named tokens of machine callers, stored hashed.

use crate::domain::admin::grants::NamedGrant;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;

/// A token without its secret.
#[derive(Debug, Clone)]
pub struct ServiceToken {
    /// Row.
    pub id: i64,
    /// Shown.
    pub name: String,
    /// What it may do.
    pub permission_grants: Json<Vec<NamedGrant>>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// Within a minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was ended.
    pub revoked_at: Option<DateTime<Utc>>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Every token, newest first, ended ones too.
pub async fn all(conn: &mut PgConnection) -> sqlx::Result<Vec<ServiceToken>> {
    sqlx::query_as!(
        ServiceToken,
        r#"SELECT id, name, permission_grants AS "permission_grants: Json<Vec<NamedGrant>>",
                  expires_at, last_used_at, revoked_at, created_at
             FROM service_tokens ORDER BY id DESC"#,
    )
    .fetch_all(conn)
    .await
}

/// Stores a token.
pub async fn insert(
    conn: &mut PgConnection,
    name: &str,
    hash: &str,
    grants: &[NamedGrant],
    created_by: Option<&str>,
    expires_at: Option<DateTime<Utc>>,
) -> sqlx::Result<ServiceToken> {
    sqlx::query_as!(
        ServiceToken,
        r#"INSERT INTO service_tokens (name, token_hash, permission_grants, created_by, expires_at)
           VALUES ($1, $2, $3, $4, $5)
           RETURNING id, name, permission_grants AS "permission_grants: Json<Vec<NamedGrant>>",
                     expires_at, last_used_at, revoked_at, created_at"#,
        name,
        hash,
        Json(grants) as _,
        created_by,
        expires_at,
    )
    .fetch_one(conn)
    .await
}

/// A token that was just ended.
pub struct Revoked {
    /// Its name.
    pub name: String,
    /// Whether it was live until now.
    pub now: bool,
}

/// Ends a token; ended before is fine. `None` when there is none.
pub async fn revoke(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<Revoked>> {
    sqlx::query_as!(
        Revoked,
        r#"WITH old AS (SELECT id, revoked_at FROM service_tokens WHERE id = $1 FOR UPDATE)
           UPDATE service_tokens t SET revoked_at = coalesce(t.revoked_at, now())
             FROM old WHERE t.id = old.id
           RETURNING t.name, old.revoked_at IS NULL AS "now!""#,
        id,
    )
    .fetch_optional(conn)
    .await
}

/// Whether a token still works.
pub async fn is_live(conn: &mut PgConnection, id: i64) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM service_tokens
                           WHERE id = $1 AND revoked_at IS NULL
                             AND (expires_at IS NULL OR expires_at > now())) AS "live!""#,
        id,
    )
    .fetch_one(conn)
    .await
}

/// A token that was presented and works.
pub struct Presented {
    /// Row.
    pub id: i64,
    /// Shown.
    pub name: String,
    /// What it may do.
    pub permission_grants: Json<Vec<NamedGrant>>,
    /// When it ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Finds a working token by its hash and notes the use, at most once a minute.
pub async fn present(conn: &mut PgConnection, hash: &str) -> sqlx::Result<Option<Presented>> {
    sqlx::query_as!(
        Presented,
        r#"WITH found AS (
               SELECT id, name, permission_grants, expires_at, last_used_at FROM service_tokens
                WHERE token_hash = $1 AND revoked_at IS NULL
                  AND (expires_at IS NULL OR expires_at > now())
           ), used AS (
               UPDATE service_tokens t SET last_used_at = now() FROM found
                WHERE t.id = found.id
                  AND (found.last_used_at IS NULL OR found.last_used_at <= now() - interval '1 minute')
           )
           SELECT id, name, permission_grants AS "permission_grants: Json<Vec<NamedGrant>>", expires_at
             FROM found"#,
        hash,
    )
    .fetch_optional(conn)
    .await
}
