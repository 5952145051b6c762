//! Schedules and their runs (automation-and-transcription.md B3).

use super::edge::{Params, Payload};
use super::failure::Failure;
use super::reply::{self, Data, List, data};
use crate::app::{AppState, call};
use crate::domain::ids::{database_id, database_id_in};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::automation::v1 as pb;
use vigie_identity::Caller;

/// A schedule with its latest runs.
#[derive(Serialize, ToSchema)]
pub struct ScheduleDetail {
    #[serde(flatten)]
    schedule: pb::Schedule,
    runs: Vec<pb::RunSummary>,
}

/// A run with all its log lines.
#[derive(Serialize, ToSchema)]
pub struct RunDetail {
    #[serde(flatten)]
    run: pb::Run,
    logs: Vec<pb::RunLog>,
}

/// A page of runs; `count` is its length.
#[derive(Serialize, ToSchema)]
pub struct Runs {
    success: bool,
    data: Vec<pb::Run>,
    count: usize,
    limit: i32,
    offset: i32,
    total: i64,
}

/// What to run.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct TriggerBody {
    /// A number is taken too.
    schedule_id: String,
    /// Replaces the stored selection.
    #[schema(value_type = Option<Object>)]
    override_fiche_selection: Option<Value>,
    /// Also while another run is open.
    allow_overlap: Option<bool>,
}

/// A run that will begin.
#[derive(Serialize, ToSchema)]
pub struct Triggered {
    success: bool,
    message: &'static str,
    /// As it was sent.
    #[schema(value_type = String)]
    schedule_id: Value,
    event_ids: Vec<String>,
    run_id: String,
    job_id: String,
}

/// Makes a schedule.
#[utoipa::path(post, path = "/api/automation/schedules", tag = "automation",
    request_body(content = Object, description = "the schedule"),
    responses((status = 201, body = Data<pb::Schedule>)))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::Schedule>>), Failure> {
    let request = pb::CreateScheduleRequest {
        body_json: body.0.to_string(),
    };
    let answer = gateway
        .automation
        .clone()
        .create_schedule(call(&caller, request))
        .await?;
    let schedule = answer.into_inner().schedule;
    let schedule = schedule.ok_or_else(|| Failure::incomplete("CreateSchedule"))?;
    Ok((StatusCode::CREATED, data(schedule)))
}

/// The schedules, newest first.
#[utoipa::path(get, path = "/api/automation/schedules", tag = "automation",
    params(("include_inactive" = Option<bool>, Query)),
    responses((status = 200, body = List<pb::Schedule>)))]
pub async fn schedules(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<List<pb::Schedule>>, Failure> {
    let request = pb::ListSchedulesRequest {
        include_inactive: params.is_true("include_inactive"),
    };
    let answer = gateway
        .automation
        .clone()
        .list_schedules(call(&caller, request))
        .await?;
    Ok(reply::list(answer.into_inner().schedules))
}

/// One schedule with its latest runs.
#[utoipa::path(get, path = "/api/automation/schedules/{schedule_id}", tag = "automation",
    params(("schedule_id" = String, Path)), responses((status = 200, body = Data<ScheduleDetail>)))]
pub async fn schedule(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(schedule_id): Path<String>,
) -> Result<Json<Data<ScheduleDetail>>, Failure> {
    let schedule_id = id(schedule_id, "schedule_id")?;
    let request = call(&caller, pb::GetScheduleRequest { schedule_id });
    let answer = gateway
        .automation
        .clone()
        .get_schedule(request)
        .await?
        .into_inner();
    Ok(data(ScheduleDetail {
        schedule: answer
            .schedule
            .ok_or_else(|| Failure::incomplete("GetSchedule"))?,
        runs: answer.runs,
    }))
}

/// Starts a run by hand.
#[utoipa::path(post, path = "/api/automation/trigger", tag = "automation",
    request_body = TriggerBody, responses((status = 200, body = Triggered)))]
