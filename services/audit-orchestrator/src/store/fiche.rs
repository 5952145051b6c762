//! The projection of fiches that audits are listed and scoped by.

use crate::domain::snapshot::FicheNames;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_events::fiche::FicheSummary;
use vigie_identity::FicheScope;

/// A fiche as its owner describes it over gRPC, names included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Fiche {
    pub fiche_id: String,
    pub fiche_cache_id: Option<i64>,
    pub version: i64,
    pub groupe: Option<String>,
    pub agence_nom: Option<String>,
    pub attribution_user_id: Option<String>,
    pub prospect_nom: Option<String>,
    pub prospect_prenom: Option<String>,
    pub prospect_email: Option<String>,
    pub prospect_tel: Option<String>,
    pub sales_date: Option<NaiveDate>,
    pub has_recordings: bool,
    pub recordings_count: Option<i32>,
    pub fetched_at: Option<DateTime<Utc>>,
    pub last_revalidated_at: Option<DateTime<Utc>>,
}

/// Inserts or refreshes a fiche. An older version changes nothing; the same version may bring
/// names, which facts do not carry.
#[tracing::instrument(name = "store.fiche.put", skip_all, fields(fiche.id = fiche.fiche_id), err)]
pub async fn put(conn: &mut PgConnection, fiche: &Fiche) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO fiches AS f
             (fiche_id, fiche_cache_id, version, groupe, agence_nom, attribution_user_id,
              prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
              has_recordings, recordings_count, fetched_at, last_revalidated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
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
          WHERE f.version < excluded.version
             OR (f.version = excluded.version
                 AND (f.prospect_nom, f.prospect_prenom, f.prospect_email, f.prospect_tel)
                     IS DISTINCT FROM (excluded.prospect_nom, excluded.prospect_prenom,
                                       excluded.prospect_email, excluded.prospect_tel))",
        fiche.fiche_id,
        fiche.fiche_cache_id,
        fiche.version,
        fiche.groupe,
        fiche.agence_nom,
        fiche.attribution_user_id,
        fiche.prospect_nom,
        fiche.prospect_prenom,
        fiche.prospect_email,
        fiche.prospect_tel,
        fiche.sales_date,
        fiche.has_recordings,
        fiche.recordings_count,
        fiche.fetched_at,
        fiche.last_revalidated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Applies a fact to a fiche that has an audit; others are none of ours. Older versions change
/// nothing.
#[tracing::instrument(name = "store.fiche.apply", skip_all, fields(fiche.id = fiche_id), err)]
pub async fn apply(
    conn: &mut PgConnection,
    fiche_id: &str,
    fiche_cache_id: i64,
    summary: &FicheSummary,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE fiches
            SET fiche_cache_id = $2, version = $3, groupe = $4, agence_nom = $5,
                attribution_user_id = $6, sales_date = $7, has_recordings = $8,
                recordings_count = $9, fetched_at = $10, last_revalidated_at = $11,
                updated_at = now()
          WHERE fiche_id = $1 AND version < $3",
        fiche_id,
        fiche_cache_id,
        summary.version,
        summary.groupe,
        summary.agence_nom,
        summary.attribution_user_id,
        summary.sales_date,
        summary.has_recordings,
        summary.recordings_count,
        summary.fetched_at,
        summary.last_revalidated_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Names and groupes by fiche, for snapshots.
#[tracing::instrument(name = "store.fiche.names", skip_all, err)]
pub async fn names(
    conn: &mut PgConnection,
    fiches: &[String],
) -> sqlx::Result<HashMap<String, FicheNames>> {
    let rows = sqlx::query!(
        "SELECT fiche_id, groupe, prospect_nom, prospect_prenom
           FROM fiches WHERE fiche_id = ANY($1)",
        fiches
    )
    .fetch_all(conn)
    .await?;
    let names = rows.into_iter().map(|row| {
        let (prenom, nom) = (row.prospect_prenom.as_deref(), row.prospect_nom.as_deref());
        let names = FicheNames {
            prospect_name: FicheNames::join(prenom, nom),
            groupe: row.groupe,
        };
        (row.fiche_id, names)
    });
    Ok(names.collect())
}

/// Whether a fiche is in scope as far as the projection knows it. An unknown fiche is in scope of
/// those who see everything.
#[tracing::instrument(name = "store.fiche.in_scope", skip_all, err)]
pub async fn in_scope(
    conn: &mut PgConnection,
    fiche_id: &str,
    scope: &FicheScope,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"SELECT ($2 OR EXISTS (
               SELECT FROM fiches WHERE fiche_id = $1
                  AND (groupe = ANY($3) OR attribution_user_id = $4))) AS "visible!""#,
        fiche_id,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id()
    )
    .fetch_one(conn)
    .await
}
