use crate::domain::jobs::{Job, JobStatus};
use crate::domain::reach::Reach;
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;
use std::time::Duration;

struct Row {
    id: String,
    start_date: NaiveDate,
    end_date: NaiveDate,
    refresh: bool,
    status: JobStatus,
    progress: i32,
    completed_days: i32,
    total_days: i32,
    total_fiches: i32,
    sequence: i32,
    created_by: String,
    scope_all: bool,
    scope_groupes: Vec<String>,
    scope_crm_user_id: Option<String>,
    error: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<Row> for Job {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            start: row.start_date,
            end: row.end_date,
            refresh: row.refresh,
            status: row.status,
            progress: row.progress,
            completed_days: row.completed_days,
            total_days: row.total_days,
            total_fiches: row.total_fiches,
            sequence: row.sequence,
            created_by: row.created_by,
            reach: Reach {
                all: row.scope_all,
                groupes: row.scope_groupes,
                crm_user_id: row.scope_crm_user_id,
            },
            error: row.error,
            created_at: row.created_at,
            updated_at: row.updated_at,
            completed_at: row.completed_at,
        }
    }
}

/// A job.
#[tracing::instrument(name = "store.jobs.find", skip_all, fields(job.id = id), err)]
pub async fn find(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, start_date, end_date, refresh, status AS "status: JobStatus", progress,
                  completed_days, total_days, total_fiches, sequence, created_by, scope_all,
                  scope_groupes, scope_crm_user_id, error, created_at, updated_at, completed_at
             FROM progressive_fetch_jobs WHERE id = $1"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// A job, locked: whoever changes it waits in line.
#[tracing::instrument(name = "store.jobs.lock", skip_all, fields(job.id = id), err)]
pub async fn lock(conn: &mut PgConnection, id: &str) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, start_date, end_date, refresh, status AS "status: JobStatus", progress,
                  completed_days, total_days, total_fiches, sequence, created_by, scope_all,
                  scope_groupes, scope_crm_user_id, error, created_at, updated_at, completed_at
             FROM progressive_fetch_jobs WHERE id = $1 FOR NO KEY UPDATE"#,
        id,
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// The newest job of this creator for a range that did not fail and is younger than `life`. One that
/// refreshes serves who does not ask for that, not the other way round.
#[tracing::instrument(name = "store.jobs.latest", skip_all, err)]
pub async fn latest(
    conn: &mut PgConnection,
    start: NaiveDate,
    end: NaiveDate,
    refresh: bool,
    created_by: &str,
    life: Duration,
) -> sqlx::Result<Option<Job>> {
    let row = sqlx::query_as!(
        Row,
        r#"SELECT id, start_date, end_date, refresh, status AS "status: JobStatus", progress,
                  completed_days, total_days, total_fiches, sequence, created_by, scope_all,
                  scope_groupes, scope_crm_user_id, error, created_at, updated_at, completed_at
             FROM progressive_fetch_jobs
            WHERE start_date = $1 AND end_date = $2 AND (refresh OR NOT $3) AND created_by = $4
              AND status <> 'failed'
              AND (created_at > now() - make_interval(secs => $5) OR status <> 'complete')
            ORDER BY created_at DESC LIMIT 1"#,
        start,
        end,
        refresh,
        created_by,
        life.as_secs_f64(),
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Job::from))
}

/// Jobs, newest first: of one creator, or all.
#[tracing::instrument(name = "store.jobs.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    created_by: Option<&str>,
    status: Option<JobStatus>,
    limit: i64,
) -> sqlx::Result<Vec<Job>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, start_date, end_date, refresh, status AS "status: JobStatus", progress,
                  completed_days, total_days, total_fiches, sequence, created_by, scope_all,
                  scope_groupes, scope_crm_user_id, error, created_at, updated_at, completed_at
             FROM progressive_fetch_jobs
            WHERE ($1::text IS NULL OR created_by = $1) AND ($2::text IS NULL OR status = $2)
            ORDER BY created_at DESC, id DESC LIMIT $3"#,
        created_by,
        status.map(JobStatus::as_str),
        limit,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Job::from).collect())
}

/// Stores what a change made of a locked job.
#[tracing::instrument(name = "store.jobs.save", skip_all, fields(job.id = job.id), err)]
pub async fn save(conn: &mut PgConnection, job: &Job) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE progressive_fetch_jobs
            SET status = $2, progress = $3, completed_days = $4, total_fiches = $5, sequence = $6,
                error = $7, updated_at = $8, completed_at = $9
          WHERE id = $1",
        job.id,
        job.status.as_str(),
        job.progress,
        job.completed_days,
        job.total_fiches,
        job.sequence,
        job.error,
        job.updated_at,
        job.completed_at,
    )
    .execute(conn)
    .await?;
    Ok(())
}
