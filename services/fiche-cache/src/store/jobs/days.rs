use crate::domain::jobs::{DayState, JobDay, Progress};
use chrono::NaiveDate;
use sqlx::PgConnection;

/// The days of a job, parted by where they are.
#[tracing::instrument(name = "store.jobs.progress", skip_all, fields(job.id = job), err)]
pub async fn progress(conn: &mut PgConnection, job: &str) -> sqlx::Result<Progress> {
    let days = sqlx::query_as!(
        JobDay,
        r#"SELECT day, state AS "state: DayState", error FROM progressive_fetch_job_days
            WHERE job_id = $1 ORDER BY day"#,
        job,
    )
    .fetch_all(conn)
    .await?;
    Ok(Progress::of(days))
}

/// A day that is to be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDay {
    /// The day.
    pub day: NaiveDate,
    /// How often it failed.
    pub attempts: i32,
    /// How often its command was sent.
    pub sends: i32,
}

/// The days of a job that are to be fetched; only this one, if named.
#[tracing::instrument(name = "store.jobs.open_days", skip_all, fields(job.id = job), err)]
pub async fn open_days(
    conn: &mut PgConnection,
    job: &str,
    only: Option<NaiveDate>,
) -> sqlx::Result<Vec<OpenDay>> {
    sqlx::query_as!(
        OpenDay,
        "SELECT day, attempts, sends FROM progressive_fetch_job_days
          WHERE job_id = $1 AND state = 'pending' AND ($2::date IS NULL OR day = $2)
          ORDER BY day",
        job,
        only,
    )
    .fetch_all(conn)
    .await
}

/// Notes that the commands of these days were sent.
#[tracing::instrument(name = "store.jobs.sent", skip_all, fields(job.id = job), err)]
pub async fn sent(conn: &mut PgConnection, job: &str, days: &[NaiveDate]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE progressive_fetch_job_days SET sends = sends + 1, sent_at = now()
          WHERE job_id = $1 AND day = ANY($2)",
        job,
        days,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Settles an open day. `false` when it was settled before.
#[tracing::instrument(name = "store.jobs.settle", skip_all, fields(job.id = job, %day), err)]
pub async fn settle(
    conn: &mut PgConnection,
    job: &str,
    day: NaiveDate,
    state: DayState,
    fiches: i32,
    error: Option<&str>,
) -> sqlx::Result<bool> {
    let word = match state {
        DayState::Pending => "pending",
        DayState::Cached => "cached",
        DayState::Done => "done",
        DayState::Failed => "failed",
    };
    let settled = sqlx::query!(
        "UPDATE progressive_fetch_job_days SET state = $3, fiches_count = $4, error = $5
          WHERE job_id = $1 AND day = $2 AND state = 'pending'",
        job,
        day,
        word,
        fiches,
        error,
    )
    .execute(conn)
    .await?;
    Ok(settled.rows_affected() == 1)
}

/// Counts a failure of an open day that will be tried again, and says which it was. Its next command
/// counts as sent once.
#[tracing::instrument(name = "store.jobs.retry", skip_all, fields(job.id = job, %day), err)]
pub async fn retry(
    conn: &mut PgConnection,
    job: &str,
    day: NaiveDate,
    error: &str,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "UPDATE progressive_fetch_job_days
            SET attempts = attempts + 1, error = $3, sends = 1, sent_at = now()
          WHERE job_id = $1 AND day = $2 AND state = 'pending'
         RETURNING attempts",
        job,
        day,
        error,
    )
    .fetch_optional(conn)
    .await
}

/// Gives up all open days of a job, and says which. Those that failed before keep their reason.
#[tracing::instrument(name = "store.jobs.fail", skip_all, fields(job.id = job), err)]
pub async fn fail(conn: &mut PgConnection, job: &str, error: &str) -> sqlx::Result<Vec<NaiveDate>> {
    sqlx::query_scalar!(
        "UPDATE progressive_fetch_job_days SET state = 'failed', error = COALESCE(error, $2)
          WHERE job_id = $1 AND state = 'pending'
         RETURNING day",
        job,
        error,
    )
    .fetch_all(conn)
    .await
}

/// Notes that the fiches of these days were told of.
#[tracing::instrument(name = "store.jobs.reported", skip_all, fields(job.id = job), err)]
pub async fn reported(conn: &mut PgConnection, job: &str, days: &[NaiveDate]) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE progressive_fetch_job_days SET reported = true WHERE job_id = $1 AND day = ANY($2)",
        job,
        days,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The failed days of some jobs.
#[tracing::instrument(name = "store.jobs.failed_days", skip_all, err)]
pub async fn failed_days(
    conn: &mut PgConnection,
    jobs: &[String],
) -> sqlx::Result<Vec<(String, NaiveDate)>> {
    let rows = sqlx::query!(
        "SELECT job_id, day FROM progressive_fetch_job_days
          WHERE job_id = ANY($1) AND state = 'failed' ORDER BY job_id, day",
        jobs,
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(|row| (row.job_id, row.day)).collect())
}
