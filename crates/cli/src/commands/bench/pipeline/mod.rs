//! Audits a second, from the API call to finalised rows.
//!
//! Real services, broker and database, an engine that answers at once, calls that are transcribed
//! before the measurement begins. It runs on a stack of its own under `bench/` in the home.

mod load;
pub(super) mod prepare;
mod report;

use super::measure::Snapshot;
use crate::args::BenchArgs;
use anyhow::{Context, Result};
use std::time::Instant;
use vigie_testkit::stack::{Stack, StackOptions};

/// Measures and prints.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let stack = super::start(stack_options(args)?).await?;
    let measured = measure_on(&stack, args).await;
    let down = stack.down().await;
    measured?.print()?;
    down
}

async fn measure_on(stack: &Stack, args: &BenchArgs) -> Result<report::Report> {
    let api = stack.api().await?;
    let config = prepare::configuration(stack).await?;
    let fiches = prepare::fiches(&api).await?;
    println!("Fetching and transcribing {} fiches …", fiches.len());
    load::run(&api, &fiches, config, fiches.len(), 8)
        .await
        .context("preparing the fiches")?;
    load::run(&api, &fiches, config, args.warm_up, args.concurrency)
        .await
        .context("warm-up")?;
    // What autovacuum does to any database that is older than a minute.
    prepare::statistics(stack).await?;

    println!(
        "Measuring {} audits, {} at a time …",
        args.audits, args.concurrency
    );
    let before = Snapshot::take(stack).await?;
    let begun = Instant::now();
    let latencies = load::run(&api, &fiches, config, args.audits, args.concurrency).await?;
    let wall = begun.elapsed();
    let after = Snapshot::take(stack).await?;
    Ok(report::Report::new(latencies, after.since(&before, wall)))
}

/// With the engine and the broker that the measurement asks for.
fn stack_options(args: &BenchArgs) -> Result<StackOptions> {
    let mut options = super::stack_options(args)?;
    // What the job queue compared with does; production defaults to `always`.
    "1s".clone_into(&mut options.nats_sync);
    options.simulator_args = ["--crm-bulk", prepare::BULK].map(str::to_owned).to_vec();
    options.postgres_settings = super::statements::counting()?;
    Ok(options
        .with_env("AUDIT_ENGINE", "lexical")
        .with_env("LOG_LEVEL", "warn"))
}
