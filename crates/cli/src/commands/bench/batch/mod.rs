//! Batches over many fiches, from the API call to the end of the last one: first fiches that nobody
//! knows, fetched and transcribed on the way, then the same ones again, so only the audits.

mod load;

use super::measure::{Snapshot, Used};
use super::pipeline::prepare;
use super::{count, round, statements};
use crate::args::BenchArgs;
use anyhow::{Result, ensure};
use serde::Serialize;
use std::time::Instant;
use vigie_testkit::api::ApiClient;
use vigie_testkit::stack::{Stack, StackOptions};

/// The day of the fiches that the simulated CRM gets for this.
const DAY: &str = "2025-06-02";

#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    fiches: usize,
    batches: usize,
    /// Of fiches that are fetched and transcribed.
    seconds: f64,
    audits_per_s: f64,
    messages: usize,
    statements: Option<usize>,
    /// Of fiches that nobody knew, as all of these.
    first_seconds: f64,
    first_audits_per_s: f64,
    first_messages: usize,
    first_statements: Option<usize>,
}

/// Measures and prints.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let stack = super::start(stack_options(args)?).await?;
    let measured = measure(&stack, args.fiches).await;
    let down = stack.down().await;
    println!("{}", serde_json::to_string(&measured?)?);
    down
}

/// With a speech model that has no limit a minute, and the broker of the pipeline's measurement.
fn stack_options(args: &BenchArgs) -> Result<StackOptions> {
    let mut options = super::stack_options(args)?;
    "1s".clone_into(&mut options.nats_sync);
    let bulk = format!("{}@{DAY}..{DAY}", args.fiches);
    options.simulator_args = vec!["--crm-bulk".to_owned(), bulk];
    options.postgres_settings = statements::counting()?;
    Ok(options
        .with_env("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "1000000")
        .with_env("AUDIT_ENGINE", "lexical")
        .with_env("LOG_LEVEL", "warn"))
}

async fn measure(stack: &Stack, wanted: usize) -> Result<Line> {
    let api = stack.api().await?;
    let config = prepare::configuration(stack).await?;
    let sales = api.fiches_on(DAY).await?.fiches;
    let fiches: Vec<String> = sales.into_iter().map(|fiche| fiche.id).collect();
    ensure!(fiches.len() == wanted, "the CRM has {}", fiches.len());
    prepare::statistics(stack).await?;

    let first = round_of(stack, &api, &fiches, config, "fiches that nobody knows").await?;
    prepare::statistics(stack).await?;
    let again = round_of(stack, &api, &fiches, config, "the same fiches").await?;
    Ok(Line {
        bench: "batch",
        fiches: fiches.len(),
        batches: fiches.len().div_ceil(load::MOST_FICHES),
        seconds: round(again.wall.as_secs_f64()),
        audits_per_s: per_second(&again, fiches.len()),
        messages: again.all_messages(),
        statements: again.statements,
        first_seconds: round(first.wall.as_secs_f64()),
        first_audits_per_s: per_second(&first, fiches.len()),
        first_messages: first.all_messages(),
        first_statements: first.statements,
    })
}

/// All fiches once, and what that used.
async fn round_of(
    stack: &Stack,
    api: &ApiClient,
    fiches: &[String],
    config: i64,
    name: &str,
) -> Result<Used> {
    println!("Measuring batches over {} fiches: {name} …", fiches.len());
    let before = Snapshot::take(stack).await?;
    let begun = Instant::now();
    load::run(api, fiches, config).await?;
    let wall = begun.elapsed();
    let used = Snapshot::take(stack).await?.since(&before, wall);
    used.print(fiches.len());
    println!(
        "{:.1} s, {:.1} audits a second\n",
        wall.as_secs_f64(),
        per_second(&used, fiches.len())
    );
    Ok(used)
}

fn per_second(used: &Used, audits: usize) -> f64 {
    round(count(audits) / used.wall.as_secs_f64())
}
