//! `vigie audits`: many fiches at once, what unfinished audits wait for, and stored ones under changed
//! weights, through the public API.

mod batch;
mod rescore;

use super::administrator;
use crate::args::Installation;
use anyhow::Result;
use clap::Subcommand;
use serde_json::Value;
use vigie_testkit::api::ApiClient;

/// Options of `audits`.
#[derive(Debug, clap::Args)]
pub struct AuditsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Audits,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on audits.
#[derive(Debug, Subcommand)]
pub enum Audits {
    /// Audit many fiches and follow them until the last has ended
    Batch(batch::Batch),
    /// List audits that have not ended, the one that waits longest first, and what each waits for
    Stuck {
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u16,
    },
    /// Score stored audits under the weights that their configuration has now, without any model;
    /// shows what would move unless told to apply it
    Rescore(rescore::Rescore),
}

/// Runs the command.
pub async fn run(args: &AuditsArgs) -> Result<()> {
    let api = administrator(&args.at).await?;
    match &args.command {
        Audits::Batch(wanted) => batch::run(&api, wanted).await,
        Audits::Stuck { limit } => stuck(&api, *limit).await,
        Audits::Rescore(wanted) => rescore::run(&api, wanted).await,
    }
}

async fn stuck(api: &ApiClient, limit: u16) -> Result<()> {
    let answer = api.get(&format!("/api/audits/stuck?limit={limit}")).await?;
    let audits = answer["data"].as_array().map(Vec::as_slice);
    let audits = audits.unwrap_or_default();
    if audits.is_empty() {
        println!("Every audit has ended.");
    }
    for audit in audits {
        show(audit);
    }
    Ok(())
}

fn show(audit: &Value) {
    let text = |name: &str| audit[name].as_str().unwrap_or_default();
    println!(
        "{:>8}  fiche {}  {}  waits for {}",
        text("audit_id"),
        text("fiche_id"),
        text("phase"),
        text("waits_for")
    );
    println!(
        "          last sent {} ({} times), ends at the latest {}",
        text("sent_at"),
        audit["sends"],
        text("deadline_at")
    );
    let missing = audit["missing_steps"].as_array().into_iter().flatten();
    let missing: Vec<_> = missing.map(Value::to_string).collect();
    if !missing.is_empty() {
        println!("          steps without a result: {}", missing.join(", "));
    }
    if let Some(trouble) = audit["trouble"].as_str() {
        println!("          last trouble: {trouble}");
    }
}
