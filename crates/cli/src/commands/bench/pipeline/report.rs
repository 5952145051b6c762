//! The numbers, for people and, on the last line, for programs.

use super::prepare::STEPS;
use crate::commands::bench::measure::Used;
use crate::commands::bench::{count, percentile_ms, round};
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// What was measured.
#[derive(Debug)]
pub struct Report {
    line: Line,
    used: Used,
}

#[derive(Debug, Serialize)]
struct Line {
    bench: &'static str,
    audits: usize,
    audits_per_s: f64,
    steps_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

impl Report {
    /// From the latencies, and what was used for them.
    pub fn new(mut latencies: Vec<Duration>, used: Used) -> Self {
        latencies.sort();
        let per_second = count(latencies.len()) / used.wall.as_secs_f64();
        let line = Line {
            bench: "pipeline",
            audits: latencies.len(),
            audits_per_s: round(per_second),
            steps_per_s: round(per_second * f64::from(STEPS)),
            p50_ms: round(percentile_ms(&latencies, 50)),
            p99_ms: round(percentile_ms(&latencies, 99)),
        };
        Self { line, used }
    }

    /// Prints it.
    pub fn print(&self) -> Result<()> {
        self.used.print(self.line.audits);
        println!("{}", serde_json::to_string(&self.line)?);
        Ok(())
    }
}
