//! The numbers, for people and, on the last line, for programs.

use super::measure::Snapshot;
use super::prepare::STEPS;
use crate::commands::bench::{percentile_ms, round};
use anyhow::Result;
use serde::Serialize;
use std::time::Duration;

/// Above this share of all cores the machine itself is the limit.
const BUSY: f64 = 0.85;

/// What was measured.
#[derive(Debug)]
pub struct Report {
    line: Line,
    /// Name, CPU seconds, peak MB; the busiest first.
    processes: Vec<(String, f64, f64)>,
    statements: Option<f64>,
    transactions: f64,
    messages: Vec<(&'static str, f64)>,
    wall: f64,
    cores: f64,
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
    /// From two snapshots and the latencies between them.
    pub fn new(
        mut latencies: Vec<Duration>,
        wall: Duration,
        before: &Snapshot,
        after: &Snapshot,
    ) -> Self {
        latencies.sort();
        let audits = count(latencies.len());
        let wall = wall.as_secs_f64();
        let per_second = audits / wall;
        let mut processes: Vec<_> = after
            .processes
            .iter()
            .map(|(name, (cpu, peak))| {
                let earlier = before.processes.get(name).map_or(0.0, |(cpu, _)| *cpu);
                (name.clone(), cpu - earlier, *peak)
            })
            .collect();
        processes.sort_by(|one, other| other.1.total_cmp(&one.1));
        let difference = |after: i64, before: i64| {
            count(usize::try_from(after - before).unwrap_or_default()) / audits
        };
        let messages = after.messages.iter().map(|(name, now)| {
            let earlier = before.messages.get(name).copied().unwrap_or_default();
            (
                *name,
                count(usize::try_from(now - earlier).unwrap_or_default()) / audits,
            )
        });
        Self {
            line: Line {
                bench: "pipeline",
                audits: latencies.len(),
                audits_per_s: round(per_second),
                steps_per_s: round(per_second * f64::from(STEPS)),
                p50_ms: round(percentile_ms(&latencies, 50)),
                p99_ms: round(percentile_ms(&latencies, 99)),
            },
            processes,
            statements: after
                .statements
                .zip(before.statements)
                .map(|(a, b)| difference(a, b)),
            transactions: difference(after.transactions, before.transactions),
            messages: messages.collect(),
            wall,
            cores: count(std::thread::available_parallelism().map_or(1, usize::from)),
        }
    }

    /// Prints it.
    pub fn print(&self) -> Result<()> {
        println!("\n{:20} {:>10} {:>10}", "process", "CPU s", "peak MB");
        for (name, cpu, peak) in &self.processes {
            println!("{name:20} {cpu:>10.2} {peak:>10.1}");
        }
        match self.statements {
            Some(statements) => println!("SQL statements per audit  {statements:.1}"),
            None => println!("SQL statements per audit  unknown (no pg_stat_statements)"),
        }
        println!("SQL transactions per audit  {:.1}", self.transactions);
        let total: f64 = self.messages.iter().map(|(_, per_audit)| per_audit).sum();
        let each: Vec<String> = self
            .messages
            .iter()
            .map(|(name, per_audit)| format!("{name} {per_audit:.1}"))
            .collect();
        println!("bus messages per audit  {total:.1} ({})", each.join(", "));
        println!("{}", self.limit());
        println!("{}", serde_json::to_string(&self.line)?);
        Ok(())
    }

    fn limit(&self) -> String {
        let used: f64 = self.processes.iter().map(|(_, cpu, _)| cpu).sum();
        let share = used / (self.wall * self.cores);
        let busiest = self.processes.iter().take(3).map(|(name, cpu, _)| {
            format!("{name} {:.0} %", 100.0 * cpu / used.max(f64::MIN_POSITIVE))
        });
        let busiest = busiest.collect::<Vec<_>>().join(", ");
        let cpu = format!(
            "{:.0} % of {} cores used; of that {busiest}",
            share * 100.0,
            self.cores
        );
        if share > BUSY {
            format!("limited by: CPU ({cpu})")
        } else {
            format!("limited by: waiting (disk syncs, round trips, concurrency; {cpu})")
        }
    }
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
