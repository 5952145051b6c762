//! The batches, each waited for by its live event.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vigie_testkit::api::{ApiClient, text};

/// More are refused.
pub const MOST_FICHES: usize = 500;
/// Nothing at all happened for this long.
const STALL: Duration = Duration::from_mins(2);

/// Audits all fiches, in as few batches as may be, one asked for after the other.
pub async fn run(api: &ApiClient, fiches: &[String], config: i64) -> Result<()> {
    // The ids are not known yet, and everybody hears of batches.
    let mut live = api.live(&["global"]).await?;
    let mut open = BTreeSet::new();
    for fiches in fiches.chunks(MOST_FICHES) {
        let body = json!({ "fiche_ids": fiches, "audit_config_id": config });
        let queued = api.post("/api/audits/batch", &body).await?;
        open.insert(text(&queued["batch_id"]));
    }
    // Nothing is missed: the stream was open before the first call.
    while !open.is_empty() {
        let frame = tokio::time::timeout(STALL, live.next()).await;
        let frame = frame.context("the batches stand still")??;
        ensure!(
            frame.event != "reset",
            "the live stream lost events: {}",
            frame.data
        );
        if frame.event == "batch.completed" && open.remove(&text(&frame.data["batch_id"])) {
            check(&frame.data)?;
        }
    }
    Ok(())
}

fn check(batch: &Value) -> Result<()> {
    ensure!(batch["failed"] == 0, "audits failed: {batch}");
    Ok(())
}
