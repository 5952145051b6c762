//! The trail, for reading.

use super::{AdminError, views};
use crate::app::AppState;
use crate::domain::admin::fields;
use crate::store::trail::{self, Filter};
use vigie_contracts::auth::v1 as pb;

const DEFAULT_LIMIT: i64 = 50;

/// Entries, newest first, page by page.
#[tracing::instrument(name = "rpc.admin.list_audit_events", skip_all, err(level = "debug"))]
pub async fn list(
    state: &AppState,
    request: pb::ListAuditEventsRequest,
) -> Result<pb::ListAuditEventsResponse, AdminError> {
    let limit = request.limit.map_or(Ok(DEFAULT_LIMIT), fields::limit)?;
    let moment =
        |path, value: Option<String>| value.map(|value| fields::moment(path, &value)).transpose();
    let filter = Filter {
        actor_id: request.actor_id,
        action: request.action,
        target_type: request.target_type,
        target_id: request.target_id,
        since: moment("query.since", request.since)?,
        until: moment("query.until", request.until)?,
        before_id: request.cursor.as_deref().map(fields::cursor).transpose()?,
    };
    let mut conn = state.pool.acquire().await?;
    // One more than asked for tells whether there is a next page.
    let mut rows = trail::list(&mut conn, &filter, limit + 1).await?;
    let more = views::count(&rows) > limit;
    if more {
        rows.pop();
    }
    let last = rows.last().filter(|_| more);
    Ok(pb::ListAuditEventsResponse {
        next_cursor: last.map(|row| row.id.to_string()),
        events: rows.into_iter().map(views::audit_event).collect(),
    })
}
