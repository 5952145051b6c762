//! The fiches sold in a range of days.

use super::list::ListedFiche;
use crate::domain::reach::Reach;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

/// Which part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// So many; one more is read, to tell whether there are more.
    pub limit: i64,
    /// After this place.
    pub after: Option<(DateTime<Utc>, i64)>,
}

impl Page {
    /// Reads what [`ListedFiche::cursor`] wrote.
    pub fn cursor(text: &str) -> Option<(DateTime<Utc>, i64)> {
        let (micros, id) = text.split_once('-')?;
        let at = DateTime::from_timestamp_micros(micros.parse().ok()?)?;
        Some((at, id.parse().ok()?))
    }
}

/// The fiches in scope, newest row first, and one more than the page holds when there are more.
#[tracing::instrument(name = "store.range.list", skip_all, fields(%start, %end), err)]
pub async fn list(
    conn: &mut PgConnection,
    start: NaiveDate,
    end: NaiveDate,
    reach: &Reach,
    page: &Page,
) -> sqlx::Result<Vec<ListedFiche>> {
    let (at, id) = page.after.unzip();
    // The page by indexes alone, then its rows.
    sqlx::query_as!(
        ListedFiche,
        r#"SELECT fiche.id AS "id!", fiche.fiche_id AS "fiche_id!", fiche.groupe_effectif AS groupe,
                  fiche.agence_nom, fiche.prospect_nom, fiche.prospect_prenom,
                  fiche.prospect_email, fiche.prospect_tel, fiche.fetched_at,
                  fiche.created_at AS "created_at!"
             FROM (SELECT id, created_at FROM fiche_cache
                    WHERE sales_date BETWEEN $1 AND $2
                      AND ($3 OR groupe_effectif = ANY($4) OR attribution_user_id = $5)
                      AND ($6::timestamptz IS NULL OR (created_at, id) < ($6, $7))
                    ORDER BY created_at DESC, id DESC
                    LIMIT $8::bigint + 1) AS page
            CROSS JOIN LATERAL (SELECT * FROM fiche_cache WHERE id = page.id OFFSET 0) AS fiche
            ORDER BY page.created_at DESC, page.id DESC"#,
        start,
        end,
        reach.all,
        &reach.groupes,
        reach.crm_user_id,
        at,
        id,
        page.limit,
    )
    .fetch_all(conn)
    .await
}

/// What fiches must be like to be selected.
#[derive(Debug)]
pub struct Filters<'a> {
    /// Sold on one of these days.
    pub days: &'a [NaiveDate],
    /// Of these groupes, or of one that is not known yet; any when empty.
    pub groupes: &'a [String],
    /// Not known to be without recordings.
    pub only_with_recordings: bool,
    /// Not marked as unknown to the CRM.
    pub skip_not_found: bool,
}

/// The ids of the fiches that pass, by day and then in the order they were first seen; one more than
/// the limit when there are more.
#[tracing::instrument(name = "store.range.select", skip_all, err)]
pub async fn select(
    conn: &mut PgConnection,
    filters: &Filters<'_>,
    reach: &Reach,
    limit: i64,
) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        "SELECT fiche_id FROM fiche_cache
          WHERE sales_date = ANY($1)
            AND (cardinality($2::text[]) = 0 OR groupe_effectif IS NULL OR groupe_effectif = ANY($2))
            AND NOT ($3 AND state = 'full' AND NOT has_recordings)
            AND NOT ($4 AND state = 'not_found')
            AND ($5 OR groupe_effectif = ANY($6) OR attribution_user_id = $7)
          ORDER BY sales_date, created_at, id
          LIMIT $8::bigint + 1",
        filters.days,
        filters.groupes,
        filters.only_with_recordings,
        filters.skip_not_found,
        reach.all,
        &reach.groupes,
        reach.crm_user_id,
        limit,
    )
    .fetch_all(conn)
    .await
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn cursors_read_back_and_others_do_not() {
        let found = Page::cursor("1768381800123456-77").unwrap();
        assert_eq!(
            (found.0.timestamp_micros(), found.1),
            (1_768_381_800_123_456, 77)
        );
        for bad in ["", "77", "x-1", "1-x", "99999999999999999999-1"] {
            assert_eq!(Page::cursor(bad), None, "{bad}");
        }
    }
}
