//! `vigie webhooks`: what was delivered to whom, sending it again, and destinations that fail, through
//! the public API.

use super::administrator;
use crate::args::{Webhooks, WebhooksArgs};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use vigie_testkit::api::ApiClient;

/// Runs the command.
pub async fn run(args: &WebhooksArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match &args.command {
        Webhooks::List { job } => list(&api, job).await,
        Webhooks::Redeliver { job, delivery } => {
            let path = format!("/api/fiches/jobs/{job}/webhooks/{delivery}/redeliver");
            api.post(&path, &json!({})).await?;
            println!("It will be sent again.");
            Ok(())
        }
        Webhooks::Destinations => destinations(&api).await,
        Webhooks::Enable { url } => {
            let path = "/api/fiches/webhooks/destinations/enable";
            let answer = api.post(path, &json!({ "url": url })).await?;
            if answer["data"]["enabled"] == true {
                println!("Webhooks are sent there again.");
            } else {
                println!("It was not disabled.");
            }
            Ok(())
        }
    }
}

/// All pages, newest first.
async fn list(api: &ApiClient, job: &str) -> Result<()> {
    let mut cursor = String::new();
    loop {
        let path = format!("/api/fiches/jobs/{job}/webhooks?limit=100{cursor}");
        let page = api.get(&path).await?;
        let deliveries = page["data"].as_array().context("no deliveries")?;
        for delivery in deliveries {
            print(delivery);
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return Ok(()),
        }
    }
}

fn print(delivery: &Value) {
    println!(
        "{}  {}  {:9} #{:<4} {}",
        text(&delivery["createdAt"]),
        text(&delivery["id"]),
        text(&delivery["event"]),
        delivery["sequence"],
        text(&delivery["status"]),
    );
    for attempt in delivery["attempts"].as_array().into_iter().flatten() {
        println!(
            "    {}. {}  {} ms  {}",
            attempt["attempt"],
            text(&attempt["at"]),
            attempt["latencyMs"],
            attempt["error"].as_str().unwrap_or("taken"),
        );
    }
    if let Some(next) = delivery["nextRetryAt"].as_str() {
        println!("    next {next}");
    }
}

async fn destinations(api: &ApiClient) -> Result<()> {
    let answer = api.get("/api/fiches/webhooks/destinations").await?;
    let failing = answer["data"].as_array().context("no destinations")?;
    if failing.is_empty() {
        println!("No destination fails.");
    }
    for one in failing {
        let state = match one["disabledAt"].as_str() {
            Some(at) => format!("disabled {at}"),
            None => format!("failing since {}", text(&one["firstFailedAt"])),
        };
        println!(
            "{}  {state}  {}",
            text(&one["url"]),
            text(&one["lastError"])
        );
    }
    Ok(())
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