pub async fn trigger(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Triggered>, Failure> {
    let refused = |field| {
        Failure::validation("Invalid trigger automation data")
            .with_detail(field, "has an invalid value")
    };
    let given = body
        .get("scheduleId")
        .ok_or_else(|| refused("scheduleId"))?;
    let schedule = database_id_in(given).ok_or_else(|| refused("scheduleId"))?;
    let selection = match body.get("overrideFicheSelection") {
        None => None,
        Some(selection @ Value::Object(_)) => Some(selection.to_string()),
        Some(_) => return Err(refused("overrideFicheSelection")),
    };
    let allow_overlap = match body.get("allowOverlap") {
        None => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => return Err(refused("allowOverlap")),
    };
    let request = pb::TriggerRequest {
        schedule_id: schedule.to_string(),
        override_fiche_selection_json: selection,
        allow_overlap,
    };
    let answer = gateway
        .automation
        .clone()
        .trigger(call(&caller, request))
        .await?;
    let answer = answer.into_inner();
    Ok(Json(Triggered {
        success: true,
        message: "Automation triggered successfully",
        schedule_id: given.clone(),
        event_ids: answer.event_ids,
        run_id: answer.run_id,
        job_id: answer.job_id,
    }))
}

/// Runs, newest first.
#[utoipa::path(get, path = "/api/automation/runs", tag = "automation",
    params(("schedule_id" = Option<String>, Query), ("status" = Option<String>, Query),
        ("limit" = Option<i32>, Query, description = "1 to 100, 20 by default"),
        ("offset" = Option<i32>, Query)),
    responses((status = 200, body = Runs)))]
pub async fn runs(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Runs>, Failure> {
    let schedule_id = params.filled("schedule_id").map(str::to_owned);
    let schedule_id = schedule_id
        .map(|text| id(text, "schedule_id"))
        .transpose()?;
    list_runs(&gateway, &caller, (schedule_id, false), &params).await
}

/// The runs of one schedule, newest first.
#[utoipa::path(get, path = "/api/automation/schedules/{schedule_id}/runs", tag = "automation",
    params(("schedule_id" = String, Path), ("status" = Option<String>, Query),
        ("limit" = Option<i32>, Query), ("offset" = Option<i32>, Query)),
    responses((status = 200, body = Runs)))]
pub async fn schedule_runs(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(schedule_id): Path<String>,
    params: Params,
) -> Result<Json<Runs>, Failure> {
    let schedule_id = id(schedule_id, "schedule_id")?;
    list_runs(&gateway, &caller, (Some(schedule_id), true), &params).await
}

/// One run with its log.
#[utoipa::path(get, path = "/api/automation/runs/{run_id}", tag = "automation",
    params(("run_id" = String, Path)), responses((status = 200, body = Data<RunDetail>)))]
pub async fn run(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(run_id): Path<String>,
) -> Result<Json<Data<RunDetail>>, Failure> {
    let request = pb::GetRunRequest {
        run_id: id(run_id, "run_id")?,
    };
    let answer = gateway
        .automation
        .clone()
        .get_run(call(&caller, request))
        .await?;
    let answer = answer.into_inner();
    Ok(data(RunDetail {
        run: answer.run.ok_or_else(|| Failure::incomplete("GetRun"))?,
        logs: answer.logs,
    }))
}

/// Ends a run: what is open becomes cancelled.
#[utoipa::path(post, path = "/api/automation/runs/{run_id}/cancel", tag = "automation",
    params(("run_id" = String, Path)), responses((status = 200, body = Data<pb::Run>)))]
pub async fn cancel(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(run_id): Path<String>,
) -> Result<Json<Data<pb::Run>>, Failure> {
    let request = pb::CancelRunRequest {
        run_id: id(run_id, "run_id")?,
    };
    let answer = gateway
        .automation
        .clone()
        .cancel_run(call(&caller, request))
        .await?;
    let run = answer.into_inner().run;
    Ok(data(run.ok_or_else(|| Failure::incomplete("CancelRun"))?))
}

async fn list_runs(
    gateway: &AppState,
    caller: &Caller,
    (schedule_id, schedule_must_be_known): (Option<String>, bool),
    params: &Params,
) -> Result<Json<Runs>, Failure> {
    let number = |name: &'static str| {
        let refused = |_| {
            Failure::validation("Invalid query parameters")
                .with_detail(name, "must be a whole number")
        };
        params
            .filled(name)
            .map(|text| text.parse().map_err(refused))
            .transpose()
    };
    let request = pb::ListRunsRequest {
        schedule_id,
        status: params.filled("status").map(str::to_owned),
        limit: number("limit")?,
        offset: number("offset")?,
        schedule_must_be_known,
    };
    let answer = gateway
        .automation
        .clone()
        .list_runs(call(caller, request))
        .await?;
    let answer = answer.into_inner();
    Ok(Json(Runs {
        success: true,
        count: answer.runs.len(),
        data: answer.runs,
        limit: answer.limit,
        offset: answer.offset,
        total: answer.total,
    }))
}

fn id(text: String, name: &'static str) -> Result<String, Failure> {
    match database_id(&text) {
        Some(_) => Ok(text),
        None => {
            Err(Failure::validation(format!("Invalid {name}")).with_detail(name, "must be an id"))
        }
    }
}
