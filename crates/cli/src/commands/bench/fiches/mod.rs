//! Fiches through the public API: stored with all their sections, read back, listed with what is
//! known of them.

mod load;
mod measured;
mod prepare;

use self::measured::Bench;
use super::statements::{self, PerRequest};
use crate::args::BenchArgs;
use anyhow::{Result, ensure};
use serde::Serialize;
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
    upsert_statements_by_service: Option<PerRequest>,
    rebuilds_per_s: f64,
    rebuild_p50_ms: f64,
    rebuild_p99_ms: f64,
    rebuild_statements: Option<f64>,
    rebuild_statements_by_service: Option<PerRequest>,
    by_date_fiches: usize,
    by_date_p50_ms: f64,
    by_date_p99_ms: f64,
    by_date_statements: Option<f64>,
    by_date_statements_by_service: Option<PerRequest>,
    by_range_cached: i64,
    by_range_p50_ms: f64,
    by_range_p99_ms: f64,
    by_range_page_p99_ms: f64,
    by_range_statements: Option<f64>,
    by_range_statements_by_service: Option<PerRequest>,
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
    let mut bench = Bench::of(stack, api).await?;
    bench.warm_up(first, "?refresh=true").await?;
    let upserts = bench.several("details stored", fiches, "?refresh=true");
    let upserts = upserts.await?;
    let rebuilds = bench.several("details read", fiches, "").await?;

    let day = format!("/api/fiches/status/by-date?date={}", prepare::DAY);
    let (by_date, answer) = bench.list("by date, with status", &day).await?;
    let listed = answer["data"]["fiches"].as_array().map_or(0, Vec::len);
    ensure!(listed == prepare::OF_DAY, "{listed} fiches are listed");

    let (start, end) = (prepare::FIRST, prepare::LAST);
    let range = format!("/api/fiches/status/by-date-range?startDate={start}&endDate={end}");
    let (by_range, answer) = bench.list("by range, the first 5,000", &range).await?;
    ensure!(answer["meta"]["complete"] == true, "days are missing");
    ensure!(answer["meta"]["truncated"] == true, "not all are cached");
    let page = format!("{range}&limit=500");
    let (by_page, _) = bench.list("by range, a page of 500", &page).await?;

    Ok(Line {
        bench: "fiches",
        upserts_per_s: upserts.per_second(),
        upsert_p99_ms: upserts.p(99),
        upsert_statements: upserts.statements.as_ref().map(PerRequest::total),
        upsert_statements_by_service: upserts.statements,
        rebuilds_per_s: rebuilds.per_second(),
        rebuild_p50_ms: rebuilds.p(50),
        rebuild_p99_ms: rebuilds.p(99),
        rebuild_statements: rebuilds.statements.as_ref().map(PerRequest::total),
        rebuild_statements_by_service: rebuilds.statements,
        by_date_fiches: listed,
        by_date_p50_ms: by_date.p(50),
        by_date_p99_ms: by_date.p(99),
        by_date_statements: by_date.statements.as_ref().map(PerRequest::total),
        by_date_statements_by_service: by_date.statements,
        by_range_cached: prepare::CACHED,
        by_range_p50_ms: by_range.p(50),
        by_range_p99_ms: by_range.p(99),
        by_range_page_p99_ms: by_page.p(99),
        by_range_statements: by_range.statements.as_ref().map(PerRequest::total),
        by_range_statements_by_service: by_range.statements,
    })
}
