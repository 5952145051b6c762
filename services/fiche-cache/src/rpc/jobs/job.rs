//! Jobs: one, how far it is, and the list (fiches.md 3.10 to 3.12).

use super::Owner;
use super::error::JobRpcError;
use crate::app::AppState;
use crate::domain::jobs::{Job, JobStatus, NoticedFiche, Progress};
use crate::domain::reach::Reach;
use crate::domain::recording::iso;
use crate::domain::sales_day;
use crate::store;
use chrono::NaiveDate;
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_contracts::fiche::v1 as pb;
use vigie_webhooks::Delivery;

/// Deliveries shown with a job.
const DELIVERIES: i64 = 10;
/// Fiches of one answer about progress.
const MOST: i64 = 5_000;
const LISTED: i32 = 20;
const MOST_LISTED: i32 = 100;

#[tracing::instrument(name = "rpc.fiche.get_fetch_job", skip_all, err(level = "debug"))]
pub(super) async fn get_fetch_job(
    state: &AppState,
    owner: &Owner,
    id: &str,
) -> Result<pb::GetFetchJobResponse, JobRpcError> {
    let mut conn = state.db.acquire().await?;
    let job = visible(&mut conn, owner, id).await?;
    let job = detail(state, &mut conn, job).await?;
    Ok(pb::GetFetchJobResponse { job: Some(job) })
}

#[tracing::instrument(name = "rpc.fiche.poll_fetch_job", skip_all, err(level = "debug"))]
pub(super) async fn poll_fetch_job(
    state: &AppState,
    owner: &Owner,
    id: &str,
) -> Result<pb::PollFetchJobResponse, JobRpcError> {
    let mut conn = state.db.acquire().await?;
    let job = visible(&mut conn, owner, id).await?;
    let reach = Reach::from(&owner.scope);
    let (start, end) = (job.start, job.end);
    let counted = store::jobs::count(&mut conn, start, end, &reach).await?;
    let fiches = match job.status {
        JobStatus::Pending => Vec::new(),
        JobStatus::Processing | JobStatus::Complete | JobStatus::Failed => {
            let days = sales_day::range(start, end);
            store::jobs::noticed(&mut conn, &days, &reach, MOST).await?
        }
    };
    let url = || job.data_url(&state.jobs.api_base_url);
    Ok(pb::PollFetchJobResponse {
        data_url: job.status.is_terminal().then(url),
        job: Some(detail(state, &mut conn, job).await?),
        fiches: fiches.into_iter().map(polled).collect(),
        fiches_count: counted.visible,
    })
}

#[tracing::instrument(name = "rpc.fiche.list_fetch_jobs", skip_all, err(level = "debug"))]
pub(super) async fn list_fetch_jobs(
    state: &AppState,
    owner: &Owner,
    request: &pb::ListFetchJobsRequest,
) -> Result<pb::ListFetchJobsResponse, JobRpcError> {
    let limit = limit(request.limit)?;
    let status = match request.status.as_deref() {
        None => None,
        Some(word) => {
            let message = "status must be pending, processing, complete or failed";
            let status = JobStatus::parse(word);
            Some(status.ok_or_else(|| JobRpcError::invalid("query.status", message))?)
        }
    };
    let mine = (!owner.scope.all()).then_some(owner.key.as_str());
    let mut conn = state.db.acquire().await?;
    let jobs = store::jobs::list(&mut conn, mine, status, limit).await?;
    let ids: Vec<String> = jobs.iter().map(|job| job.id.clone()).collect();
    let failed = store::jobs::failed_days(&mut conn, &ids).await?;
    let counts: HashMap<_, _> = state
        .webhooks
        .counts(&mut conn, &ids)
        .await?
        .into_iter()
        .collect();
    let summary = |job: Job| {
        let own = failed.iter().filter(|(id, _)| *id == job.id);
        let days: Vec<NaiveDate> = own.map(|(_, day)| *day).collect();
        let deliveries = counts.get(&job.id).copied().unwrap_or_default();
        summary(job, &days, deliveries)
    };
    Ok(pb::ListFetchJobsResponse {
        jobs: jobs.into_iter().map(summary).collect(),
    })
}

