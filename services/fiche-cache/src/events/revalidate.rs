//! `fiches/revalidate-date`: a day's sales once more, unless somebody was faster.

use crate::app::AppState;
use crate::sales::{self, DayError};
use crate::store;
use chrono::Utc;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::fiche_jobs::RevalidateDate;

/// When a command looks again whose day is being fetched.
const BUSY: Duration = Duration::from_secs(5);

pub(super) struct Revalidate {
    pub(super) state: AppState,
}

impl Worker<RevalidateDate> for Revalidate {
    type Output = ();

    async fn work(&self, delivery: &Delivery<RevalidateDate>) -> Result<(), Failure> {
        let day = delivery.body.date;
        let mut conn = self.state.db.acquire().await?;
        let row = store::days::get(&mut conn, day).await?;
        drop(conn);
        let cooldown = self.state.jobs.revalidate_cooldown;
        let age = row
            .and_then(|row| row.fetched_at)
            .and_then(|at| (Utc::now() - at).to_std().ok());
        if age.is_some_and(|age| age < cooldown) {
            return Ok(());
        }
        let holder = delivery.id.as_str();
        match sales::refresh(&self.state, &self.state.crm, day, holder).await {
            Ok(_) => Ok(()),
            Err(error @ DayError::Busy(_)) => Err(Failure::defer(error, BUSY)),
            Err(DayError::Crm(error)) => Err(match error.retry_after() {
                Some(after) => Failure::retry_after(error, after),
                None => Failure::retry(error),
            }),
            Err(error @ (DayError::Store(_) | DayError::Outbox(_))) => Err(error.into()),
        }
    }

    /// What was fetched is written, and the ledger knows of it.
    async fn store(
        &self,
        _tx: &mut PgConnection,
        _delivery: &Delivery<RevalidateDate>,
        (): (),
    ) -> Result<(), Failure> {
        Ok(())
    }
}
