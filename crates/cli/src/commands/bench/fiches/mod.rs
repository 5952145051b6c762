//! Fiches through the public API: stored with all their sections, read back, listed with what is
//! known of them.

mod load;
mod prepare;

use super::{count, percentile_ms, round, statements};
use crate::args::BenchArgs;
use anyhow::{Context, Result, ensure};
use serde::Serialize;
use sqlx::{Connection, PgConnection};
use std::time::Duration;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Service, Stack, StackOptions};

/// Requests of a list, one after the other: what a person waits for.
const LISTS: usize = 100;
/// Requests that are not measured.
const WARM_UP: usize = 5;
/// Fiches fetched or read at a time.
const AT_A_TIME: usize = 16;

#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    upserts_per_s: f64,
    upsert_p99_ms: f64,
    upsert_statements: Option<f64>,
    rebuilds_per_s: f64,
    rebuild_p50_ms: f64,
    rebuild_p99_ms: f64,
    rebuild_statements: Option<f64>,
    by_date_fiches: usize,
    by_date_p50_ms: f64,
    by_date_p99_ms: f64,
    by_date_statements: Option<f64>,
    by_range_cached: i64,
    by_range_p50_ms: f64,
    by_range_p99_ms: f64,
    by_range_page_p99_ms: f64,
    by_range_statements: Option<f64>,
}

/// Many requests of one kind.
struct Measured {
    name: &'static str,
    wall: Duration,
    /// Sorted.
    took: Vec<Duration>,
    /// Of the database, a request.
    statements: Option<f64>,
}

impl Measured {
    fn per_second(&self) -> f64 {
        round(count(self.took.len()) / self.wall.as_secs_f64())
    }

    fn p(&self, percent: usize) -> f64 {
        round(percentile_ms(&self.took, percent))
    }

    fn print(&self) {
        let statements = self
            .statements
            .map_or_else(|| "unknown".to_owned(), |number| number.to_string());
        println!(
            "{:34} {:>8} a second, p50 {:>7} ms, p99 {:>7} ms, {statements} SQL statements each",
            self.name,
            self.per_second(),
            self.p(50),
            self.p(99),
        );
    }
}

/// Measures and prints.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let stack = super::start(stack_options(args)?).await?;
    let measured = measure(&stack).await;
    let down = stack.down().await;
    println!("{}", serde_json::to_string(&measured?)?);
    down
}

/// With a CRM that never makes anybody wait for a turn.
fn stack_options(args: &BenchArgs) -> Result<StackOptions> {
    let mut options = super::stack_options(args)?;
    options.simulator_args = ["--crm-bulk", prepare::BULK].map(str::to_owned).to_vec();
    options.postgres_settings = statements::counting()?;
    let turns = AT_A_TIME.to_string();
    Ok(options
        .with_service_env(Service::FicheCache, "FICHE_FETCH_CONCURRENCY", &turns)
        .with_service_env(Service::FicheCache, "FICHE_REVALIDATE_RECENT_DAYS", "0")
        .with_env("LOG_LEVEL", "warn"))
}

async fn measure(stack: &Stack) -> Result<Line> {
    let api = stack.api().await?;
    println!("Writing {} fiches …", prepare::CACHED);
    prepare::fill(stack).await?;

    let fiches = prepare::bulk();
    let (first, fiches) = fiches.split_at(WARM_UP);
    load::each(&api, first, "?refresh=true", AT_A_TIME).await?;
    let upserts = several(stack, &api, "details stored", fiches, "?refresh=true").await?;
    let rebuilds = several(stack, &api, "details read", fiches, "").await?;

    let day = format!("/api/fiches/status/by-date?date={}", prepare::DAY);
    let (by_date, answer) = list(stack, &api, "by date, with status", &day).await?;
    let listed = answer["data"]["fiches"].as_array().map_or(0, Vec::len);
    ensure!(listed == prepare::OF_DAY, "{listed} fiches are listed");

    let (start, end) = (prepare::FIRST, prepare::LAST);
    let range = format!("/api/fiches/status/by-date-range?startDate={start}&endDate={end}");
    let (by_range, answer) = list(stack, &api, "by range, the first 5,000", &range).await?;
    ensure!(answer["meta"]["complete"] == true, "days are missing");
    ensure!(answer["meta"]["truncated"] == true, "not all are cached");
    let page = format!("{range}&limit=500");
    let (by_page, _) = list(stack, &api, "by range, a page of 500", &page).await?;

    Ok(Line {
        bench: "fiches",
        upserts_per_s: upserts.per_second(),
        upsert_p99_ms: upserts.p(99),
        upsert_statements: upserts.statements,
        rebuilds_per_s: rebuilds.per_second(),
        rebuild_p50_ms: rebuilds.p(50),
        rebuild_p99_ms: rebuilds.p(99),
        rebuild_statements: rebuilds.statements,
        by_date_fiches: listed,
        by_date_p50_ms: by_date.p(50),
        by_date_p99_ms: by_date.p(99),
        by_date_statements: by_date.statements,
        by_range_cached: prepare::CACHED,
        by_range_p50_ms: by_range.p(50),
        by_range_p99_ms: by_range.p(99),
        by_range_page_p99_ms: by_page.p(99),
        by_range_statements: by_range.statements,
    })
}

/// Details of many fiches, several at a time.
async fn several(
    stack: &Stack,
    api: &ApiClient,
    name: &'static str,
    fiches: &[String],
    query: &str,
) -> Result<Measured> {
    let mut database = PgConnection::connect(&stack.state().postgres_url).await?;
    let before = statements::count(&mut database).await;
    let (wall, took) = load::each(api, fiches, query, AT_A_TIME).await?;
    let after = statements::count(&mut database).await;
    let measured = Measured {
        name,
        wall,
        statements: each(before, after, took.len()),
        took,
    };
    measured.print();
    Ok(measured)
}

/// The same list again and again, and its last answer.
async fn list(
    stack: &Stack,
    api: &ApiClient,
    name: &'static str,
    path: &str,
) -> Result<(Measured, serde_json::Value)> {
    load::again(api, path, WARM_UP).await?;
    let mut database = PgConnection::connect(&stack.state().postgres_url).await?;
    let before = statements::count(&mut database).await;
    let (wall, took) = load::again(api, path, LISTS).await?;
    let after = statements::count(&mut database).await;
    let measured = Measured {
        name,
        wall,
        statements: each(before, after, took.len()),
        took,
    };
    measured.print();
    let answer = api.get(path).await.context("a list")?;
    Ok((measured, answer))
}

/// Statements of a request; those of sweepers are among them.
fn each(before: Option<i64>, after: Option<i64>, requests: usize) -> Option<f64> {
    let (before, after) = before.zip(after)?;
    let between = usize::try_from(after - before).ok()?;
    Some(round(count(between) / count(requests.max(1))))
}
