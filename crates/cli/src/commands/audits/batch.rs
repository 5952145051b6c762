//! `vigie audits batch`: audits many fiches and follows them until the last has ended.

use anyhow::{Result, bail};
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, text};

/// Options of `audits batch`.
#[derive(Debug, clap::Args)]
pub struct Batch {
    /// The fiches, at most 500
    #[arg(required = true)]
    pub fiches: Vec<String>,
    /// Configuration; by default the installation's, else the newest active one
    #[arg(long)]
    pub config: Option<i64>,
}

/// Runs the command.
pub async fn run(api: &ApiClient, wanted: &Batch) -> Result<()> {
    let mut body = json!({ "fiche_ids": wanted.fiches });
    if let Some(config) = wanted.config {
        body["audit_config_id"] = config.into();
    }
    let queued = api.post("/api/audits/batch", &body).await?;
    let id = text(&queued["batch_id"]);
    println!("{id}");
    let batch = follow(api, &id).await?;
    for item in batch["items"].as_array().into_iter().flatten() {
        let error = item["error"].as_str().unwrap_or_default();
        println!(
            "{:>12}  audit {:>8}  {:9}  {error}",
            text(&item["fiche_id"]),
            text(&item["audit_id"]),
            text(&item["status"]),
        );
    }
    println!(
        "{}: {} of {}",
        text(&batch["status"]),
        batch["succeeded"],
        batch["total"]
    );
    if batch["failed"] != 0 {
        bail!("{} failed", batch["failed"]);
    }
    Ok(())
}

/// The batch, once it has ended.
async fn follow(api: &ApiClient, id: &str) -> Result<Value> {
    // Listening first, so that an end before the first look is seen by it, and one after it heard.
    let mut live = api.live(&[&format!("job-{id}")]).await?;
    let path = format!("/api/audits/batches/{id}");
    loop {
        let batch = api.get(&path).await?["data"].take();
        if batch["status"] != "running" {
            return Ok(batch);
        }
        loop {
            let frame = live.next().await?;
            match frame.event.as_str() {
                "batch.progress" => eprintln!(
                    "   {} of {} ended, {} failed",
                    frame.data["completed"], frame.data["total"], frame.data["failed"]
                ),
                // The stream could not replay everything: look again.
                "batch.completed" | "reset" => break,
                _ => {}
            }
        }
    }
}
