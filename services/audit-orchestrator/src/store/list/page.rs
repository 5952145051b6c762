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

/// Lists of more than this many audits are counted apart from finding a page of them.
const SHORT: i32 = 10_000;

/// A page of audits in scope.
#[tracing::instrument(name = "store.list.page", skip_all, err)]
pub async fn page(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
) -> sqlx::Result<Page> {
    let named = named(conn, filters).await?;
    if let Some(page) = short(conn, filters, scope, &named).await? {
        return Ok(page);
    }
    long(conn, filters, scope, &named).await
}

/// A page of a list, however long it is: counted first, then found in its order, which an index
/// may have.
#[tracing::instrument(name = "store.list.page_of_long", skip_all, err)]
pub async fn page_of_long(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
) -> sqlx::Result<Page> {
    let named = named(conn, filters).await?;
    long(conn, filters, scope, &named).await
}

/// A short list is found once, for its total and for its page. `None`: it is a long one.
async fn short(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
    named: &[i64],
) -> sqlx::Result<Option<Page>> {
    let mut find = Statement::found(filters, SHORT);
    find.filters(filters, named);
    find.scope(scope);
    find.counted(SHORT + 1);
    let (total, ids): (i64, Vec<i64>) = find.row(conn).await?;
    if total > i64::from(SHORT) {
        return Ok(None);
    }
    let mut audits = Vec::new();
    if !ids.is_empty() {
        let mut select = Statement::select(COLUMNS);
        select.any("a.id", &ids);
        select.order(filters);
        audits = select.rows::<ListedAudit>(conn).await?;
    }
    cut(audits, filters, total).map(Some)
}

async fn long(
    conn: &mut PgConnection,
    filters: &Filters,
    scope: &FicheScope,
    named: &[i64],
) -> sqlx::Result<Page> {
    let mut count = Statement::narrow("SELECT count(*)");
    count.filters(filters, named);
    count.scope(scope);
    let total = count.count(conn).await?;
    let mut select = Statement::page(COLUMNS);
    select.filters(filters, named);
    select.scope(scope);
    select.after(filters);
    select.order(filters);
    select.cut(filters);
    select.shown(filters);
    cut(select.rows(conn).await?, filters, total)
}

/// Without the one audit that only tells of a next page.
fn cut(mut audits: Vec<ListedAudit>, filters: &Filters, total: i64) -> sqlx::Result<Page> {
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
