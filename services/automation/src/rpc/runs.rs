//! `ListRuns` and `GetRun` (B3.7, B3.8).

use super::RpcError;
use super::encode::{log_message, result_summary, run_message};
use super::schedules::schedule_id;
use crate::app::AppState;
use crate::domain::access::Reach;
use crate::store;
use crate::store::runs::{Filter, ShownRun};
use sqlx::PgConnection;
use vigie_contracts::automation::v1::{
    GetRunRequest, GetRunResponse, ListRunsRequest, ListRunsResponse,
};
use vigie_events::ids::AutomationRunId;

const DEFAULT_LIMIT: i32 = 20;
const MAX_LIMIT: i32 = 100;
const STATUSES: [&str; 5] = ["pending", "running", "completed", "partial", "failed"];

/// A page of runs within reach, newest first.
pub(super) async fn list(
    state: &AppState,
    reach: &Reach,
    request: &ListRunsRequest,
) -> Result<ListRunsResponse, RpcError> {
    let (limit, offset) = (
        request.limit.unwrap_or(DEFAULT_LIMIT),
        request.offset.unwrap_or(0),
    );
    let refused = |path, problem| {
        RpcError::invalid(
            "Invalid automation runs query",
            path,
            "out_of_range",
            problem,
        )
    };
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(refused("limit", "Must be between 1 and 100"));
    }
    if offset < 0 {
        return Err(refused("offset", "Must not be negative"));
    }
    if request
        .status
        .as_deref()
        .is_some_and(|status| !STATUSES.contains(&status))
    {
        return Err(refused("status", "Unknown status"));
    }
    let schedule = request
        .schedule_id
        .as_deref()
        .map(schedule_id)
        .transpose()?;
    let filter = Filter {
        schedule,
        run: None,
        status: request.status.clone(),
        limit: limit.into(),
        offset: offset.into(),
    };
    let mut conn = state.db.acquire().await?;
    if request.schedule_must_be_known {
        let found = store::schedule::find(&mut conn, reach, filter.schedule, true).await?;
        if filter.schedule.is_none() || found.is_empty() {
            return Err(RpcError::ScheduleNotFound);
        }
    }
    let runs = store::runs::page(&mut conn, reach, &filter).await?;
    let total = store::runs::total(&mut conn, reach, &filter).await?;
    let runs = runs.into_iter().map(run_message).collect();
    Ok(ListRunsResponse {
        runs,
        total,
        limit,
        offset,
    })
}

/// A run with its logs and its results.
pub(super) async fn get(
    state: &AppState,
    reach: &Reach,
    request: &GetRunRequest,
) -> Result<GetRunResponse, RpcError> {
    let id = run_id(&request.run_id)?;
    let mut conn = state.db.acquire().await?;
    let run = shown(&mut conn, reach, id).await?;
    let text = id.to_string();
    let logs = store::log::of(&mut conn, id).await?;
    let logs = logs
        .into_iter()
        .map(|line| log_message(&text, line))
        .collect();
    Ok(GetRunResponse {
        run: Some(run_message(run)),
        logs,
    })
}

/// A run within reach, its summary rebuilt.
pub(super) async fn shown(
    conn: &mut PgConnection,
    reach: &Reach,
    id: AutomationRunId,
) -> Result<ShownRun, RpcError> {
    let filter = Filter {
        run: Some(id),
        limit: 1,
        ..Filter::default()
    };
    let mut found = store::runs::page(conn, reach, &filter).await?;
    let mut run = found.pop().ok_or(RpcError::RunNotFound)?;
    let results = store::result::of(conn, id).await?;
    run.result_summary = result_summary(&run, &results);
    Ok(run)
}

pub(super) fn run_id(text: &str) -> Result<AutomationRunId, RpcError> {
    text.trim().parse().map_err(|_| {
        RpcError::invalid(
            "Invalid run id",
            "run_id",
            "invalid_id",
            "Expected a number",
        )
    })
}
