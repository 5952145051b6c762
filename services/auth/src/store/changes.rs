//! What was sent as `auth/principal.changed`, for replicas that missed it.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};

/// A change as stored.
#[derive(Debug)]
pub struct Row {
    /// Whose tokens.
    pub user_id: i64,
    /// Version of the user.
    pub version: i64,
    /// The only session that ended.
    pub sid: Option<String>,
    /// Why.
    pub reason: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// Keeps changes; one statement.
pub async fn record(conn: &mut PgConnection, changes: &[PrincipalChanged]) -> sqlx::Result<()> {
    let users: Vec<i64> = changes.iter().map(|change| change.user_id.get()).collect();
    let versions: Vec<i64> = changes.iter().map(|change| change.version).collect();
    let sids: Vec<Option<String>> = changes.iter().map(|change| change.sid.clone()).collect();
    let reasons: Vec<String> = changes.iter().map(|c| name(c.reason).to_owned()).collect();
    sqlx::query!(
        "INSERT INTO principal_changes (user_id, version, sid, reason)
         SELECT * FROM UNNEST($1::bigint[], $2::bigint[], $3::text[], $4::text[])",
        &users,
        &versions,
        &sids as &[Option<String>],
        &reasons,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Changes since then, oldest first, and those of the minute before: what commits late has an
/// earlier time.
pub async fn since(conn: &mut PgConnection, since: DateTime<Utc>) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT user_id, version, sid, reason, at FROM principal_changes
          WHERE at >= $1::timestamptz - interval '1 minute' ORDER BY id",
        since,
    )
    .fetch_all(conn)
    .await
}

/// A reason as it is on the wire.
pub const fn name(reason: PrincipalChange) -> &'static str {
    match reason {
        PrincipalChange::Disabled => "disabled",
        PrincipalChange::Password => "password",
        PrincipalChange::Roles => "roles",
        PrincipalChange::Teams => "teams",
        PrincipalChange::Logout => "logout",
        PrincipalChange::Reuse => "reuse",
    }
}
