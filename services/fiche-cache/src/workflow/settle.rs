//! Days of a job that end, or have to be asked for again.

use super::JobError;
use super::advance::advance;
use crate::app::AppState;
use crate::domain::jobs::DayState;
use crate::store;
use chrono::NaiveDate;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::outbox;
use vigie_events::fiche_jobs::{ProgressiveFetchDay, ProgressiveFetchDayProcessed};

/// How often a failed day is tried again.
const RETRIES: i32 = 3;

/// How the fetch of a day ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DayEnd {
    /// It was in the cache, with so many fiches.
    Cached(i32),
    /// It was fetched, with so many fiches.
    Fetched(i32),
    /// It was not.
    Failed {
        /// Why.
        error: String,
        /// Whether it may go better later.
        retry: bool,
        /// When the CRM wants to be asked again.
        after: Option<Duration>,
    },
}

/// Settles a day of a job, or has it tried again; both once, however often this is called.
pub async fn settle(
    state: &AppState,
    tx: &mut PgConnection,
    job_id: &str,
    day: NaiveDate,
    end: DayEnd,
) -> Result<(), JobError> {
    let Some(job) = store::jobs::lock(tx, job_id).await? else {
        tracing::warn!(job.id = job_id, %day, "a day of no job");
        return Ok(());
    };
    if job.status.is_terminal() {
        return Ok(());
    }
    let (settled, cached, count, error) = match end {
        DayEnd::Cached(count) => (DayState::Cached, true, count, None),
        DayEnd::Fetched(count) => (DayState::Done, false, count, None),
        DayEnd::Failed {
            error,
            retry,
            after,
        } => {
            if retry && again(state, tx, &job.id, job.refresh, day, &error, after).await? {
                return Ok(());
            }
            (DayState::Failed, false, 0, Some(error))
        }
    };
    let text = error.as_deref();
    if !store::jobs::settle(tx, &job.id, day, settled, count, text).await? {
        return Ok(());
    }
    let fact = ProgressiveFetchDayProcessed {
        job_id: job.id.clone(),
        date: day,
        ok: error.is_none(),
        cached,
        fiches_count: count,
        error,
    };
    outbox::send(tx, &fact.message()).await?;
    advance(state, tx, job, day).await?;
    Ok(())
}

/// Sends the day's command under a new id for later, unless it has failed too often or is settled.
async fn again(
    state: &AppState,
    tx: &mut PgConnection,
    job: &str,
    refresh: bool,
    day: NaiveDate,
    error: &str,
    after: Option<Duration>,
) -> Result<bool, JobError> {
    let open = store::jobs::open_days(tx, job, Some(day)).await?;
    let Some(failures) = open.first().map(|day| day.attempts) else {
        return Ok(false);
    };
    if failures >= RETRIES {
        return Ok(false);
    }
    let Some(retry) = store::jobs::retry(tx, job, day, error).await? else {
        return Ok(false);
    };
    let retry = retry.unsigned_abs();
    let pause = state.jobs.retry_pause * 4_u32.saturating_pow(retry.saturating_sub(1));
    let wait = pause.max(after.unwrap_or_default());
    let message = ProgressiveFetchDay::message(job, day, refresh, retry);
    outbox::send_again(tx, &message, 1, Some(wait)).await?;
    tracing::warn!(job.id = job, %day, retry, error, "a day of sales will be tried again");
    Ok(true)
}

/// Sends the commands of all open days of a locked job: the first time, or because they may be lost.
pub async fn restart(tx: &mut PgConnection, job_id: &str) -> Result<(), JobError> {
    let Some(job) = store::jobs::lock(tx, job_id).await? else {
        tracing::warn!(job.id = job_id, "no such fetch job");
        return Ok(());
    };
    if job.status.is_terminal() {
        return Ok(());
    }
    let open = store::jobs::open_days(tx, &job.id, None).await?;
    let messages: Vec<_> = open
        .iter()
        .map(|day| {
            let retry = day.attempts.unsigned_abs();
            ProgressiveFetchDay::message(&job.id, day.day, job.refresh, retry)
        })
        .collect();
    match open.iter().map(|day| day.sends).max().unwrap_or_default() {
        0 => outbox::send_all(tx, &messages).await?,
        sends => outbox::send_all_again(tx, &messages, sends.unsigned_abs()).await?,
    }
    let days: Vec<NaiveDate> = open.iter().map(|day| day.day).collect();
    store::jobs::sent(tx, &job.id, &days).await?;
    Ok(())
}

/// Ends a locked job whose deadline has passed: its open days have failed.
pub async fn expire(state: &AppState, tx: &mut PgConnection, job_id: &str) -> Result<(), JobError> {
    let Some(job) = store::jobs::lock(tx, job_id).await? else {
        return Ok(());
    };
    let late = "not fetched before the job's deadline";
    let days = store::jobs::fail(tx, &job.id, late).await?;
    let facts: Vec<_> = days
        .iter()
        .map(|day| {
            let fact = ProgressiveFetchDayProcessed {
                job_id: job.id.clone(),
                date: *day,
                ok: false,
                cached: false,
                fiches_count: 0,
                error: Some(late.to_owned()),
            };
            fact.message()
        })
        .collect();
    outbox::send_all(tx, &facts).await?;
    let latest = days.iter().max().copied().unwrap_or(job.end);
    advance(state, tx, job, latest).await?;
    Ok(())
}
