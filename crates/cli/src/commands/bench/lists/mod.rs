//! Lists and details of a million audits through the public API, one request at a time: what a person
//! waits for.

mod prepare;
mod questions;

use super::{percentile_ms, round};
use crate::args::BenchArgs;
use anyhow::{Context, Result};
use chrono::Utc;
use questions::{Days, QUESTIONS, Question, WIDE};
use serde::Serialize;
use std::time::{Duration, Instant};
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Stack, StackOptions};

/// Requests of each question.
const LISTS: usize = 100;
/// Details read, each of another audit.
const DETAILS: usize = 300;
/// Requests of each kind that are not measured.
const WARM_UP: usize = 10;

#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    audits: i64,
    list_p50_ms: f64,
    list_p99_ms: f64,
    /// Of the slowest question.
    list_worst_p99_ms: f64,
    wide_p50_ms: f64,
    wide_p99_ms: f64,
    detail_p50_ms: f64,
    detail_p99_ms: f64,
}

/// How long requests took, sorted.
struct Took(Vec<Duration>);

impl Took {
    fn p(&self, percent: usize) -> f64 {
        round(percentile_ms(&self.0, percent))
    }

    fn print(&self, name: &str) {
        let (half, most) = (self.p(50), self.p(99));
        println!("{name:40} p50 {half:>7} ms, p99 {most:>7} ms");
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

/// With memory as a database of this size has.
fn stack_options(args: &BenchArgs) -> Result<StackOptions> {
    let mut options = super::stack_options(args)?;
    let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    options.postgres_settings = vec![
        setting("shared_buffers", "2GB"),
        setting("max_wal_size", "8GB"),
        setting("maintenance_work_mem", "256MB"),
    ];
    Ok(options.with_env("LOG_LEVEL", "warn"))
}

async fn measure(stack: &Stack) -> Result<Line> {
    println!("Writing {} audits …", prepare::AUDITS);
    let begun = Instant::now();
    prepare::fill(stack).await?;
    println!("… in {:.0} s", begun.elapsed().as_secs_f64());

    let api = stack.api().await?;
    let mut all = Vec::new();
    let mut worst: f64 = 0.0;
    for question in &QUESTIONS {
        let took = ask(&api, question).await?;
        worst = worst.max(took.p(99));
        all.extend(took.0);
    }
    all.sort();
    let all = Took(all);
    all.print("all of these");
    let wide = ask(&api, &WIDE).await?;
    let details = details(stack, &api).await?;
    Ok(Line {
        bench: "lists",
        audits: prepare::AUDITS,
        list_p50_ms: all.p(50),
        list_p99_ms: all.p(99),
        list_worst_p99_ms: worst,
        wide_p50_ms: wide.p(50),
        wide_p99_ms: wide.p(99),
        detail_p50_ms: details.p(50),
        detail_p99_ms: details.p(99),
    })
}

/// One question, again and again.
async fn ask(api: &ApiClient, question: &Question) -> Result<Took> {
    let days = Days(Utc::now().date_naive());
    let mut took = Vec::with_capacity(LISTS);
    for n in 0..WARM_UP + LISTS {
        let path = format!("/api/audits?{}", (question.query)(&days, n));
        took.push(body(api, &path).await?);
    }
    let took = measured(took);
    took.print(question.name);
    Ok(took)
}

async fn details(stack: &Stack, api: &ApiClient) -> Result<Took> {
    let audits = prepare::detailed(stack).await?;
    let mut took = Vec::with_capacity(DETAILS);
    for audit in audits.into_iter().take(WARM_UP + DETAILS) {
        took.push(body(api, &format!("/api/audits/{audit}")).await?);
    }
    let took = measured(took);
    took.print("details");
    Ok(took)
}

/// Without those that warmed up.
fn measured(mut took: Vec<Duration>) -> Took {
    took.drain(..WARM_UP.min(took.len()));
    took.sort();
    Took(took)
}

/// How long until all of the answer is here; reading its JSON is the caller's own work.
async fn body(api: &ApiClient, path: &str) -> Result<Duration> {
    let begun = Instant::now();
    api.bytes(path)
        .await
        .with_context(|| format!("GET {path}"))?;
    Ok(begun.elapsed())
}
