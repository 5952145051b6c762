//! The difference of two moments, for people.

use super::Snapshot;
use crate::commands::bench::{count, round};
use std::time::Duration;

/// Above this share of all cores the machine itself is the limit.
const BUSY: f64 = 0.85;

/// What was used between two snapshots.
#[derive(Debug)]
pub struct Used {
    /// How long it took.
    pub wall: Duration,
    /// Statements the database ran, where it counts them.
    pub statements: Option<usize>,
    /// Messages by stream.
    pub messages: Vec<(&'static str, usize)>,
    transactions: usize,
    /// Name, CPU seconds, peak MB; the busiest first.
    processes: Vec<(String, f64, f64)>,
}

impl Snapshot {
    /// What was used since an earlier one, in this time.
    pub fn since(&self, before: &Self, wall: Duration) -> Used {
        let processes = self.processes.iter().map(|(name, (cpu, peak))| {
            let earlier = before.processes.get(name).map_or(0.0, |(cpu, _)| *cpu);
            (name.clone(), cpu - earlier, *peak)
        });
        let mut processes: Vec<_> = processes.collect();
        processes.sort_by(|one, other| other.1.total_cmp(&one.1));
        let messages = self.messages.iter().map(|(name, now)| {
            let earlier = before.messages.get(name).copied().unwrap_or_default();
            (*name, usize::try_from(now - earlier).unwrap_or_default())
        });
        let difference = |now: i64, before: i64| usize::try_from(now - before).unwrap_or_default();
        Used {
            wall,
            statements: self
                .statements
                .zip(before.statements)
                .map(|(now, before)| difference(now, before)),
            messages: messages.collect(),
            transactions: difference(self.transactions, before.transactions),
            processes,
        }
    }
}

impl Used {
    /// Messages of all streams.
    pub fn all_messages(&self) -> usize {
        self.messages.iter().map(|(_, number)| number).sum()
    }

    /// Prints it, and what it is for one of `audits`.
    pub fn print(&self, audits: usize) {
        let each = |number: usize| round(count(number) / count(audits.max(1)));
        println!("\n{:20} {:>10} {:>10}", "process", "CPU s", "peak MB");
        for (name, cpu, peak) in &self.processes {
            println!("{name:20} {cpu:>10.2} {peak:>10.1}");
        }
        match self.statements {
            Some(number) => println!("SQL statements per audit  {:.1} ({number})", each(number)),
            None => println!("SQL statements per audit  unknown (no pg_stat_statements)"),
        }
        println!("SQL transactions per audit  {:.1}", each(self.transactions));
        let messages = self.messages.iter();
        let messages = messages.map(|(name, number)| format!("{name} {:.1}", each(*number)));
        let messages = messages.collect::<Vec<_>>().join(", ");
        let all = self.all_messages();
        println!(
            "bus messages per audit  {:.1} ({all}: {messages})",
            each(all)
        );
        println!("{}", self.limit());
    }

    fn limit(&self) -> String {
        let cores = count(std::thread::available_parallelism().map_or(1, usize::from));
        let used: f64 = self.processes.iter().map(|(_, cpu, _)| cpu).sum();
        let share = used / (self.wall.as_secs_f64() * cores);
        let busiest = self.processes.iter().take(3).map(|(name, cpu, _)| {
            format!("{name} {:.0} %", 100.0 * cpu / used.max(f64::MIN_POSITIVE))
        });
        let busiest = busiest.collect::<Vec<_>>().join(", ");
        let cpu = format!(
            "{:.0} % of {cores} cores used; of that {busiest}",
            share * 100.0
        );
        if share > BUSY {
            format!("limited by: CPU ({cpu})")
        } else {
            format!("limited by: waiting (disk syncs, round trips, concurrency; {cpu})")
        }
    }
}
