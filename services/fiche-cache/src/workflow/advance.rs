//! What everybody is told when days are settled.

use super::JobError;
use crate::app::AppState;
use crate::domain::jobs::{Job, JobStatus, NoticedFiche, Progress, Told};
use crate::store;
use chrono::NaiveDate;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::realtime::fiche_jobs::{FetchComplete, FetchFailed, FetchProgress};
use vigie_events::realtime::{Entity, Realtime};
use vigie_webhooks::Notice;

/// Brings a locked job up to date with its days, tells, and ends it with the last day. `latest` was
/// settled in this transaction.
pub(super) async fn advance(
    state: &AppState,
    tx: &mut PgConnection,
    mut job: Job,
    latest: NaiveDate,
) -> Result<Job, JobError> {
    let progress = store::jobs::progress(tx, &job.id).await?;
    let fiches = store::jobs::count(tx, job.start, job.end, &job.reach).await?;
    job.updated_at = store::clock::now(tx).await?;
    job.progress = progress.percent();
    job.completed_days = i32::try_from(progress.completed.len()).unwrap_or(i32::MAX);
    job.total_fiches = fiches.visible;
    job.status = JobStatus::Processing;
    job.sequence += 1;

    let entity = Entity::FetchJob(job.id.clone());
    let event = FetchProgress {
        state: job.state(&progress),
        latest_date: latest,
    };
    let mut shown = vec![show(&entity, &job, &event)?];
    if is_due(state, &progress) {
        tell_progress(state, tx, &job, latest).await?;
    }
    if progress.is_over() {
        job.sequence += 1;
        job.completed_at = Some(job.updated_at);
        job.error = progress.error();
        let told = if progress.failed.is_empty() {
            job.status = JobStatus::Complete;
            shown.push(show(&entity, &job, &FetchComplete(job.state(&progress)))?);
            let data_url = job.data_url(&state.jobs.api_base_url);
            Told::Complete { data_url }
        } else {
            job.status = JobStatus::Failed;
            shown.push(show(&entity, &job, &FetchFailed(job.state(&progress)))?);
            Told::Failed
        };
        tell(state, tx, &job, told).await?;
        metrics::counter!("fiche.jobs", "status" => job.status.as_str()).increment(1);
        tracing::info!(job.id = job.id, status = job.status.as_str(), error = ?job.error, "fetch job ended");
    }
    outbox::show(tx, &shown).await?;
    store::jobs::save(tx, &job).await?;
    Ok(job)
}

fn show<E: vigie_events::realtime::RealtimeEvent>(
    entity: &Entity,
    job: &Job,
    event: &E,
) -> Result<Realtime, JobError> {
    Ok(Realtime::new(entity, i64::from(job.sequence), event, &[])?)
}

fn is_due(state: &AppState, progress: &Progress) -> bool {
    progress.is_over()
        || progress
            .processed()
            .is_multiple_of(state.jobs.webhook_frequency)
}

/// Reads fiches only when somebody listens.
async fn tell_progress(
    state: &AppState,
    tx: &mut PgConnection,
    job: &Job,
    latest: NaiveDate,
) -> Result<(), JobError> {
    if !state.webhooks.is_heard(tx, &job.id, "progress").await? {
        return Ok(());
    }
    let days = store::jobs::unreported(tx, &job.id).await?;
    let limit = i64::try_from(NoticedFiche::LIMIT).unwrap_or(i64::MAX);
    let fiches = store::jobs::noticed(tx, &days, &job.reach, limit).await?;
    store::jobs::reported(tx, &job.id, &days).await?;
    tell(state, tx, job, Told::Progress { latest, fiches }).await
}

/// Queues what webhooks are told; the same place of the sequence once.
pub(super) async fn tell(
    state: &AppState,
    tx: &mut PgConnection,
    job: &Job,
    told: Told,
) -> Result<(), JobError> {
    let event = told.event();
    let body = told.body(job, job.updated_at)?;
    let notice = Notice {
        job_id: &job.id,
        event,
        sequence: job.sequence,
        body: &body,
    };
    Ok(state.webhooks.enqueue(tx, &notice).await?)
}
