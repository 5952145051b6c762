//! One-time links in the hands of those they were made for (identity.md 1.11, 2.7).

use crate::domain::session::UserStatus;
use sqlx::PgConnection;

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The first password of an invited account.
    Invite,
    /// A new password of an active one.
    Reset,
}

/// A link that was presented.
#[derive(Debug)]
pub struct Link {
    /// Whose.
    pub user_id: i64,
    /// Login of its user.
    pub email: String,
    /// Status of its user.
    pub status: UserStatus,
    /// Whether it was used, superseded or withdrawn.
    pub used: bool,
    /// Whether its time is over.
    pub expired: bool,
}

/// Reads a link.
pub async fn find(conn: &mut PgConnection, kind: Kind, hash: &str) -> sqlx::Result<Option<Link>> {
    match kind {
        Kind::Invite => {
            sqlx::query_as!(
                Link,
                r#"SELECT l.user_id, u.email, u.status AS "status: UserStatus",
                          l.used_at IS NOT NULL AS "used!", l.expires_at <= now() AS "expired!"
                     FROM user_invite_tokens l JOIN users u ON u.id = l.user_id
                    WHERE l.token_hash = $1"#,
                hash,
            )
            .fetch_optional(conn)
            .await
        }
        Kind::Reset => {
            sqlx::query_as!(
                Link,
                r#"SELECT l.user_id, u.email, u.status AS "status: UserStatus",
                          l.used_at IS NOT NULL AS "used!", l.expires_at <= now() AS "expired!"
                     FROM password_reset_tokens l JOIN users u ON u.id = l.user_id
                    WHERE l.token_hash = $1"#,
                hash,
            )
            .fetch_optional(conn)
            .await
        }
    }
}

/// Takes a link: of several callers one. `false` when it was used or its time is over.
pub async fn claim(conn: &mut PgConnection, kind: Kind, hash: &str) -> sqlx::Result<bool> {
    let done = match kind {
        Kind::Invite => {
            sqlx::query!(
                "UPDATE user_invite_tokens SET used_at = now()
                  WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()",
                hash,
            )
            .execute(conn)
            .await?
        }
        Kind::Reset => {
            sqlx::query!(
                "UPDATE password_reset_tokens SET used_at = now()
                  WHERE token_hash = $1 AND used_at IS NULL AND expires_at > now()",
                hash,
            )
            .execute(conn)
            .await?
        }
    };
    Ok(done.rows_affected() == 1)
}
