//! Days as the ledger has them, and having them fetched (fiches.md 4.6).

use super::error::JobRpcError;
use crate::app::AppState;
use crate::domain::day;
use crate::domain::recording::iso;
use crate::domain::sales_day::{self, SalesDay};
use crate::sales::{self, DayError};
use crate::store;
use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt, stream};
use secrecy::SecretString;
use std::collections::HashMap;
use std::time::Duration;
use uuid::Uuid;
use vigie_contracts::fiche::v1 as pb;
use vigie_upstream::crm::CrmClient;

/// Days of one call that has them fetched, and how many at once; the CRM's own cap is below.
const MOST_FETCHED: usize = 31;
const AT_ONCE: usize = 3;
const MOST: usize = 366;

/// Days in a request.
pub(super) fn parse(dates: &[String], most: usize) -> Result<Vec<NaiveDate>, JobRpcError> {
    if dates.len() > most {
        let message = format!("at most {most} dates");
        return Err(JobRpcError::invalid("dates", message));
    }
    let parsed: Option<Vec<NaiveDate>> = dates.iter().map(|date| day::parse(date)).collect();
    parsed.ok_or_else(|| JobRpcError::invalid("dates", "Invalid date format. Use YYYY-MM-DD"))
}

#[tracing::instrument(name = "rpc.fiche.revalidate_days", skip_all, err(level = "debug"))]
pub(super) async fn revalidate_days(
    state: &AppState,
    request: pb::RevalidateDaysRequest,
) -> Result<pb::RevalidateDaysResponse, JobRpcError> {
    let days = parse(&request.dates, MOST_FETCHED)?;
    let crm = match request.crm_token.filter(|token| !token.trim().is_empty()) {
        None => state.crm.clone(),
        Some(token) => state
            .crm
            .with_token(&SecretString::from(token))
            .map_err(|_| JobRpcError::invalid("crm_token", "is no token"))?,
    };
    let cooldown = Duration::from_millis(request.cooldown_ms.max(0).unsigned_abs());
    let mut conn = state.db.acquire().await?;
    let known = store::days::find(&mut conn, &days).await?;
    drop(conn);
    let known: HashMap<NaiveDate, SalesDay> = known.into_iter().map(|row| (row.day, row)).collect();
    let now = Utc::now();
    let mut wanted = Vec::with_capacity(days.len());
    for day in days {
        let fresh = known.get(&day).filter(|row| is_fresh(row, cooldown, now));
        wanted.push(revalidate(state, &crm, day, fresh.map(|row| row.cached)));
    }
    Ok(pb::RevalidateDaysResponse {
        days: stream::iter(wanted).buffered(AT_ONCE).collect().await,
    })
}

fn is_fresh(row: &SalesDay, cooldown: Duration, now: DateTime<Utc>) -> bool {
    let age = row.fetched_at.map(|at| (now - at).to_std());
    age.is_some_and(|age| age.unwrap_or_default() < cooldown)
}

async fn revalidate(
    state: &AppState,
    crm: &CrmClient,
    day: NaiveDate,
    fresh: Option<i32>,
) -> pb::RevalidatedDay {
    let answer = |outcome: pb::DayOutcome, fiches| pb::RevalidatedDay {
        date: day.to_string(),
        outcome: outcome.into(),
        fiches,
        error: None,
        retryable: false,
    };
    if let Some(fiches) = fresh {
        return answer(pb::DayOutcome::Fresh, fiches);
    }
    let holder = format!("revalidate-{}", Uuid::new_v4().simple());
    let failed = |outcome, error: String, retryable| pb::RevalidatedDay {
        error: Some(error),
        retryable,
        ..answer(outcome, 0)
    };
    match sales::refresh(state, crm, day, &holder).await {
        Ok(fiches) => answer(pb::DayOutcome::Refreshed, fiches),
        Err(error @ DayError::Busy(_)) => failed(pb::DayOutcome::Busy, error.to_string(), true),
        Err(DayError::Crm(error)) => {
            let retryable = error.is_transient();
            failed(pb::DayOutcome::Failed, error.worker_message(), retryable)
        }
        Err(error @ (DayError::Store(_) | DayError::Outbox(_))) => {
            tracing::error!(%day, %error, "a day of sales was not stored");
            failed(pb::DayOutcome::Failed, "not stored".to_owned(), true)
        }
    }
}

#[tracing::instrument(name = "rpc.fiche.get_days", skip_all, err(level = "debug"))]
pub(super) async fn get_days(
    state: &AppState,
    request: &pb::GetDaysRequest,
) -> Result<pb::GetDaysResponse, JobRpcError> {
    let days = parse(&request.dates, MOST)?;
    let mut conn = state.db.acquire().await?;
    let known = store::days::find(&mut conn, &days).await?;
    let mut known: HashMap<NaiveDate, SalesDay> =
        known.into_iter().map(|row| (row.day, row)).collect();
    let now = Utc::now();
    let zone = state.jobs.timezone;
    let today = sales_day::today(zone, now);
    let encode = |day: NaiveDate| {
        let row = known.remove(&day).unwrap_or(SalesDay {
            day,
            fetched_at: None,
            expected: 0,
            cached: 0,
            last_error: None,
        });
        pb::SalesDay {
            date: day.to_string(),
            covered: row.is_covered(zone, now),
            staleness: row.staleness(today, now).to_owned(),
            fetched_at: row.fetched_at.map(iso),
            expected: row.expected,
            cached: row.cached,
            last_error: row.last_error,
        }
    };
    Ok(pb::GetDaysResponse {
        days: days.into_iter().map(encode).collect(),
    })
}
