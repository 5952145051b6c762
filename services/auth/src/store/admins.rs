//! What administration checks under its lock.

use crate::domain::session::UserStatus;
use sqlx::PgConnection;

/// The advisory lock of administration: any constant that nobody else in this database uses.
const LOCK: i64 = 0x5649_4749_4541_444D;

/// Waits until no other administration is under way; held until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(conn)
        .await?;
    Ok(())
}

/// The status of an account; `None` when it is gone.
pub async fn status(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<UserStatus>> {
    sqlx::query_scalar!(
        r#"SELECT status AS "status: UserStatus" FROM users WHERE id = $1"#,
        id
    )
    .fetch_optional(conn)
    .await
}

/// How many accounts can log in and hold everything, everywhere.
pub async fn count_full(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM users u
            WHERE u.status = 'ACTIVE' AND u.password_hash IS NOT NULL
              AND NOT EXISTS (
                  SELECT FROM permissions p
                   WHERE NOT EXISTS (
                         SELECT FROM user_roles ur
                           JOIN role_permissions rp ON rp.role_id = ur.role_id
                          WHERE ur.user_id = u.id AND rp.permission_id = p.id
                            AND rp.scope = 'ALL' AND rp.can_read)
                      OR NOT EXISTS (
                         SELECT FROM user_roles ur
                           JOIN role_permissions rp ON rp.role_id = ur.role_id
                          WHERE ur.user_id = u.id AND rp.permission_id = p.id
                            AND rp.scope = 'ALL' AND rp.can_write))"#
    )
    .fetch_one(conn)
    .await
}

/// Gives users a new version: their access tokens are refused from now on. Also for replicas that
/// miss the message of it.
pub async fn bump(
    conn: &mut PgConnection,
    users: &[i64],
    reason: &str,
) -> sqlx::Result<Vec<(i64, i64)>> {
    let rows = sqlx::query!(
        r#"WITH bumped AS (
               UPDATE users SET version = version + 1, updated_at = now()
                WHERE id = ANY($1) RETURNING id, version
           ), noted AS (
               INSERT INTO principal_changes (user_id, version, reason)
               SELECT id, version, $2 FROM bumped
           )
           SELECT id AS "id!", version AS "version!" FROM bumped"#,
        users,
        reason,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.id, row.version)).collect())
}
