//! `vigie bench`: how fast an installation of this build is. Each measurement runs on an empty stack
//! of its own under `bench/` in the home: real services, broker and database.

mod batch;
mod fiches;
mod identity;
mod lists;
mod measure;
mod pipeline;
mod statements;

use crate::args::{Bench, BenchArgs};
use anyhow::Result;
use std::time::Duration;
use vigie_testkit::stack::{Home, Stack, StackOptions};

/// Runs the measurements asked for; by default all but the long ones, the pipeline last.
pub async fn run(args: &BenchArgs) -> Result<()> {
    for bench in Bench::ALL {
        if bench.is_wanted(&args.only) {
            match bench {
                Bench::Identity => identity::run(args).await?,
                Bench::Fiches => fiches::run(args).await?,
                Bench::Lists => lists::run(args).await?,
                Bench::Batch => batch::run(args).await?,
                Bench::Pipeline => pipeline::run(args).await?,
            }
        }
    }
    Ok(())
}

async fn start(options: StackOptions) -> Result<Stack> {
    println!("Starting a stack in {} …", options.home.dir().display());
    Stack::start(options).await
}

/// An empty stack like the user's.
fn stack_options(args: &BenchArgs) -> Result<StackOptions> {
    let dir = Home::from_env()?.dir().join("bench");
    let home = Home::at(&dir)?;
    anyhow::ensure!(home.try_lock()?.is_some(), "another bench is running");
    for stale in ["postgres", "nats"] {
        let path = dir.join(stale);
        let target = std::fs::read_link(&path).unwrap_or_else(|_| path.clone());
        if target.exists() {
            std::fs::remove_dir_all(&target)?;
        }
        if path.is_symlink() {
            std::fs::remove_file(&path)?;
        }
    }
    let mut options = args.stack.options(home)?;
    options.gateway_port = None;
    // One user asks for everybody.
    Ok(options.with_env("AUDIT_RUNS_PER_MINUTE", "0"))
}

/// The duration that `percent` of the sorted ones do not exceed, in milliseconds.
fn percentile_ms(sorted: &[Duration], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let at = (sorted.len() * percent)
        .div_ceil(100)
        .saturating_sub(1)
        .min(last);
    sorted
        .get(at)
        .map_or(0.0, |duration| duration.as_secs_f64() * 1000.0)
}

/// To one decimal.
fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a bench are far below 2^52"
)]
fn count(value: usize) -> f64 {
    value as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_of_the_sorted_list() {
        let latencies: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert!((percentile_ms(&latencies, 50) - 50.0).abs() < f64::EPSILON);
        assert!((percentile_ms(&latencies, 99) - 99.0).abs() < f64::EPSILON);
        assert!(percentile_ms(&[], 99).abs() < f64::EPSILON);
    }
}
