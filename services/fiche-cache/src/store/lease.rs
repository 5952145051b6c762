//! Who is asking the CRM for a fiche, and what came of it for those who waited.

use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::FicheId;

/// A fetch that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failed {
    /// What it means for a reader.
    pub kind: FailedKind,
    /// For a person.
    pub message: String,
}

/// What a failed fetch means for a reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum FailedKind {
    /// The CRM does not know the fiche.
    Absent,
    /// The CRM did not answer.
    Crm,
    /// Its answer is of no use.
    Unusable,
}

impl FailedKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Crm => "crm",
            Self::Unusable => "unusable",
        }
    }
}

/// Takes the fiche for `holder`; `false` when another holds it. The same holder may take it again: a
/// redelivered message goes on where a crash left it.
#[tracing::instrument(name = "store.lease.claim", skip_all, fields(fiche.id = %fiche), err)]
pub async fn claim(
    conn: &mut PgConnection,
    fiche: &FicheId,
    holder: &str,
    life: Duration,
) -> sqlx::Result<bool> {
    let claimed = sqlx::query!(
        "INSERT INTO fiche_fetches AS f (fiche_id, holder, lease_until)
         VALUES ($1, $2, now() + make_interval(secs => $3))
         ON CONFLICT (fiche_id) DO UPDATE
            SET holder = EXCLUDED.holder, lease_until = EXCLUDED.lease_until
          WHERE f.lease_until <= now() OR f.holder = EXCLUDED.holder",
        fiche.as_str(),
        holder,
        life.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(claimed.rows_affected() == 1)
}

/// Gives the fiche back, if it is still this holder's, and tells who waits.
pub async fn release(conn: &mut PgConnection, fiche: &FicheId, holder: &str) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH freed AS (
             DELETE FROM fiche_fetches WHERE fiche_id = $1 AND holder = $2 RETURNING fiche_id)
           SELECT pg_notify('fiche_turns', 'fiche:' || fiche_id) AS "told!: ()" FROM freed"#,
        fiche.as_str(),
        holder,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// [`release`], and waits until no other transaction writes this fiche; that is held until this one ends.
/// Who waits is told when it commits.
#[tracing::instrument(name = "store.lease.settle", skip_all, fields(fiche.id = %fiche), err)]
pub async fn settle(conn: &mut PgConnection, fiche: &FicheId, holder: &str) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH freed AS (
             DELETE FROM fiche_fetches WHERE fiche_id = $1 AND holder = $2 RETURNING fiche_id)
           SELECT (SELECT count(pg_notify('fiche_turns', 'fiche:' || fiche_id)) FROM freed) AS told,
                  pg_advisory_xact_lock(hashtextextended('fiche:' || $1, 0)) AS "locked!: ()""#,
        fiche.as_str(),
        holder,
    )
    .fetch_one(conn)
    .await?;
    Ok(())
}

/// [`release`], leaving what went wrong to those who wait.
#[tracing::instrument(name = "store.lease.fail", skip_all, fields(fiche.id = %fiche), err)]
pub async fn fail(
    conn: &mut PgConnection,
    fiche: &FicheId,
    holder: &str,
    failed: &Failed,
) -> sqlx::Result<()> {
    sqlx::query!(
        r#"WITH freed AS (
             DELETE FROM fiche_fetches WHERE fiche_id = $1 AND holder = $2 RETURNING fiche_id),
           kept AS (
             INSERT INTO fiche_fetch_failures (fiche_id, at, kind, message)
             SELECT fiche_id, clock_timestamp(), $3, $4 FROM freed
             ON CONFLICT (fiche_id) DO UPDATE
                SET at = EXCLUDED.at, kind = EXCLUDED.kind, message = EXCLUDED.message)
           SELECT pg_notify('fiche_turns', 'fiche:' || fiche_id) AS "told!: ()" FROM freed"#,
        fiche.as_str(),
        holder,
        failed.kind.as_str(),
        failed.message,
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Drops failures that nobody waits for any more.
pub async fn forget_failures(conn: &mut PgConnection) -> sqlx::Result<()> {
    sqlx::query!("DELETE FROM fiche_fetch_failures WHERE at < now() - interval '1 minute'")
        .execute(conn)
        .await?;
    Ok(())
}
