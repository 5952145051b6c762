//! Writes the projection of fiches anew.

use super::fiche::Fiche;
use sqlx::PgConnection;

/// Fiches that have audits, after one, in the order of their ids as text.
#[tracing::instrument(name = "store.projection.audited", skip_all, err)]
pub async fn audited(
    conn: &mut PgConnection,
    after: &str,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT DISTINCT fiche_id FROM audits WHERE fiche_id > $1 ORDER BY fiche_id LIMIT $2",
        after,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many of them come after one.
pub async fn remaining(conn: &mut PgConnection, after: &str) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(DISTINCT fiche_id) AS "n!" FROM audits WHERE fiche_id > $1"#,
        after,
    )
    .fetch_one(conn)
    .await
}

/// Writes fiches over what is there, unless that is newer, and says how many were written.
#[tracing::instrument(name = "store.projection.put_all", skip_all, fields(fiches = fiches.len()), err)]
pub async fn put_all(conn: &mut PgConnection, fiches: &[Fiche]) -> sqlx::Result<u64> {
    let rows: Vec<_> = fiches
        .iter()
        .map(|fiche| {
            serde_json::json!({
                "fiche_id": fiche.fiche_id,
                "fiche_cache_id": fiche.fiche_cache_id,
                "version": fiche.version,
                "groupe": fiche.groupe,
                "agence_nom": fiche.agence_nom,
                "attribution_user_id": fiche.attribution_user_id,
                "prospect_nom": fiche.prospect_nom,
                "prospect_prenom": fiche.prospect_prenom,
                "prospect_email": fiche.prospect_email,
                "prospect_tel": fiche.prospect_tel,
                "sales_date": fiche.sales_date,
                "has_recordings": fiche.has_recordings,
                "recordings_count": fiche.recordings_count,
                "fetched_at": fiche.fetched_at,
                "last_revalidated_at": fiche.last_revalidated_at,
            })
        })
        .collect();
    let written = sqlx::query!(
        "INSERT INTO fiches AS f
             (fiche_id, fiche_cache_id, version, groupe, agence_nom, attribution_user_id,
              prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
              has_recordings, recordings_count, fetched_at, last_revalidated_at)
         SELECT fiche_id, fiche_cache_id, version, groupe, agence_nom, attribution_user_id,
                prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
                has_recordings, recordings_count, fetched_at, last_revalidated_at
           FROM jsonb_populate_recordset(NULL::fiches, $1)
          ORDER BY fiche_id
         ON CONFLICT (fiche_id) DO UPDATE
            SET fiche_cache_id = COALESCE(excluded.fiche_cache_id, f.fiche_cache_id),
                version = excluded.version, groupe = excluded.groupe,
                agence_nom = excluded.agence_nom,
                attribution_user_id = excluded.attribution_user_id,
                prospect_nom = excluded.prospect_nom, prospect_prenom = excluded.prospect_prenom,
                prospect_email = excluded.prospect_email, prospect_tel = excluded.prospect_tel,
                sales_date = excluded.sales_date, has_recordings = excluded.has_recordings,
                recordings_count = excluded.recordings_count, fetched_at = excluded.fetched_at,
                last_revalidated_at = excluded.last_revalidated_at, updated_at = now()
          WHERE f.version <= excluded.version",
        sqlx::types::Json(rows) as _,
    )
    .execute(conn)
    .await?;
    Ok(written.rows_affected())
}
