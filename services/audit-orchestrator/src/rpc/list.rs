//! `ListAudits` and `ListByFiche` (`audits.md` 6.2, 6.8).

use crate::app::AppState;
use crate::domain::cursor::Cursor;
use crate::domain::filters::{Filters, InvalidQuery};
use crate::neighbours::{NeighbourError, Seen};
use crate::rpc::encode::{self, FicheShown};
use crate::rpc::get::{GetAuditError, overlay};
use crate::store;
use tonic::Status;
use vigie_contracts::audit::v1::{
    ListAuditsRequest, ListAuditsResponse, ListByFicheRequest, ListByFicheResponse, Pagination,
};
use vigie_events::ids::FicheId;
use vigie_identity::{Caller, FicheScope, Guard};
use vigie_service::{Detail, ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("audits.read");

/// Why a list is not shown.
#[derive(Debug, thiserror::Error)]
pub enum ListAuditsError {
    /// A filter does not parse.
    #[error(transparent)]
    Query(#[from] InvalidQuery),
    /// Not an id.
    #[error("Invalid fiche_id")]
    InvalidFiche,
    /// The fiche is out of the caller's scope.
    #[error("Forbidden")]
    Forbidden,
    /// The scope could not be decided.
    #[error("Service unavailable")]
    Neighbour(#[from] NeighbourError),
    /// Internal.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// Internal.
    #[error(transparent)]
    View(#[from] GetAuditError),
}

impl ServiceError for ListAuditsError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Query(_) | Self::InvalidFiche => ErrorCode::Validation,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Store(_) | Self::View(_) => ErrorCode::Internal,
        }
    }

    fn details(&self) -> Vec<Detail> {
        match self {
            Self::Query(InvalidQuery { parameter }) => vec![Detail {
                path: format!("query.{parameter}"),
                code: "invalid".to_owned(),
                message: format!("{parameter} does not parse"),
            }],
            _ => Vec::new(),
        }
    }
}

/// A page of audits in the caller's scope.
pub async fn list_audits(
    state: &AppState,
    caller: &Caller,
    request: &ListAuditsRequest,
) -> Result<ListAuditsResponse, Status> {
    let scope = caller.require(GUARD)?;
    page(state, &scope, request).await.map_err(status)
}

async fn page(
    state: &AppState,
    scope: &FicheScope,
    request: &ListAuditsRequest,
) -> Result<ListAuditsResponse, ListAuditsError> {
    let filters = Filters::parse(&request.filters)?;
    let mut conn = state.db.acquire().await?;
    let page = store::list::page(&mut conn, &filters, scope).await?;
    let (limit, offset, total) = (filters.limit, filters.offset, page.total);
    let next = page.next.as_ref().map(Cursor::encode);
    let next_cursor = next.transpose().map_err(GetAuditError::from)?;
    let pagination = Pagination {
        has_next_page: next_cursor.is_some(),
        has_prev_page: offset > 0 || filters.after.is_some(),
        next_cursor,
        ..pagination(total, limit, offset)
    };
    Ok(ListAuditsResponse {
        audits: page
            .audits
            .into_iter()
            .map(|row| encode::audit(row, FicheShown::Names))
            .collect(),
        pagination: Some(pagination),
    })
}

/// Where a page by offset is.
pub fn pagination(total: i64, limit: i64, offset: i64) -> Pagination {
    Pagination {
        total,
        limit,
        offset,
        current_page: offset / limit + 1,
        total_pages: (total + limit - 1) / limit,
        has_next_page: offset.saturating_add(limit) < total,
        has_prev_page: offset > 0,
        next_cursor: None,
    }
}

/// The latest audits of one fiche.
pub async fn list_by_fiche(
    state: &AppState,
    caller: &Caller,
    request: &ListByFicheRequest,
) -> Result<ListByFicheResponse, Status> {
    let scope = caller.require(GUARD)?;
    by_fiche(state, caller, &scope, request)
        .await
        .map_err(status)
}

async fn by_fiche(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: &ListByFicheRequest,
) -> Result<ListByFicheResponse, ListAuditsError> {
    let fiche: FicheId = request
        .fiche_id
        .parse()
        .map_err(|_| ListAuditsError::InvalidFiche)?;
    if !scope.all() {
        // An empty list would tell a fiche without audits from one that is out of scope.
        match state.neighbours.see(caller, &fiche, false, true).await? {
            Seen::InScope(_) => {}
            Seen::Refused | Seen::Unknown => return Err(ListAuditsError::Forbidden),
        }
    }
    let mut conn = state.db.acquire().await?;
    let rows = store::list::by_fiche(&mut conn, fiche.as_str(), scope).await?;
    let mut audits: Vec<_> = rows
        .into_iter()
        .map(|row| encode::audit(row, FicheShown::None))
        .collect();
    if request.include_details {
        overlay(&mut conn, &mut audits).await?;
    }
    Ok(ListByFicheResponse { audits })
}
