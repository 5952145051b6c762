//! `fiches/progressive-fetch-day`: the ledger decides whether the CRM is asked for the day.

use crate::app::AppState;
use crate::sales::{self, DayError};
use crate::store;
use crate::workflow::{self, DayEnd};
use chrono::Utc;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::fiche_jobs::ProgressiveFetchDay;

/// When a command looks again whose day is being fetched.
const BUSY: Duration = Duration::from_secs(2);

pub(super) struct Day {
    pub(super) state: AppState,
}

impl Day {
    /// How many fiches the day has, if the cache need not be filled. A refresh wants what was fetched
    /// after it was asked for, so that a repeated command asks nobody again.
    async fn cached(&self, body: &ProgressiveFetchDay) -> Result<Option<Looked>, sqlx::Error> {
        let mut conn = self.state.db.acquire().await?;
        let open = store::jobs::open_days(&mut conn, &body.job_id, Some(body.date)).await?;
        let job = store::jobs::find(&mut conn, &body.job_id).await?;
        let Some(job) = job.filter(|job| !open.is_empty() && !job.status.is_terminal()) else {
            return Ok(Some(Looked::Settled));
        };
        let zone = self.state.jobs.timezone;
        let row = store::days::get(&mut conn, body.date).await?;
        let covered = row.filter(|row| {
            row.is_covered(zone, Utc::now())
                && (!job.refresh || row.fetched_at.is_some_and(|at| at >= job.created_at))
        });
        Ok(covered.map(|row| {
            // What the job itself fetched before it could say so is its own work.
            let own = row.fetched_at.is_some_and(|at| at >= job.created_at);
            Looked::Covered {
                count: row.cached,
                own,
            }
        }))
    }
}

enum Looked {
    /// Nothing is to be done.
    Settled,
    /// It is in the cache.
    Covered { count: i32, own: bool },
}

impl Worker<ProgressiveFetchDay> for Day {
    /// None when the day was settled before.
    type Output = Option<DayEnd>;

    async fn work(
        &self,
        delivery: &Delivery<ProgressiveFetchDay>,
    ) -> Result<Option<DayEnd>, Failure> {
        match self.cached(&delivery.body).await? {
            Some(Looked::Settled) => return Ok(None),
            Some(Looked::Covered { count, own: false }) => return Ok(Some(DayEnd::Cached(count))),
            Some(Looked::Covered { count, own: true }) => return Ok(Some(DayEnd::Fetched(count))),
            None => {}
        }
        let (day, holder) = (delivery.body.date, delivery.id.as_str());
        match sales::refresh(&self.state, &self.state.crm, day, holder).await {
            Ok(count) => Ok(Some(DayEnd::Fetched(count))),
            Err(error @ DayError::Busy(_)) => Err(Failure::defer(error, BUSY)),
            Err(DayError::Crm(error)) => Ok(Some(DayEnd::Failed {
                retry: error.is_transient(),
                after: error.retry_after(),
                error: error.worker_message(),
            })),
            Err(error @ (DayError::Store(_) | DayError::Outbox(_))) => Err(error.into()),
        }
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<ProgressiveFetchDay>,
        end: Option<DayEnd>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        match end {
            Some(end) => Ok(workflow::settle(&self.state, tx, &body.job_id, body.date, end).await?),
            None => Ok(()),
        }
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<ProgressiveFetchDay>,
        reason: &str,
    ) -> Result<(), Failure> {
        let end = DayEnd::Failed {
            error: reason.to_owned(),
            retry: false,
            after: None,
        };
        let body = &delivery.body;
        Ok(workflow::settle(&self.state, tx, &body.job_id, body.date, end).await?)
    }
}
