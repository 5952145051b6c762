//! Ranges of days and the jobs that fetch them (`fiches.md` 3.9 to 3.12).

use super::edge::{Params, Payload};
use super::failure::Failure;
use super::fiche_rows::{Row, rows};
use crate::app::{AppState, call};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::HeaderMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::{Caller, Guard};
use vigie_service::ErrorCode;

const REFRESH: Guard = Guard::parse("fiches.write");
const SECRET: &str = "x-webhook-secret";

/// The cached fiches of a range, and what is being fetched.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Range {
    success: bool,
    start_date: String,
    end_date: String,
    total: i32,
    fiches: Vec<Row>,
    meta: pb::RangeMeta,
}

/// A range that is wanted.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct RangeBody {
    /// YYYY-MM-DD.
    start_date: String,
    /// YYYY-MM-DD.
    end_date: String,
    /// From the CRM; needs `fiches.write`.
    refresh: Option<bool>,
    /// Hears of the job.
    webhook_url: Option<String>,
    /// Signs what it hears.
    webhook_secret: Option<String>,
    /// 1 to 500.
    limit: Option<i32>,
    /// Of the page before.
    cursor: Option<String>,
}

/// A job.
#[derive(Serialize, ToSchema)]
pub struct JobReply {
    success: bool,
    job: pb::FetchJob,
}

/// Jobs, newest first.
#[derive(Serialize, ToSchema)]
pub struct JobsReply {
    success: bool,
    jobs: Vec<pb::FetchJobSummary>,
    total: usize,
}

/// How far a job is, as a webhook would tell.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notification {
    success: bool,
    job_id: String,
    event: &'static str,
    timestamp: String,
    data: NotificationData,
}

/// How far a job is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NotificationData {
    status: String,
    progress: i32,
    completed_days: i32,
    total_days: i32,
    total_fiches: i32,
    current_fiches_count: i32,
    dates_completed: Vec<String>,
    dates_remaining: Vec<String>,
    dates_failed: Vec<String>,
    error: Option<String>,
    partial_data: Vec<pb::PolledFiche>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data_url: Option<String>,
}

/// The cached fiches of a range of days; what is missing is fetched in the background.
#[utoipa::path(get, path = "/api/fiches/status/by-date-range", tag = "fiches",
    params(("startDate" = String, Query, description = "YYYY-MM-DD"),
        ("endDate" = String, Query, description = "YYYY-MM-DD"),
        ("refresh" = Option<bool>, Query, description = "from the CRM; needs `fiches.write`"),
        ("webhookUrl" = Option<String>, Query, description = "hears of the job"),
        ("X-Webhook-Secret" = Option<String>, Header, description = "signs what it hears"),
        ("webhookSecret" = Option<String>, Query, description = "the same; prefer the header"),
        ("limit" = Option<i32>, Query, description = "1 to 500; without it up to 5,000 fiches"),
        ("cursor" = Option<String>, Query, description = "`meta.nextCursor` of the page before")),
    responses((status = 200, body = Range)))]
pub async fn by_date_range(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    headers: HeaderMap,
    params: Params,
) -> Result<Json<Range>, Failure> {
    let limit = params.filled("limit").map(|text| number("limit", text));
    let filled = |name| params.filled(name).map(str::to_owned);
    let in_header = headers.get(SECRET).and_then(|value| value.to_str().ok());
    let request = pb::ListByDateRangeRequest {
        start_date: params.get("startDate").unwrap_or_default().to_owned(),
        end_date: params.get("endDate").unwrap_or_default().to_owned(),
        refresh: params.is_true("refresh"),
        webhook_url: filled("webhookUrl"),
        webhook_secret: in_header
            .map(str::to_owned)
            .or_else(|| filled("webhookSecret")),
        limit: limit.transpose()?,
        cursor: filled("cursor"),
    };
    range(&gateway, &caller, request).await
}

/// The same; the webhook's secret stands in no URL.
#[utoipa::path(post, path = "/api/fiches/status/by-date-range", tag = "fiches",
    request_body = RangeBody, responses((status = 200, body = Range)))]
