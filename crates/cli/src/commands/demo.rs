//! `vigie demo`: the main job, done through the public API as a client would.

use super::{audit, client, up};
use crate::args::StackArgs;
use crate::print;
use anyhow::{Context, Result};
use chrono::{Days, NaiveDate, Utc};
use std::time::Instant;
use vigie_testkit::api::{ApiClient, SaleFiche};
use vigie_testkit::stack::Home;

/// How far back a day with sales is looked for.
const DAYS_BACK: u64 = 14;

/// Runs the command.
pub async fn run(args: &StackArgs) -> Result<()> {
    let begun = Instant::now();
    let (state, already) = up::ensure_up(&Home::from_env()?, args).await?;
    if already {
        println!("Vigie is up already at {}.", state.gateway_url);
    } else {
        println!(
            "Vigie is up after {:.1} s at {}.",
            begun.elapsed().as_secs_f64(),
            state.gateway_url
        );
    }
    println!("\n1. Log in as {}", state.admin.email);
    let api = client(&state).await?;
    let (date, fiches) = latest_sales(&api).await?;
    println!("\n2. The sales of {date} ({})", fiches.len());
    for fiche in &fiches {
        let name = [&fiche.prenom, &fiche.nom]
            .map(|name| name.as_deref().unwrap_or(""))
            .join(" ");
        println!("   {}  {}{}", fiche.id, name.trim(), already_audited(fiche));
    }
    let fiche = fiches.first().context("no sale to audit")?;
    println!("\n3. Audit the first of them with the newest configuration");
    let queued = api.run_latest_audit(&fiche.id).await?;
    audit::follow(&api, &queued).await?;
    print::where_next(&state, &queued);
    Ok(())
}

/// The newest day with sales.
async fn latest_sales(api: &ApiClient) -> Result<(NaiveDate, Vec<SaleFiche>)> {
    let today = Utc::now().date_naive();
    for back in 0..=DAYS_BACK {
        let date = today
            .checked_sub_days(Days::new(back))
            .context("a day before today")?;
        let day = api.fiches_on(&date.to_string()).await?;
        if !day.fiches.is_empty() {
            return Ok((date, day.fiches));
        }
    }
    anyhow::bail!("the CRM has no sale in the last {DAYS_BACK} days")
}

fn already_audited(fiche: &SaleFiche) -> String {
    match fiche.status["audit"]["latestAudit"]["niveau"].as_str() {
        Some(niveau) => format!("  (audited: {niveau})"),
        None => String::new(),
    }
}