/// 1 to 100, 20 by default.
pub(in crate::rpc) fn limit(asked: Option<i32>) -> Result<i64, JobRpcError> {
    let limit = asked.unwrap_or(LISTED);
    if (1..=MOST_LISTED).contains(&limit) {
        return Ok(i64::from(limit));
    }
    let message = format!("limit must be between 1 and {MOST_LISTED}");
    Err(JobRpcError::invalid("query.limit", message))
}

/// A job that the caller may see; others do not exist.
pub(in crate::rpc) async fn visible(
    conn: &mut PgConnection,
    owner: &Owner,
    id: &str,
) -> Result<Job, JobRpcError> {
    let found = store::jobs::find(conn, id).await?;
    found
        .filter(|job| owner.may_see(job))
        .ok_or(JobRpcError::NO_JOB)
}

async fn detail(
    state: &AppState,
    conn: &mut PgConnection,
    job: Job,
) -> Result<pb::FetchJob, JobRpcError> {
    let progress = store::jobs::progress(conn, &job.id).await?;
    let deliveries = state
        .webhooks
        .deliveries(conn, &job.id, DELIVERIES, None)
        .await?;
    Ok(encode(job, &progress, deliveries))
}

fn encode(job: Job, progress: &Progress, deliveries: Vec<Delivery>) -> pb::FetchJob {
    pb::FetchJob {
        status: job.status.as_str().to_owned(),
        progress: job.progress,
        completed_days: job.completed_days,
        total_days: job.total_days,
        total_fiches: job.total_fiches,
        start_date: job.start.to_string(),
        end_date: job.end.to_string(),
        dates_already_fetched: text(&progress.completed),
        dates_remaining: text(&progress.remaining),
        dates_failed: text(&progress.failed_days()),
        error: job.error,
        created_at: iso(job.created_at),
        updated_at: iso(job.updated_at),
        completed_at: job.completed_at.map(iso),
        sequence: job.sequence,
        webhook_deliveries: deliveries.into_iter().map(delivery).collect(),
        id: job.id,
    }
}

fn summary(job: Job, failed: &[NaiveDate], deliveries: i64) -> pb::FetchJobSummary {
    pb::FetchJobSummary {
        status: job.status.as_str().to_owned(),
        progress: job.progress,
        start_date: job.start.to_string(),
        end_date: job.end.to_string(),
        completed_days: job.completed_days,
        total_days: job.total_days,
        total_fiches: job.total_fiches,
        dates_failed: text(failed),
        created_at: iso(job.created_at),
        completed_at: job.completed_at.map(iso),
        webhook_deliveries_count: i32::try_from(deliveries).unwrap_or(i32::MAX),
        id: job.id,
    }
}

fn delivery(delivery: Delivery) -> pb::JobDelivery {
    pb::JobDelivery {
        id: delivery.id,
        event: delivery.event,
        status: delivery.status,
        status_code: delivery.status_code,
        attempt: delivery.attempt,
        sent_at: delivery.sent_at.map(iso),
        created_at: iso(delivery.created_at),
    }
}

fn polled(fiche: NoticedFiche) -> pb::PolledFiche {
    pb::PolledFiche {
        fiche_id: fiche.fiche_id,
        groupe: fiche.groupe,
        prospect_nom: fiche.prospect_nom,
        prospect_prenom: fiche.prospect_prenom,
        recordings_count: i32::try_from(fiche.recordings_count).unwrap_or(i32::MAX),
        created_at: iso(fiche.created_at),
    }
}

fn text(days: &[NaiveDate]) -> Vec<String> {
    days.iter().map(NaiveDate::to_string).collect()
}
