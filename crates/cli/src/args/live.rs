/// Options of `audit`.
#[derive(Debug, clap::Args)]
pub struct AuditArgs {
    /// The fiche's id in the CRM
    pub fiche: String,
    /// The audit configuration; the newest active one when left out
    #[arg(long)]
    pub config: Option<String>,
}

/// Options of `watch`.
#[derive(Debug, clap::Args)]
pub struct WatchArgs {
    /// Channels, such as `audit-12`, `fiche-4410027` or `job-automation-run-3`
    #[arg(required = true)]
    pub channels: Vec<String>,
}
