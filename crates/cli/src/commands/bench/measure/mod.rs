//! What the processes, the database and the broker used so far.

mod used;

pub use used::Used;

use super::statements;
use anyhow::{Context, Result};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeMap;
use vigie_testkit::stack::Stack;

/// Linux reports CPU time in these, on every architecture we build for.
const TICKS_PER_SECOND: f64 = 100.0;
const STREAMS: [&str; 3] = ["WORK", "EVENTS", "REALTIME"];

/// Counters at one moment.
#[derive(Debug)]
pub struct Snapshot {
    /// By process name: CPU seconds and peak memory in MB.
    pub processes: BTreeMap<String, (f64, f64)>,
    /// Statements the database ran, where it counts them.
    pub statements: Option<i64>,
    /// Transactions the database committed.
    pub transactions: i64,
    /// Messages by stream.
    pub messages: BTreeMap<&'static str, u64>,
}

impl Snapshot {
    /// Reads all counters.
    pub async fn take(stack: &Stack) -> Result<Self> {
        let state = stack.state();
        let services = state
            .services
            .iter()
            .map(|service| (&service.name, service.pid));
        let servers = state
            .servers
            .iter()
            .map(|server| (&server.name, server.pid));
        let mut processes: BTreeMap<String, (f64, f64)> = BTreeMap::new();
        for (name, pid) in services.chain(servers) {
            let (cpu, peak) = usage(pid)?;
            let sum = processes.entry(name.clone()).or_default();
            *sum = (sum.0 + cpu, sum.1.max(peak));
        }
        let mut database = PgConnection::connect(&state.postgres_url).await?;
        let transactions = sqlx::query_scalar(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
        )
        .fetch_one(&mut database)
        .await?;
        Ok(Self {
            processes,
            statements: statements::count(&mut database).await,
            transactions,
            messages: messages(&state.nats_url).await?,
        })
    }
}

async fn messages(url: &str) -> Result<BTreeMap<&'static str, u64>> {
    let jetstream = async_nats::jetstream::new(async_nats::connect(url).await?);
    let mut counts = BTreeMap::new();
    for name in STREAMS {
        let stream = jetstream
            .get_stream(name)
            .await
            .with_context(|| format!("stream {name}"))?;
        counts.insert(name, stream.cached_info().state.last_sequence);
    }
    Ok(counts)
}

/// CPU seconds of a process and its children, and its peak memory in MB.
fn usage(pid: u32) -> Result<(f64, f64)> {
    let mut ticks = stat(pid)
        .context("reading /proc")?
        .ticks_with_reaped_children;
    let mut peak = peak_mb(pid);
    for entry in std::fs::read_dir("/proc")?.flatten() {
        let child = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some((child, stat)) = child.and_then(|child| Some((child, stat(child)?)))
            && stat.parent == pid
        {
            ticks += stat.ticks_with_reaped_children;
            peak = peak.max(peak_mb(child));
        }
    }
    Ok((ticks / TICKS_PER_SECOND, peak))
}

struct Stat {
    parent: u32,
    ticks_with_reaped_children: f64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may contain anything.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields
        .get(11..15)?
        .iter()
        .filter_map(|field| field.parse::<f64>().ok())
        .sum();
    Some(Stat {
        parent: fields.get(1)?.parse().ok()?,
        ticks_with_reaped_children: ticks,
    })
}

fn peak_mb(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kb.unwrap_or_default() / 1024.0
}
