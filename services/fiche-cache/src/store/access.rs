//! Who was shown which fiche (fiches.md W26).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What somebody was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shown {
    /// All sections.
    Details,
    /// The calls, with their addresses.
    Recordings,
}

impl Shown {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Details => "details",
            Self::Recordings => "recordings",
        }
    }
}

/// An entry to be made.
#[derive(Debug)]
pub struct NewAccess<'a> {
    /// The fiche.
    pub fiche_id: &'a str,
    /// What of it.
    pub what: Shown,
    /// `user:<id>` or `machine:<name>`.
    pub reader: &'a str,
    /// The reader's address.
    pub address: Option<String>,
    /// The request.
    pub request_id: Option<&'a str>,
}

/// An entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access {
    /// Its place in the log.
    pub id: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What was shown.
    pub what: String,
    /// To whom.
    pub reader: String,
    /// Whither.
    pub address: Option<String>,
    /// For which request.
    pub request_id: Option<String>,
}

/// Makes an entry.
#[tracing::instrument(name = "store.access.note", skip_all, err)]
pub async fn note(conn: &mut PgConnection, access: &NewAccess<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO fiche_accesses (fiche_id, what, reader, address, request_id)
         VALUES ($1, $2, $3, $4, $5)",
        access.fiche_id,
        access.what.as_str(),
        access.reader,
        access.address,
        access.request_id,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Entries of a fiche, newest first, before one.
#[tracing::instrument(name = "store.access.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    fiche_id: &str,
    before: Option<i64>,
    limit: i64,
) -> sqlx::Result<Vec<Access>> {
    sqlx::query_as!(
        Access,
        "SELECT id, at, what, reader, address, request_id FROM fiche_accesses
          WHERE fiche_id = $1 AND ($2::bigint IS NULL OR id < $2)
          ORDER BY id DESC LIMIT $3",
        fiche_id,
        before,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// Drops entries older than `days`, at most `limit`.
#[tracing::instrument(name = "store.access.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection, days: i32, limit: i64) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "DELETE FROM fiche_accesses WHERE id IN (
             SELECT id FROM fiche_accesses WHERE at < now() - make_interval(days => $1)
              ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        days,
        limit,
    )
    .execute(conn)
    .await?;
    Ok(forgotten.rows_affected())
}
