//! Signing keys. Several are live during a rotation.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A key to store.
pub struct NewKey {
    /// Its id in token headers.
    pub kid: String,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    /// PKCS#8, sealed.
    pub private_key: Vec<u8>,
}

/// A key as stored.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// Its id in token headers.
    pub kid: String,
    /// PKCS#8, sealed.
    pub private_key: Vec<u8>,
    /// When it begins to sign.
    pub not_before: DateTime<Utc>,
    /// When it stops to verify.
    pub retired_at: Option<DateTime<Utc>>,
}

/// Keys that are published, oldest first.
pub async fn live(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, private_key, not_before, retired_at FROM signing_keys
          WHERE retired_at IS NULL OR retired_at > now()
          ORDER BY not_before, kid",
    )
    .fetch_all(conn)
    .await
}

/// Lets no other replica write keys until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("LOCK TABLE signing_keys IN EXCLUSIVE MODE")
        .execute(conn)
        .await?;
    Ok(())
}

/// Stores a key that signs from now on, when there is none. `false` when there is one; the table
/// is locked.
pub async fn insert_first(conn: &mut PgConnection, key: &NewKey) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "INSERT INTO signing_keys (kid, public_key, private_key)
         SELECT $1, $2, $3
          WHERE NOT EXISTS (SELECT FROM signing_keys WHERE retired_at IS NULL OR retired_at > now())",
        key.kid,
        key.public_key,
        key.private_key,
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Stores the next key, unless the last one has not begun to sign; the table is locked. It signs
/// `ahead_seconds` from now, and the keys before it end `overlap_seconds` after that.
pub async fn insert_next(
    conn: &mut PgConnection,
    key: &NewKey,
    ahead_seconds: f64,
    overlap_seconds: f64,
) -> sqlx::Result<bool> {
    let inserted = sqlx::query!(
        "INSERT INTO signing_keys (kid, public_key, private_key, not_before)
         SELECT $1, $2, $3, now() + make_interval(secs => $4)
          WHERE NOT EXISTS (SELECT FROM signing_keys WHERE not_before > now())",
        key.kid,
        key.public_key,
        key.private_key,
        ahead_seconds,
    )
    .execute(&mut *conn)
    .await?;
    if inserted.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!(
        "UPDATE signing_keys SET retired_at = now() + make_interval(secs => $2)
          WHERE kid <> $1 AND retired_at IS NULL",
        key.kid,
        ahead_seconds + overlap_seconds,
    )
    .execute(conn)
    .await?;
    Ok(true)
}
