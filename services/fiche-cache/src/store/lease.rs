//! Who is asking the CRM for a fiche.

use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::FicheId;

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
