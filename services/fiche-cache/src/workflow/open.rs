//! A range of days somebody wants: what is missing becomes a job (fiches.md 5.2).

use super::JobError;
use super::advance::tell;
use crate::app::AppState;
use crate::domain::jobs::{EVENTS, Job, JobStatus, Progress, Told};
use crate::domain::reach::Reach;
use crate::domain::sales_day;
use crate::store;
use crate::store::jobs::NewJob;
use chrono::{DateTime, NaiveDate, Utc};
use secrecy::SecretString;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::fiche_jobs::ProgressiveFetchContinue;
use vigie_events::realtime::fiche_jobs::FetchCreated;
use vigie_events::realtime::{Entity, Realtime};
use vigie_webhooks::Subscription;

/// A job of the same range and creator serves again so long.
const REUSED: Duration = Duration::from_mins(5);
/// A job ends after this …
const LIFE: Duration = Duration::from_mins(30);
/// … and so much more for each day.
const LIFE_A_DAY: Duration = Duration::from_mins(2);

/// What somebody wants.
#[derive(Debug)]
pub struct Wish {
    /// First day.
    pub start: NaiveDate,
    /// Last day, no later than today.
    pub end: NaiveDate,
    /// Fetch cached days again.
    pub refresh: bool,
    /// Who wants it.
    pub created_by: String,
    /// What they see.
    pub reach: Reach,
    /// A checked URL that wants to hear of it.
    pub webhook: Option<Webhook>,
}

/// Who wants to hear of a job.
#[derive(Debug)]
pub struct Webhook {
    /// Where to.
    pub url: String,
    /// What deliveries are signed with.
    pub secret: Option<SecretString>,
}

/// How a wish stands.
#[derive(Debug)]
pub struct Opened {
    /// The job that sees to it; none when nothing is missing.
    pub job: Option<Job>,
    /// Days in the cache and days to come.
    pub progress: Progress,
}

/// Finds or makes the job for a wish. Two that come at once share one.
pub async fn open(
    state: &AppState,
    tx: &mut PgConnection,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<Opened, JobError> {
    if let Some(opened) = reuse(state, tx, wish).await? {
        return Ok(opened);
    }
    let progress = coverage(state, tx, wish, now).await?;
    if progress.is_over() {
        return Ok(Opened {
            job: None,
            progress,
        });
    }
    let id = Uuid::now_v7().simple().to_string();
    let counted = store::jobs::count(tx, wish.start, wish.end, &wish.reach).await?;
    let days = u32::try_from(progress.remaining.len()).unwrap_or(u32::MAX);
    let new = NewJob {
        id: &id,
        start: wish.start,
        end: wish.end,
        refresh: wish.refresh,
        created_by: &wish.created_by,
        reach: &wish.reach,
        total_fiches: counted.visible,
        covered: &progress.completed,
        remaining: &progress.remaining,
        life: LIFE.saturating_add(LIFE_A_DAY.saturating_mul(days)),
    };
    if !store::jobs::create(tx, &new).await?
        && let Some(opened) = reuse(state, tx, wish).await?
    {
        return Ok(opened);
    }
    let job = store::jobs::find(tx, &id)
        .await?
        .ok_or(sqlx::Error::RowNotFound)?;
    subscribe(state, tx, &job, wish).await?;
    let created = FetchCreated(job.state(&progress));
    let shown = Realtime::new(&Entity::FetchJob(id.clone()), 1, &created, &[])?;
    outbox::show(tx, &[shown]).await?;
    outbox::send(tx, &ProgressiveFetchContinue::message(&id, wish.refresh)).await?;
    metrics::counter!("fiche.jobs", "status" => "created").increment(1);
    Ok(Opened {
        job: Some(job),
        progress,
    })
}

/// A job of a moment ago, with one more listener.
async fn reuse(
    state: &AppState,
    tx: &mut PgConnection,
    wish: &Wish,
) -> Result<Option<Opened>, JobError> {
    let (start, end) = (wish.start, wish.end);
    let found = store::jobs::latest(tx, start, end, wish.refresh, &wish.created_by, REUSED).await?;
    let Some(found) = found else {
        return Ok(None);
    };
    // A listener must not come between a job's last day and what it hears of it.
    let job = if wish.webhook.is_some() {
        store::jobs::lock(tx, &found.id)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?
    } else {
        found
    };
    subscribe(state, tx, &job, wish).await?;
    if job.status == JobStatus::Complete && wish.webhook.is_some() {
        let data_url = job.data_url(&state.jobs.api_base_url);
        tell(state, tx, &job, Told::Complete { data_url }).await?;
    }
    let progress = store::jobs::progress(tx, &job.id).await?;
    Ok(Some(Opened {
        job: Some(job),
        progress,
    }))
}

async fn subscribe(
    state: &AppState,
    tx: &mut PgConnection,
    job: &Job,
    wish: &Wish,
) -> Result<(), JobError> {
    let Some(webhook) = &wish.webhook else {
        return Ok(());
    };
    let subscription = Subscription {
        job_id: &job.id,
        url: &webhook.url,
        secrets: webhook.secret.as_slice(),
        events: &EVENTS,
    };
    Ok(state.webhooks.subscribe(tx, &subscription).await?)
}

/// What the ledger says of the days wanted; with `refresh` all are to be fetched.
async fn coverage(
    state: &AppState,
    tx: &mut PgConnection,
    wish: &Wish,
    now: DateTime<Utc>,
) -> Result<Progress, JobError> {
    let days = sales_day::range(wish.start, wish.end);
    let zone = state.jobs.timezone;
    let known = store::days::find(tx, &days).await?;
    let covered = |day: &NaiveDate| {
        let mut rows = known.iter();
        !wish.refresh && rows.any(|row| row.day == *day && row.is_covered(zone, now))
    };
    let (completed, remaining) = days.into_iter().partition(covered);
    Ok(Progress {
        completed,
        remaining,
        failed: Vec::new(),
    })
}
