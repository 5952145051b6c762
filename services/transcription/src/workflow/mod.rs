//! Moves runs on. Each function works in its caller's transaction, on a locked run.

mod batch;
mod change;
mod finish;
mod open;
mod plan;
mod settle;

pub use batch::BatchWish;
pub use open::{Opened, Wish};
pub use settle::{Settlement, Stale};

use change::Change;
use std::time::Duration;
use vigie_events::Lane;
use vigie_events::ids::InvalidId;

/// Runs in the lane of schedules wait for the provider for hours: this many times as long as those
/// of a person, which stays below the deadline of their audits.
const BULK_PATIENCE: u32 = 80;

/// How runs are run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `transcription.progress` after so many recordings.
    pub progress_every: i32,
    /// Larger fiches are refused.
    pub max_recordings: i32,
    /// Recordings of one fiche at once.
    pub per_fiche: i64,
    /// How long a run that somebody waits for may take.
    pub deadline: Duration,
    /// How long one worker may be at a recording.
    pub item_lease: Duration,
    /// Whether `workflow_logs` are written.
    pub log: bool,
    /// How long they are kept.
    pub log_retention: Duration,
    /// Whether the speech provider can be asked at all.
    pub provider_configured: bool,
}

impl Settings {
    /// How long one delivery of a recording may take: a person's run does not end before it.
    pub fn item_deadline(&self) -> Duration {
        self.item_lease.min(self.deadline.mul_f64(0.9))
    }

    /// How long a run may take.
    pub fn deadline(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Interactive => self.deadline,
            Lane::Bulk => self.deadline.saturating_mul(BULK_PATIENCE),
        }
    }
}

/// A run could not be moved on.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    /// A message could not be sent.
    #[error(transparent)]
    Outbox(#[from] vigie_bus::OutboxError),
    /// A message could not be written.
    #[error("message cannot be written")]
    Json(#[from] serde_json::Error),
    /// A stored id is none.
    #[error(transparent)]
    Id(#[from] InvalidId),
    /// Somebody else has the recording.
    #[error(transparent)]
    Stale(#[from] Stale),
    /// The open run ended while it was being joined.
    #[error("the open run of fiche {0} has just ended")]
    LostRace(String),
}

/// Moves runs on.
#[derive(Debug, Clone)]
pub struct Workflow {
    settings: Settings,
}

impl Workflow {
    /// With these settings.
    pub const fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Its settings.
    pub const fn settings(&self) -> &Settings {
        &self.settings
    }

    fn change(&self, run: crate::domain::run::Run) -> Change {
        Change::of(run, self.settings.log)
    }
}
