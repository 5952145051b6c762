//! `ListSchedules` and `GetSchedule` (B3.2).

use super::RpcError;
use super::encode::{run_summary, schedule_message};
use crate::app::AppState;
use crate::domain::access::Reach;
use crate::store;
use crate::store::runs::Filter;
use vigie_contracts::automation::v1::{
    GetScheduleRequest, GetScheduleResponse, ListSchedulesRequest, ListSchedulesResponse,
};
use vigie_events::ids::ScheduleId;

/// Runs shown with a schedule.
const SHOWN_RUNS: i64 = 10;

/// Schedules within reach, newest first.
pub(super) async fn list(
    state: &AppState,
    reach: &Reach,
    request: &ListSchedulesRequest,
) -> Result<ListSchedulesResponse, RpcError> {
    let mut conn = state.db.acquire().await?;
    let found = store::schedule::find(&mut conn, reach, None, request.include_inactive).await?;
    Ok(ListSchedulesResponse {
        schedules: found.iter().map(schedule_message).collect(),
    })
}

/// A schedule with its latest runs.
pub(super) async fn get(
    state: &AppState,
    reach: &Reach,
    request: &GetScheduleRequest,
) -> Result<GetScheduleResponse, RpcError> {
    let id = schedule_id(&request.schedule_id)?;
    let mut conn = state.db.acquire().await?;
    let found = store::schedule::find(&mut conn, reach, Some(id), true).await?;
    let schedule = found.first().ok_or(RpcError::ScheduleNotFound)?;
    let filter = Filter {
        schedule: Some(id),
        limit: SHOWN_RUNS,
        ..Filter::default()
    };
    let runs = store::runs::page(&mut conn, reach, &filter).await?;
    Ok(GetScheduleResponse {
        schedule: Some(schedule_message(schedule)),
        runs: runs.iter().map(run_summary).collect(),
    })
}

pub(super) fn schedule_id(text: &str) -> Result<ScheduleId, RpcError> {
    text.trim().parse().map_err(|_| {
        RpcError::invalid(
            "Invalid schedule id",
            "schedule_id",
            "invalid_id",
            "Expected a number",
        )
    })
}
