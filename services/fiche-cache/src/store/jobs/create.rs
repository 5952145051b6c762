use crate::domain::reach::Reach;
use chrono::NaiveDate;
use sqlx::PgConnection;
use std::time::Duration;

/// A job to be.
#[derive(Debug)]
pub struct NewJob<'a> {
    /// Its id.
    pub id: &'a str,
    /// First day.
    pub start: NaiveDate,
    /// Last day.
    pub end: NaiveDate,
    /// Fetch cached days again.
    pub refresh: bool,
    /// Whose it is.
    pub created_by: &'a str,
    /// What they see.
    pub reach: &'a Reach,
    /// Fiches of the range now.
    pub total_fiches: i32,
    /// Days in the cache.
    pub covered: &'a [NaiveDate],
    /// Days to fetch.
    pub remaining: &'a [NaiveDate],
    /// Until it ends whatever happens.
    pub life: Duration,
}

/// Inserts a job with its days; `false` when the same creator has an active one for the same range.
#[tracing::instrument(name = "store.jobs.create", skip_all, fields(job.id = new.id), err)]
pub async fn create(conn: &mut PgConnection, new: &NewJob<'_>) -> sqlx::Result<bool> {
    let days = |days: &[NaiveDate]| i32::try_from(days.len()).unwrap_or(i32::MAX);
    let (covered, remaining) = (days(new.covered), days(new.remaining));
    let inserted = sqlx::query!(
        "WITH job AS (
           INSERT INTO progressive_fetch_jobs
               (id, start_date, end_date, refresh, status, progress, completed_days, total_days,
                total_fiches, sequence, created_by, scope_all, scope_groupes, scope_crm_user_id,
                deadline_at)
           VALUES ($1, $2, $3, $4, 'processing', round(100.0 * $5::int / ($5::int + $6::int)), $5,
                   $5 + $6, $7, 1, $8, $9, $10, $11, now() + make_interval(secs => $12))
           ON CONFLICT (start_date, end_date, refresh, created_by)
              WHERE status IN ('pending', 'processing') DO NOTHING
           RETURNING id)
         INSERT INTO progressive_fetch_job_days (job_id, day, state)
         SELECT job.id, day, 'cached' FROM job, unnest($13::date[]) AS day
         UNION ALL
         SELECT job.id, day, 'pending' FROM job, unnest($14::date[]) AS day",
        new.id,
        new.start,
        new.end,
        new.refresh,
        covered,
        remaining,
        new.total_fiches,
        new.created_by,
        new.reach.all,
        &new.reach.groupes,
        new.reach.crm_user_id,
        new.life.as_secs_f64(),
        new.covered,
        new.remaining,
    )
    .execute(conn)
    .await?;
    Ok(inserted.rows_affected() > 0)
}
