//! The whole stack through the gateway: every audit ends in the right state, whatever dies.

mod automation;
mod batches;
mod collector;
mod duplicates;
mod ear;
mod failures;
mod fetch_jobs;
mod happy;
mod kills;
mod minds;
mod refusals;
mod reruns;
mod scope;
mod secrets;
mod silence;
pub(crate) mod tokens;
mod traces;

use anyhow::{Context, Result, ensure};
use sqlx::{Connection, PgConnection};
use std::collections::BTreeSet;
use std::time::Duration;
use vigie_testkit::Schema;
use vigie_testkit::api::{ApiClient, AuditDetail, Frame};
use vigie_testkit::stack::{Simulator, Stack, StackOptions};

const LIMIT: Duration = Duration::from_mins(2);

/// Places of the simulated CRM's sales of a day: two calls, a sale of `EQUIPE NORD`.
pub(crate) const COMPLIANT: u64 = 0;
/// One call, `EQUIPE OUEST`.
pub(crate) const UNANNOUNCED: u64 = 1;
/// One call, `EQUIPE LYON`.
const IBAN_TOO_EARLY: u64 = 2;
/// One call, `EQUIPE OUEST`.
pub(crate) const PRESSURE: u64 = 3;
/// Nothing to hear.
const WITHOUT_RECORDINGS: u64 = 6;

/// With the simulated model, which counts its calls.
pub(crate) async fn options() -> Result<StackOptions> {
    Ok(Stack::for_test().await?.with_env("AUDIT_ENGINE", "openai"))
}

/// The sales at this place of the last three days, newest first.
async fn fiches_at(api: &ApiClient, place: u64) -> Result<Vec<String>> {
    let today = chrono::Utc::now().date_naive();
    let mut found = Vec::new();
    for back in 0..3 {
        let date = today - chrono::Days::new(back);
        let sales = api.fiches_on(&date.to_string()).await?.fiches;
        found.extend(sales.into_iter().map(|fiche| fiche.id));
    }
    found.retain(|id| id.parse::<u64>().is_ok_and(|id| id % 100 == place));
    Ok(found)
}

pub(crate) async fn fiche_at(api: &ApiClient, place: u64) -> Result<String> {
    let fiches = fiches_at(api, place).await?;
    let newest = fiches.into_iter().next();
    newest.with_context(|| format!("no sale at place {place}"))
}

pub(crate) async fn database(stack: &Stack, schema: Schema) -> Result<PgConnection> {
    Ok(PgConnection::connect(&stack.database_url(schema)).await?)
}

pub(crate) async fn audit(
    api: &ApiClient,
    fiche: &str,
    seen: impl FnMut(&Frame),
) -> Result<AuditDetail> {
    let queued = api.run_latest_audit(fiche).await?;
    tokio::time::timeout(LIMIT, api.follow_audit(&queued.audit_db_id, seen))
        .await
        .context("the audit does not end")?
}

/// Completed, with exactly one result for each step of the configuration.
fn check_complete(detail: &AuditDetail) -> Result<u64> {
    ensure!(
        detail.status() == "completed",
        "{}: {:?}",
        detail.status(),
        detail.error()
    );
    let positions: Vec<i64> = detail
        .steps()
        .iter()
        .filter_map(|step| step["stepPosition"].as_i64())
        .collect();
    let distinct: BTreeSet<i64> = positions.iter().copied().collect();
    ensure!(
        !positions.is_empty() && distinct.len() == positions.len(),
        "steps {positions:?}"
    );
    ensure!(
        distinct.last().copied() == i64::try_from(positions.len()).ok(),
        "{positions:?}"
    );
    Ok(positions.len() as u64)
}

async fn model_calls(stack: &Stack) -> Result<(u64, u64)> {
    let calls = stack.calls(Simulator::Model).await?;
    let number = |key: &str| calls[key].as_u64().unwrap_or_default();
    Ok((number("total"), number("peak_in_flight")))
}

/// The messages of this audit that were seen: sequences are gapless, and the snapshot names the last.
fn check_gapless(events: &[Frame], detail: &AuditDetail) -> Result<()> {
    let numbers: Vec<i64> = events
        .iter()
        .filter(|frame| frame.event.starts_with("audit."))
        .filter_map(|frame| frame.data["sequence"].as_i64())
        .collect();
    ensure!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
    ensure!(
        numbers.last().copied() == Some(detail.sequence()),
        "{numbers:?}"
    );
    Ok(())
}
