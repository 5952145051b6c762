//! `vigie audit`: one audit, followed live.

use super::{client, running};
use crate::args::AuditArgs;
use crate::{live, print};
use anyhow::{Result, bail};
use vigie_testkit::api::{ApiClient, Queued};

/// Runs the command.
pub async fn run(args: &AuditArgs) -> Result<()> {
    let api = client(&running()?).await?;
    let queued = match &args.config {
        Some(config) => api.run_audit(&args.fiche, config).await?,
        None => api.run_latest_audit(&args.fiche).await?,
    };
    follow(&api, &queued).await
}

/// Shows an audit's progress until it ends, then what it found.
pub async fn follow(api: &ApiClient, queued: &Queued) -> Result<()> {
    println!("Audit {} of fiche {}", queued.audit_db_id, queued.fiche_id);
    let mut progress = live::Progress::start();
    let detail = api
        .follow_audit(&queued.audit_db_id, |frame| progress.show(frame))
        .await?;
    progress.finish(&detail);
    if detail.status() == "failed" {
        bail!(
            "the audit failed: {}",
            detail.error().unwrap_or("no reason given")
        );
    }
    print::scorecard(&detail.scorecard());
    Ok(())
}
