//! The cached fiches of a range of days; what is missing is fetched in the background (fiches.md 3.9).

use super::Owner;
use super::error::JobRpcError;
use crate::app::AppState;
use crate::domain::day;
use crate::domain::jobs::{JobStatus, Progress};
use crate::domain::reach::Reach;
use crate::domain::sales_day;
use crate::rpc::rows;
use crate::store;
use crate::store::jobs::Counted;
use crate::store::list::ListedFiche;
use crate::store::range::Page;
use crate::workflow::{self, Opened, Webhook, Wish};
use chrono::{NaiveDate, Utc};
use secrecy::SecretString;
use vigie_contracts::fiche::v1 as pb;
use vigie_identity::Scope;

/// Fiches of an answer that asks for no page.
const MOST: i64 = 5_000;
const LONGEST_PAGE: i32 = 500;

/// Lists what is known and sees to the rest; never waits for the CRM.
#[tracing::instrument(name = "rpc.fiche.list_by_date_range", skip_all, err(level = "debug"))]
pub(super) async fn list_by_date_range(
    state: &AppState,
    owner: &Owner,
    request: pb::ListByDateRangeRequest,
) -> Result<pb::ListByDateRangeResponse, JobRpcError> {
    let (start, asked_end) = days(&request)?;
    let page = page(&request)?;
    let now = Utc::now();
    let today = sales_day::today(state.jobs.timezone, now);
    if start > today {
        return Ok(nothing_yet(owner, &request));
    }
    let end = asked_end.min(today);
    let total = end.signed_duration_since(start).num_days() + 1;
    let longest = state.jobs.max_range_days;
    if total > longest {
        let message = format!("Date range must not exceed {longest} days");
        return Err(JobRpcError::invalid("query.endDate", message));
    }
    let wish = Wish {
        start,
        end,
        refresh: request.refresh,
        created_by: owner.key.clone(),
        reach: Reach::from(&owner.scope),
        webhook: webhook(state, &request).await?,
    };
    let mut tx = state.db.begin().await?;
    let opened = workflow::open(state, &mut tx, &wish, now).await?;
    tx.commit().await?;

    let mut conn = state.db.acquire().await?;
    let counted = store::jobs::count(&mut conn, start, end, &wish.reach).await?;
    let mut fiches = store::range::list(&mut conn, start, end, &wish.reach, &page).await?;
    let more = i64::try_from(fiches.len()).unwrap_or(i64::MAX) > page.limit;
    fiches.truncate(usize::try_from(page.limit).unwrap_or(usize::MAX));
    let mut meta = meta(owner, opened, counted);
    if request.limit.is_some() {
        meta.next_cursor = fiches.last().filter(|_| more).map(ListedFiche::cursor);
    } else {
        meta.truncated = more.then_some(true);
    }
    Ok(pb::ListByDateRangeResponse {
        start_date: start.to_string(),
        end_date: end.to_string(),
        fiches: rows::with_calls(&mut conn, fiches).await?,
        meta: Some(meta),
    })
}

fn days(request: &pb::ListByDateRangeRequest) -> Result<(NaiveDate, NaiveDate), JobRpcError> {
    let missing = |path, name| {
        let message = format!("Missing or invalid {name} parameter (YYYY-MM-DD required)");
        JobRpcError::invalid(path, message)
    };
    if request.start_date.is_empty() {
        return Err(missing("query.startDate", "startDate"));
    }
    if request.end_date.is_empty() {
        return Err(missing("query.endDate", "endDate"));
    }
    let parsed = |path, text: &str| {
        day::parse(text)
            .ok_or_else(|| JobRpcError::invalid(path, "Invalid date format. Use YYYY-MM-DD"))
    };
    let start = parsed("query.startDate", &request.start_date)?;
    let end = parsed("query.endDate", &request.end_date)?;
    if start > end {
        let message = "startDate must be before or equal to endDate";
        return Err(JobRpcError::invalid("query.startDate", message));
    }
    Ok((start, end))
}

fn page(request: &pb::ListByDateRangeRequest) -> Result<Page, JobRpcError> {
    let limit = match request.limit {
        None => MOST,
        Some(limit) if (1..=LONGEST_PAGE).contains(&limit) => i64::from(limit),
        Some(_) => {
            let message = format!("limit must be between 1 and {LONGEST_PAGE}");
            return Err(JobRpcError::invalid("query.limit", message));
        }
    };
    let after = match request.cursor.as_deref() {
        None => None,
        Some(cursor) => {
            let found = Page::cursor(cursor);
            Some(found.ok_or_else(|| JobRpcError::invalid("query.cursor", "Invalid cursor"))?)
        }
    };
    Ok(Page { limit, after })
}

async fn webhook(
    state: &AppState,
    request: &pb::ListByDateRangeRequest,
) -> Result<Option<Webhook>, JobRpcError> {
    let Some(url) = request.webhook_url.as_deref().filter(|url| !url.is_empty()) else {
        return Ok(None);
    };
    state.webhooks.check(url).await?;
    let secret = request.webhook_secret.clone();
    let secret = secret.filter(|secret| !secret.is_empty());
    if secret.is_some() && !state.jobs.can_seal {
        return Err(JobRpcError::NotConfigured(
            "webhook secrets need VIGIE_ENCRYPTION_KEY",
        ));
    }
    Ok(Some(Webhook {
        url: url.to_owned(),
        secret: secret.map(SecretString::from),
    }))
}

/// Of a range that has not begun.
fn nothing_yet(owner: &Owner, request: &pb::ListByDateRangeRequest) -> pb::ListByDateRangeResponse {
    let opened = Opened {
        job: None,
        progress: Progress::default(),
    };
    let none = Counted {
        visible: 0,
        awaiting_details: 0,
    };
    pb::ListByDateRangeResponse {
        start_date: request.start_date.clone(),
        end_date: request.end_date.clone(),
        fiches: Vec::new(),
        meta: Some(meta(owner, opened, none)),
    }
}

fn meta(owner: &Owner, opened: Opened, counted: Counted) -> pb::RangeMeta {
    let Opened { job, progress } = opened;
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let cached = number(progress.completed.len());
    let complete = job
        .as_ref()
        .map_or(progress.is_over(), |job| job.status == JobStatus::Complete);
    let text = |days: &[NaiveDate]| days.iter().map(NaiveDate::to_string).collect();
    pb::RangeMeta {
        complete,
        partial: !complete,
        background_job_id: job.map(|job| job.id),
        total_days_requested: number(progress.processed() + progress.remaining.len()),
        days_fetched: cached,
        days_remaining: number(progress.remaining.len()),
        days_cached: cached,
        cache_coverage: Some(pb::CacheCoverage {
            dates_with_data: text(&progress.completed),
            dates_missing: text(&progress.remaining),
        }),
        visibility: Some(pb::RangeVisibility {
            scope: match owner.scope.scope() {
                Scope::Own => "SELF",
                Scope::Group => "GROUP",
                Scope::All => "ALL",
            }
            .to_owned(),
            visible: counted.visible,
            awaiting_details: counted.awaiting_details,
        }),
        next_cursor: None,
        truncated: None,
    }
}
