use super::row::{COLUMNS, ListedAudit};
use super::statement::Statement;
use sqlx::PgConnection;
use vigie_identity::FicheScope;

/// The latest, undeleted audits of a fiche in scope, newest first.
#[tracing::instrument(name = "store.list.by_fiche", skip_all, fields(fiche.id = fiche), err)]
pub async fn by_fiche(
    conn: &mut PgConnection,
    fiche: &str,
    scope: &FicheScope,
) -> sqlx::Result<Vec<ListedAudit>> {
    let mut select = Statement::select(COLUMNS);
    select.and(
        "a.fiche_id = ",
        fiche.to_owned(),
        " AND a.is_latest AND a.deleted_at IS NULL",
    );
    select.scope(scope);
    select.0.push(" ORDER BY a.created_at DESC, a.id DESC");
    select.audits(conn).await
}

/// The latest, undeleted audits of many fiches in scope, newest first.
#[tracing::instrument(name = "store.list.of_fiches", skip_all, err)]
pub async fn of_fiches(
    conn: &mut PgConnection,
    fiches: &[String],
    scope: &FicheScope,
) -> sqlx::Result<Vec<ListedAudit>> {
    if fiches.is_empty() {
        return Ok(Vec::new());
    }
    let mut select = Statement::select(COLUMNS);
    select.any("a.fiche_id", fiches);
    select.0.push(" AND a.is_latest AND a.deleted_at IS NULL");
    select.scope(scope);
    select.0.push(" ORDER BY a.created_at DESC, a.id DESC");
    select.audits(conn).await
}

/// One audit, whatever the scope: the caller tells "unknown" from "forbidden".
#[tracing::instrument(name = "store.list.one", skip_all, fields(audit.id = id), err)]
pub async fn one(conn: &mut PgConnection, id: i64) -> sqlx::Result<Option<ListedAudit>> {
    let mut select = Statement::select(COLUMNS);
    select.and("a.id = ", id, "");
    Ok(select.audits(conn).await?.pop())
}

/// The fiche of an audit, by database or tracking id.
#[tracing::instrument(name = "store.list.fiche_of", skip_all, err)]
pub async fn fiche_of(conn: &mut PgConnection, key: &str) -> sqlx::Result<Option<String>> {
    let id = key.parse::<i64>().ok();
    sqlx::query_scalar!(
        "SELECT fiche_id FROM audits WHERE id = $1 OR tracking_id = $2 LIMIT 1",
        id,
        key
    )
    .fetch_optional(conn)
    .await
}

/// Where an audit stands, by tracking id.
#[derive(Debug, Clone)]
pub struct Tracked {
    /// Tracking id.
    pub tracking_id: String,
    /// Database id.
    pub id: i64,
    /// Status.
    pub status: String,
    /// Why it failed.
    pub error_message: Option<String>,
}

/// Audits by tracking id; unknown ones are left out.
#[tracing::instrument(name = "store.list.tracked", skip_all, err)]
pub async fn tracked(conn: &mut PgConnection, ids: &[String]) -> sqlx::Result<Vec<Tracked>> {
    sqlx::query_as!(
        Tracked,
        "SELECT tracking_id, id, status, error_message FROM audits WHERE tracking_id = ANY($1)",
        ids
    )
    .fetch_all(conn)
    .await
}
