//! Fiches with their audits (6.4): paged by fiche, filtered by audit, all of it in SQL.

use super::named;
use super::row::{COLUMNS, ListedAudit};
use super::statement::Statement;
use crate::domain::filters::Filters;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_identity::FicheScope;

/// A fiche of the projection.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct FicheRow {
    pub fiche_id: String,
    pub fiche_cache_id: Option<i64>,
    pub groupe: Option<String>,
    pub agence_nom: Option<String>,
    pub prospect_nom: Option<String>,
    pub prospect_prenom: Option<String>,
    pub prospect_email: Option<String>,
    pub prospect_tel: Option<String>,
    pub has_recordings: bool,
    pub recordings_count: Option<i32>,
    pub fetched_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A page of fiches.
#[derive(Debug)]
pub struct FichePage {
    /// Ids and audits, the fiche that was audited last first.
    pub fiches: Vec<(String, Vec<ListedAudit>)>,
    /// What is known of them, by id.
    pub known: HashMap<String, FicheRow>,
    /// How many there are on all pages.
    pub total: i64,
}

/// A page of fiches with those of their audits that match, in scope.
#[tracing::instrument(name = "store.list.by_fiches", skip_all, err)]
pub async fn by_fiches(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
) -> sqlx::Result<FichePage> {
    let named = named(conn, filters).await?;
    let mut count = Statement::narrow("SELECT count(DISTINCT a.fiche_id)");
    count.filters(filters, &named);
    count.scope(scope);
    let total = count.count(conn).await?;
    let mut page = Statement::narrow("SELECT a.fiche_id");
    page.filters(filters, &named);
    page.scope(scope);
    page.0
        .push(" GROUP BY a.fiche_id ORDER BY max(a.created_at) DESC, a.fiche_id DESC LIMIT ")
        .push_bind(filters.limit)
        .push(" OFFSET ")
        .push_bind(filters.offset);
    let ids: Vec<(String,)> = page.rows(conn).await?;
    let ids: Vec<String> = ids.into_iter().map(|(id,)| id).collect();
    let mut audits: HashMap<String, Vec<ListedAudit>> = HashMap::new();
    if !ids.is_empty() {
        let mut select = Statement::select(COLUMNS);
        select.any("a.fiche_id", &ids);
        select.filters(filters, &named);
        select.scope(scope);
        select.order(filters);
        for audit in select.rows::<ListedAudit>(conn).await? {
            let of_fiche = audits.entry(audit.fiche_id.clone()).or_default();
            of_fiche.push(audit);
        }
    }
    let known = known(conn, &ids).await?;
    let fiches = ids.into_iter().map(|id| {
        let audits = audits.remove(&id).unwrap_or_default();
        (id, audits)
    });
    Ok(FichePage {
        fiches: fiches.collect(),
        known,
        total,
    })
}

async fn known(conn: &mut PgConnection, ids: &[String]) -> sqlx::Result<HashMap<String, FicheRow>> {
    let rows = sqlx::query_as!(
        FicheRow,
        "SELECT fiche_id, fiche_cache_id, groupe, agence_nom, prospect_nom, prospect_prenom,
                prospect_email, prospect_tel, has_recordings, recordings_count, fetched_at,
                created_at, updated_at
           FROM fiches WHERE fiche_id = ANY($1)",
        ids
    )
    .fetch_all(conn)
    .await?;
    let known = rows.into_iter().map(|row| (row.fiche_id.clone(), row));
    Ok(known.collect())
}
