//! The known fiches of some days that pass filters, for automation.

use super::days;
use super::error::JobRpcError;
use crate::app::AppState;
use crate::domain::reach::Reach;
use crate::rpc::summaries;
use crate::store;
use crate::store::range::Filters;
use std::collections::HashMap;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::FicheScope;

const MOST: i32 = 50_000;
const MOST_DAYS: usize = 366;

/// `own` is whether the caller has a scope of its own; else it may name one.
#[tracing::instrument(name = "rpc.fiche.select_fiches", skip_all, err(level = "debug"))]
pub(super) async fn select_fiches(
    state: &AppState,
    scope: &FicheScope,
    own: bool,
    request: pb::SelectFichesRequest,
) -> Result<pb::SelectFichesResponse, JobRpcError> {
    let days = days::parse(&request.dates, MOST_DAYS)?;
    let limit = request.limit.unwrap_or(MOST);
    if !(1..=MOST).contains(&limit) {
        let message = format!("limit must be between 1 and {MOST}");
        return Err(JobRpcError::invalid("limit", message));
    }
    let reach = match request.scope {
        Some(_) if own => {
            return Err(JobRpcError::invalid("scope", "is for services only"));
        }
        Some(named) => Reach {
            all: named.all,
            groupes: named.groupes,
            crm_user_id: named.crm_user_id,
        },
        None => Reach::from(scope),
    };
    let filters = Filters {
        days: &days,
        groupes: &request.groupes,
        only_with_recordings: request.only_with_recordings,
        skip_not_found: request.skip_not_found,
    };
    let mut conn = state.db.acquire().await?;
    let mut ids = store::range::select(&mut conn, &filters, &reach, i64::from(limit)).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let truncated = ids.len() > limit;
    ids.truncate(limit);
    let known = store::fiche::summaries(&mut conn, &ids, &FicheScope::everything()).await?;
    let mut known: HashMap<String, _> = known
        .into_iter()
        .map(|one| (one.summary.fiche_id.to_string(), one.summary))
        .collect();
    let fiches = ids.iter().filter_map(|id| known.remove(id));
    Ok(pb::SelectFichesResponse {
        fiches: fiches.map(summaries::encode).collect(),
        truncated,
    })
}
