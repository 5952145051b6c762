use super::named;
use super::row::{COLUMNS, ListedAudit};
use super::statement::Statement;
use crate::domain::cursor::{Cursor, SortKey};
use crate::domain::filters::{Filters, SortBy};
use crate::store::impossible;
use sqlx::PgConnection;
use vigie_identity::FicheScope;

/// The place after an audit.
fn place(filters: &Filters, last: &ListedAudit) -> sqlx::Result<Cursor> {
    let key = match filters.sort_by {
        SortBy::CreatedAt => SortKey::Time(Some(last.created_at)),
        SortBy::CompletedAt => SortKey::Time(last.completed_at),
        SortBy::ScorePercentage => {
            SortKey::Score(last.score_percentage.parse().map_err(impossible)?)
        }
        SortBy::DurationMs => SortKey::Millis(last.duration_ms),
    };
    Ok(Cursor::new(
        filters.sort_by,
        filters.ascending,
        key,
        last.id,
    ))
}

/// A page of a list.
#[derive(Debug)]
pub struct Page {
    /// Its audits.
    pub audits: Vec<ListedAudit>,
    /// How many there are on all pages.
    pub total: i64,
    /// Where the next page begins; `None` on the last one.
    pub next: Option<Cursor>,
}

/// A page of audits in scope.
#[tracing::instrument(name = "store.list.page", skip_all, err)]
pub async fn page(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
) -> sqlx::Result<Page> {
    let named = named(conn, filters).await?;
    let mut count = Statement::narrow("SELECT count(*)");
    count.filters(filters, &named);
    count.scope(scope);
    let total = count.count(conn).await?;
    let mut select = Statement::page(COLUMNS);
    select.filters(filters, &named);
    select.scope(scope);
    select.after(filters);
    select.order(filters);
    select.cut(filters);
    select.shown(filters);
    let mut audits = select.rows::<ListedAudit>(conn).await?;
    let limit = usize::try_from(filters.limit).unwrap_or_default();
    let more = audits.len() > limit;
    audits.truncate(limit);
    let next = match audits.last() {
        Some(last) if more => Some(place(filters, last)?),
        _ => None,
    };
    Ok(Page {
        audits,
        total,
        next,
    })
}
