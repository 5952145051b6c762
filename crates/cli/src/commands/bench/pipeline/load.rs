//! The load: so many audits at a time, each waited for by its live event.

use anyhow::{Result, ensure};
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use vigie_testkit::api::{ApiClient, text};

/// Nothing at all happened for this long.
const STALL: Duration = Duration::from_mins(2);

/// Runs `count` audits over the fiches; how long each took from the call to the event of its end.
pub async fn run(
    api: &ApiClient,
    fiches: &[String],
    config: i64,
    count: usize,
    concurrency: usize,
) -> Result<Vec<Duration>> {
    let channels: Vec<String> = fiches
        .iter()
        .map(|fiche| format!("fiche-{fiche}"))
        .collect();
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    let mut live = api.live(&channels).await?;
    let config = config.to_string();
    let mut calls = FuturesUnordered::new();
    let (mut called, mut failed) = (0, 0);
    let mut open: HashMap<String, Instant> = HashMap::new();
    let mut ended: HashMap<String, Instant> = HashMap::new();
    let mut latencies = Vec::with_capacity(count);
    while latencies.len() < count {
        while called < count && calls.len() + open.len() < concurrency {
            let fiche = &fiches[called % fiches.len()];
            let config = &config;
            called += 1;
            calls.push(async move {
                let begun = Instant::now();
                api.run_audit(fiche, config)
                    .await
                    .map(|queued| (queued.audit_db_id, begun))
            });
        }
        tokio::select! {
            Some(call) = calls.next(), if !calls.is_empty() => {
                let (id, begun) = call?;
                // The event may be faster than the answer.
                match ended.remove(&id) {
                    Some(end) => latencies.push(end.duration_since(begun)),
                    None => drop(open.insert(id, begun)),
                }
            }
            frame = tokio::time::timeout(STALL, live.next()) => {
                let frame = frame??;
                ensure!(frame.event != "reset", "the live stream lost events: {}", frame.data);
                if !matches!(frame.event.as_str(), "audit.completed" | "audit.failed") {
                    continue;
                }
                failed += usize::from(frame.event == "audit.failed");
                let id = text(&frame.data["audit_db_id"]);
                match open.remove(&id) {
                    Some(begun) => latencies.push(begun.elapsed()),
                    None => drop(ended.insert(id, Instant::now())),
                }
            }
        }
    }
    ensure!(failed == 0, "{failed} of {count} audits failed");
    Ok(latencies)
}