pub async fn want_date_range(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Range>, Failure> {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    let filled = |name| {
        text(name)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let limit = body.get("limit").map(|limit| {
        let limit = limit.as_i64().and_then(|limit| i32::try_from(limit).ok());
        limit.ok_or_else(|| not_a_number("limit"))
    });
    let request = pb::ListByDateRangeRequest {
        start_date: text("startDate").unwrap_or_default().to_owned(),
        end_date: text("endDate").unwrap_or_default().to_owned(),
        refresh: body.get("refresh") == Some(&Value::Bool(true)),
        webhook_url: filled("webhookUrl"),
        webhook_secret: filled("webhookSecret"),
        limit: limit.transpose()?,
        cursor: filled("cursor"),
    };
    range(&gateway, &caller, request).await
}

async fn range(
    gateway: &AppState,
    caller: &Caller,
    request: pb::ListByDateRangeRequest,
) -> Result<Json<Range>, Failure> {
    for (name, value) in [
        ("startDate", &request.start_date),
        ("endDate", &request.end_date),
    ] {
        if value.is_empty() {
            let message = format!("Missing or invalid {name} parameter (YYYY-MM-DD required)");
            return Err(Failure::validation(message));
        }
    }
    if request.refresh {
        caller.require(REFRESH)?;
    }
    let mut jobs = gateway.fetch_jobs.clone();
    let answer = jobs.list_by_date_range(call(caller, request)).await?;
    let answer = answer.into_inner();
    let meta = answer
        .meta
        .ok_or_else(|| Failure::incomplete("ListByDateRange"))?;
    let visible = meta.visibility.as_ref().map_or(0, |it| it.visible);
    Ok(Json(Range {
        success: true,
        start_date: answer.start_date,
        end_date: answer.end_date,
        total: visible,
        fiches: rows(gateway, caller, answer.fiches).await?,
        meta,
    }))
}

/// How far a job is, for who takes no webhooks.
#[utoipa::path(get, path = "/api/fiches/webhooks/fiches", tag = "fiches",
    params(("jobId" = String, Query)), responses((status = 200, body = Notification)))]
pub async fn poll(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Notification>, Failure> {
    let job_id = params
        .filled("jobId")
        .ok_or_else(|| Failure::validation("Missing jobId parameter"))?;
    let request = pb::PollFetchJobRequest {
        job_id: job_id.to_owned(),
    };
    let mut jobs = gateway.fetch_jobs.clone();
    let answer = jobs.poll_fetch_job(call(&caller, request)).await;
    let answer = answer
        .map_err(|status| unknown_job(Failure::from(status), job_id))?
        .into_inner();
    let job = answer
        .job
        .ok_or_else(|| Failure::incomplete("PollFetchJob"))?;
    Ok(Json(Notification {
        success: true,
        job_id: job.id,
        event: match job.status.as_str() {
            "complete" => "complete",
            "failed" => "failed",
            _ => "progress",
        },
        timestamp: job.updated_at,
        data: NotificationData {
            status: job.status,
            progress: job.progress,
            completed_days: job.completed_days,
            total_days: job.total_days,
            total_fiches: answer.fiches_count,
            current_fiches_count: answer.fiches_count,
            dates_completed: job.dates_already_fetched,
            dates_remaining: job.dates_remaining,
            dates_failed: job.dates_failed,
            error: job.error,
            partial_data: answer.fiches,
            data_url: answer.data_url,
        },
    }))
}

/// One job with its latest webhooks.
#[utoipa::path(get, path = "/api/fiches/jobs/{job_id}", tag = "fiches",
    params(("job_id" = String, Path)), responses((status = 200, body = JobReply)))]
pub async fn job(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(job_id): Path<String>,
) -> Result<Json<JobReply>, Failure> {
    let request = call(&caller, pb::GetFetchJobRequest { job_id });
    let answer = gateway.fetch_jobs.clone().get_fetch_job(request).await?;
    let job = answer.into_inner().job;
    Ok(Json(JobReply {
        success: true,
        job: job.ok_or_else(|| Failure::incomplete("GetFetchJob"))?,
    }))
}

/// Jobs, newest first.
#[utoipa::path(get, path = "/api/fiches/jobs", tag = "fiches",
    params(("status" = Option<String>, Query,
            description = "pending, processing, complete or failed"),
        ("limit" = Option<i32>, Query, description = "1 to 100, 20 by default")),
    responses((status = 200, body = JobsReply)))]
pub async fn jobs(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<JobsReply>, Failure> {
    let limit = params.filled("limit").map(|text| number("limit", text));
    let request = pb::ListFetchJobsRequest {
        status: params.filled("status").map(str::to_owned),
        limit: limit.transpose()?,
    };
    let mut jobs = gateway.fetch_jobs.clone();
    let answer = jobs.list_fetch_jobs(call(&caller, request)).await?;
    let jobs = answer.into_inner().jobs;
    Ok(Json(JobsReply {
        success: true,
        total: jobs.len(),
        jobs,
    }))
}

/// A whole number in a query.
pub(super) fn number(name: &'static str, text: &str) -> Result<i32, Failure> {
    text.parse().map_err(|_| not_a_number(name))
}

fn not_a_number(name: &'static str) -> Failure {
    Failure::validation(format!("{name} must be a whole number"))
        .with_detail(name, "must be a whole number")
}

fn unknown_job(failure: Failure, job_id: &str) -> Failure {
    if failure.error().code == ErrorCode::NotFound {
        Failure::new(ErrorCode::NotFound, "Notification not found").with_extra("jobId", job_id)
    } else {
        failure
    }
}
