use super::Installation;
use clap::Subcommand;

/// Options of `fiches`.
#[derive(Debug, clap::Args)]
pub struct FichesArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Fiches,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on cached fiches.
#[derive(Debug, Subcommand)]
pub enum Fiches {
    /// Move sections of legacy rows into their tables, batch by batch
    Backfill {
        /// Begin after this row, as an earlier run printed it
        #[arg(long, default_value_t = 0)]
        after_id: i64,
        /// Rows of a batch, 1 to 500
        #[arg(long, default_value_t = 100)]
        batch: i32,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Seal personal data with the newest encryption key, batch by batch
    Reseal {
        /// Begin after this row, as an earlier run printed it
        #[arg(long, default_value_t = 0)]
        after_id: i64,
        /// Rows of a batch, 1 to 500
        #[arg(long, default_value_t = 100)]
        batch: i32,
        /// Only say what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Show which sections of a fiche are stored, and what its legacy document still holds
    Inspect {
        /// The fiche's id in the CRM
        fiche: String,
    },
}

/// Options of `projections`.
#[derive(Debug, clap::Args)]
pub struct ProjectionsArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Projections,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on copies that a service keeps of another's data.
#[derive(Debug, Subcommand)]
pub enum Projections {
    /// Write what audits know of their fiches anew, as the fiche cache has it
    Rebuild {
        /// Begin after this fiche, as an earlier run printed it
        #[arg(long, default_value = "")]
        after: String,
        /// Fiches of a batch, 1 to 5000
        #[arg(long, default_value_t = 1000)]
        batch: i32,
    },
}

/// Options of `webhooks`.
#[derive(Debug, clap::Args)]
pub struct WebhooksArgs {
    /// What to do
    #[command(subcommand)]
    pub command: Webhooks,
    /// Where.
    #[command(flatten)]
    pub at: Installation,
}

/// Commands on webhooks.
#[derive(Debug, Subcommand)]
pub enum Webhooks {
    /// List the deliveries of a job, newest first
    List {
        /// The job
        job: String,
    },
    /// Send a delivery once more, under its id
    Redeliver {
        /// The job
        job: String,
        /// The delivery, as listed
        delivery: String,
    },
    /// List the URLs that fail, disabled ones first
    Destinations,
    /// Send to a disabled URL again
    Enable {
        /// The exact URL
        url: String,
    },
}
