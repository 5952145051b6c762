//! The run workflow: each function moves a locked run on, inside its caller's transaction, with the
//! messages that the move causes. Consumers, requests and the sweeper share it.

mod answers;
mod apply;
mod begin;
mod end;
mod repair;
mod turn;

pub use answers::{AuditAnswer, Transcribed};
pub use begin::Known;
pub use repair::{Tracked, TrackedAudits};

use crate::store::slots::Limits;
use std::sync::Arc;
use std::time::Duration;

/// Why a run could not be moved on. All of these may pass with time.
#[derive(Debug, thiserror::Error)]
pub enum WorkflowError {
    /// The database refused.
    #[error("database failed")]
    Store(#[from] sqlx::Error),
    /// A message could not be sent.
    #[error("message could not be sent")]
    Outbox(#[from] vigie_bus::OutboxError),
    /// A payload could not be written.
    #[error("payload could not be encoded")]
    Encode(#[from] serde_json::Error),
    /// The stored selection cannot be read.
    #[error("the run's selection cannot be read")]
    Selection,
}

/// What the installation decides about runs (F7).
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Wait for details.
    pub details_wait: Duration,
    /// Wait for transcripts.
    pub transcription_wait: Duration,
    /// Wait for audits.
    pub audit_wait: Duration,
    /// Time of a whole run.
    pub run_deadline: Duration,
    /// Fiches under way at once.
    pub limits: Limits,
    /// Recordings ceiling where the selection has none; 0 is unset.
    pub max_recordings: i32,
}

/// Moves runs on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workflow {
    settings: Arc<Settings>,
}

impl Workflow {
    /// A workflow under these settings.
    pub fn new(settings: Settings) -> Self {
        Self {
            settings: Arc::new(settings),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }
}
