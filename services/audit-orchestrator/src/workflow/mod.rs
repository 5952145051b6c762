//! The audit workflow: each function moves locked audits on, inside its caller's transaction, with
//! the messages that the move causes. Consumers, requests and the sweeper share it.

mod analyze;
mod batch;
mod batch_cancel;
mod begin;
mod contexts;
mod fail;
mod finish;
mod prerequisites;
mod recompute;
mod record;
mod rerun;
mod rescore;
mod watch;

pub use batch::BatchWish;
pub use batch_cancel::{BatchEnd, CancelError};
pub use contexts::Contexts;
pub use prerequisites::FetchedFiche;
pub use recompute::{Rejudged, Touched, judge};
pub use record::Answers;
pub use rescore::Move;

use crate::domain::answer::Origin;
use crate::domain::pace::Pace;
use crate::domain::prices::ModelPrices;
use crate::domain::window::StepWindow;
use std::sync::Arc;
use std::time::Duration;
use vigie_events::Lane;
use vigie_events::ids::AuditConfigId;
use vigie_scorecard::EvidenceRules;

/// Why an audit could not be moved on. All of these may pass with time.
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
}

/// What the installation decides about audits.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `openai` or `lexical`.
    pub engine: String,
    /// The model shown in `audit.analysis_started`.
    pub model: String,
    /// How quotes are verified.
    pub evidence: EvidenceRules,
    /// Steps of one audit on their way at once.
    pub window: StepWindow,
    /// Tokens one audit may spend; 0 is no limit.
    pub max_tokens: i64,
    /// How long audits may take.
    pub deadlines: Deadlines,
    /// What model calls cost.
    pub prices: ModelPrices,
    /// Whether `workflow_logs` is written.
    pub log: bool,
    /// What concerns batches.
    pub batches: Batches,
    /// How often one person may ask for audits and re-runs; none is no limit.
    pub pace: Option<Pace>,
}

/// What the installation decides about batches.
#[derive(Debug, Clone, Copy)]
pub struct Batches {
    /// `AUDIT_DEFAULT_CONFIG_ID`: the configuration of batches that name none; else the latest.
    pub config: Option<AuditConfigId>,
    /// `AUDIT_BATCH_STATE_TTL_SECONDS`: how long ended ones are kept.
    pub keep: Duration,
}

impl Default for Batches {
    fn default() -> Self {
        Self {
            config: None,
            keep: Duration::from_secs(6 * 3600),
        }
    }
}

/// `AUDIT_DEADLINE_SECONDS` by lane, and the wait in the queue.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// After the start, asked by a person.
    pub interactive: Duration,
    /// After the start, asked by a schedule or batch.
    pub bulk: Duration,
    /// After the creation, while queued.
    pub queued: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        let day = Duration::from_secs(24 * 3600);
        Self {
            interactive: Duration::from_secs(3600),
            bulk: day,
            queued: day,
        }
    }
}

impl Deadlines {
    const fn of(&self, lane: Lane) -> Duration {
        match lane {
            Lane::Interactive => self.interactive,
            Lane::Bulk => self.bulk,
        }
    }
}

/// Moves audits on. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Workflow {
    settings: Arc<Settings>,
    contexts: Contexts,
}

impl Workflow {
    /// A workflow under these settings.
    pub fn new(settings: Settings) -> Self {
        let settings = Settings {
            window: settings.window.within_budget(settings.max_tokens),
            ..settings
        };
        Self {
            settings: Arc::new(settings),
            contexts: Contexts::default(),
        }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Who judged where nobody did.
    fn nobody(&self) -> Origin {
        Origin {
            engine: self.settings.engine.clone(),
            model: self.settings.model.clone(),
            prompt_version: String::new(),
        }
    }
}
