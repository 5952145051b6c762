//! Audits as lists and details show them.
//!
//! The filters of 6.2 are many and each excludes what it does not name, so these statements are put
//! together at run time: the one place without checked macros. Values are always bound, and the
//! scope of the caller is always the last condition.

mod fiches;
mod groups;
mod lookup;
mod page;
mod row;
mod statement;

use crate::domain::filters::Filters;
use sqlx::PgConnection;

pub use fiches::{FichePage, FicheRow, by_fiches};
pub use groups::{Group, GroupBy, Grouped, Groups, group};
pub use lookup::{Tracked, by_fiche, fiche_of, of_fiches, one, tracked};
pub use page::{Page, page, page_of_long};
pub use row::ListedAudit;

/// The configurations whose name contains `q`: they are few, and known they are a plain condition.
#[tracing::instrument(name = "store.list.named", skip_all, err)]
async fn named(conn: &mut PgConnection, filters: &Filters) -> sqlx::Result<Vec<i64>> {
    let Some(text) = filters.q.as_deref() else {
        return Ok(Vec::new());
    };
    sqlx::query_scalar!(
        "SELECT id FROM audit_configs WHERE strpos(lower(name), lower($1)) > 0",
        text
    )
    .fetch_all(conn)
    .await
}
