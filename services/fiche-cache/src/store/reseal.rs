//! Rows whose sensitive columns are sealed anew after the key has changed.

use super::sections;
use crate::domain::vault::Vault;
use serde_json::{Map, Value};
use sqlx::PgConnection;

/// A row that may hold something sealed.
pub struct Row {
    /// The row.
    pub id: i64,
    /// The fiche.
    pub fiche_id: String,
}

/// Rows with details after one, in the order of their ids.
#[tracing::instrument(name = "store.reseal.list", skip_all, err)]
pub async fn list(conn: &mut PgConnection, after_id: i64, limit: i64) -> sqlx::Result<Vec<Row>> {
    sqlx::query_as!(
        Row,
        "SELECT id, fiche_id FROM fiche_cache
          WHERE id > $1 AND state <> 'sales_list' ORDER BY id LIMIT $2",
        after_id,
        limit,
    )
    .fetch_all(conn)
    .await
}

/// How many come after one.
pub async fn remaining(conn: &mut PgConnection, after_id: i64) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "n!" FROM fiche_cache WHERE id > $1 AND state <> 'sales_list'"#,
        after_id,
    )
    .fetch_one(conn)
    .await
}

/// The sections of a row that hold something sensitive, as they lie. The caller holds the fiche's lock.
pub async fn sensitive(conn: &mut PgConnection, id: i64) -> sqlx::Result<Map<String, Value>> {
    let Some(stored) = sections::read(conn, id).await? else {
        return Ok(Map::new());
    };
    let mut found = stored.sections;
    found.retain(|name, _| Vault::holds(name));
    let prospect = stored.prospect;
    found.extend(prospect.map(|prospect| ("prospect".to_owned(), prospect)));
    Ok(found)
}

/// Writes these sections again. The caller holds the fiche's lock.
#[tracing::instrument(name = "store.reseal.write", skip_all, fields(fiche.cache_id = id), err)]
pub async fn write(
    conn: &mut PgConnection,
    id: i64,
    sections: Map<String, Value>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "WITH prospects AS (DELETE FROM fiche_cache_prospects WHERE fiche_cache_id = $1),
              elements AS (DELETE FROM fiche_cache_elements_souscription WHERE fiche_cache_id = $1),
              commentaires AS (DELETE FROM fiche_cache_commentaires WHERE fiche_cache_id = $1),
              rendez_vous AS (DELETE FROM fiche_cache_rendez_vous WHERE fiche_cache_id = $1),
              alertes AS (DELETE FROM fiche_cache_alertes WHERE fiche_cache_id = $1),
              reclamations AS (DELETE FROM fiche_cache_reclamations WHERE fiche_cache_id = $1),
              contrats AS (DELETE FROM fiche_cache_autres_contrats WHERE fiche_cache_id = $1)
         DELETE FROM fiche_cache_raw_sections WHERE fiche_cache_id = $1",
        id,
    )
    .execute(&mut *conn)
    .await?;
    sections::insert(conn, id, sections).await
}
