//! Signing keys. Several are live during a rotation.

use sqlx::PgConnection;

/// A key as stored.
pub struct StoredKey {
    /// Its id in token headers.
    pub kid: String,
    /// 32 bytes.
    pub public_key: Vec<u8>,
    /// PKCS#8, sealed.
    pub private_key: Vec<u8>,
}

/// Keys that tokens may still be signed with, oldest first.
pub async fn live(conn: &mut PgConnection) -> sqlx::Result<Vec<StoredKey>> {
    sqlx::query_as!(
        StoredKey,
        "SELECT kid, public_key, private_key FROM signing_keys
          WHERE retired_at IS NULL OR retired_at > now()
          ORDER BY not_before, kid",
    )
    .fetch_all(conn)
    .await
}

/// Stores the installation's first key. `false` when another replica was first.
pub async fn insert_first(conn: &mut PgConnection, key: &StoredKey) -> sqlx::Result<bool> {
    // The lock makes the check and the insert one step for all replicas that start together.
    sqlx::query!("LOCK TABLE signing_keys IN EXCLUSIVE MODE")
        .execute(&mut *conn)
        .await?;
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
