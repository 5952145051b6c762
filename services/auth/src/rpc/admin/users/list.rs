use super::super::{AdminError, views};
use crate::app::AppState;
use crate::domain::admin::fields;
use crate::store::accounts;
use vigie_contracts::auth::v1 as pb;

/// Accounts by id: all of them, or page by page when a limit is named.
#[tracing::instrument(name = "rpc.admin.list_users", skip_all, err(level = "debug"))]
pub async fn list(
    state: &AppState,
    request: pb::ListUsersRequest,
) -> Result<pb::ListUsersResponse, AdminError> {
    let limit = request.limit.map(fields::limit).transpose()?;
    let after = request.cursor.as_deref().map(fields::cursor).transpose()?;
    let q = request.q.as_deref().map(str::trim);
    let q = q.filter(|q| !q.is_empty());
    let mut conn = state.pool.acquire().await?;
    // One more than asked for tells whether there is a next page.
    let wanted = limit.map(|limit| limit + 1);
    let mut accounts = accounts::list(&mut conn, q, after, wanted).await?;
    let more = limit.is_some_and(|limit| views::count(&accounts) > limit);
    if more {
        accounts.pop();
    }
    let last = accounts.last().filter(|_| more);
    Ok(pb::ListUsersResponse {
        next_cursor: last.map(|account| account.id.to_string()),
        count: views::count(&accounts),
        users: accounts.into_iter().map(views::user).collect(),
    })
}
