//! An audit as its workflow sees it.

use chrono::{DateTime, Utc};
use std::fmt;
use std::str::FromStr;
use vigie_events::Lane;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId, ScheduleId, TrackingId};
use vigie_events::realtime::audit::{Approach, AuditRef};

/// The engine that can search transcripts by tools.
const TOOL_ENGINE: &str = "openai";

/// Whether an audit that asks for transcript tools gets them: other engines read all of a
/// transcript, and that is told (4.7).
pub fn uses_tools(asked: bool, engine: &str) -> bool {
    asked && engine == TOOL_ENGINE
}

/// Where an audit stands (`audits.md` 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Waits for its `audit/run`.
    Queued,
    /// Waits for `fiche/fetched`.
    Fetching,
    /// Waits for `fiche/transcribed`.
    Transcribing,
    /// Waits for its steps.
    Analyzing,
    /// Scored.
    Completed,
    /// Ended without a score.
    Failed,
}

/// A stored word that is no phase.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown phase {0:?}")]
pub struct UnknownPhase(String);

impl Phase {
    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Fetching => "fetching",
            Self::Transcribing => "transcribing",
            Self::Analyzing => "analyzing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// Whether nothing moves it any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        match text {
            "queued" => Ok(Self::Queued),
            "fetching" => Ok(Self::Fetching),
            "transcribing" => Ok(Self::Transcribing),
            "analyzing" => Ok(Self::Analyzing),
            "completed" => Ok(Self::Completed),
            "failed" => Ok(Self::Failed),
            other => Err(UnknownPhase(other.to_owned())),
        }
    }
}

/// The columns that decide what happens next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Database id.
    pub id: AuditId,
    /// Tracking id: the `ce-id` of its `audit/run`.
    pub tracking: TrackingId,
    /// The fiche.
    pub fiche: FicheId,
    /// The configuration.
    pub config: AuditConfigId,
    /// Where it stands.
    pub phase: Phase,
    /// Who waits for it.
    pub lane: Lane,
    /// Transcript tools mode, if its engine has it.
    pub use_rlm: bool,
    /// Number of its last realtime message.
    pub sequence: i64,
    /// How often the phase's work was sent.
    pub sends: i32,
    /// When it left the queue.
    pub started_at: Option<DateTime<Utc>>,
    /// Expected steps, known from `analyzing` on.
    pub total_steps: Option<i32>,
    /// SHA-256 of its timeline, known from `analyzing` on.
    pub transcript_hash: Option<String>,
    /// `api`, `batch`, `automation` or the caller's word.
    pub trigger_source: Option<String>,
    /// Who asked.
    pub trigger_user: Option<String>,
    /// The batch it belongs to.
    pub batch: Option<String>,
    /// The schedule it belongs to.
    pub schedule: Option<ScheduleId>,
    /// The automation run it belongs to.
    pub automation_run: Option<AutomationRunId>,
    /// The database's clock when the row was locked.
    pub now: DateTime<Utc>,
}

impl Audit {
    /// The audit as realtime messages name it, in the phase it reaches.
    pub fn reference(&self, phase: Phase) -> AuditRef {
        AuditRef {
            audit_id: self.tracking.clone(),
            audit_db_id: self.id,
            fiche_id: self.fiche.clone(),
            event_id: Some(self.tracking.to_string()),
            approach: Some(self.approach()),
            phase: phase.to_string(),
        }
    }

    /// How its transcript is read.
    pub const fn approach(&self) -> Approach {
        Approach::of(self.use_rlm)
    }

    /// Milliseconds since it left the queue.
    pub fn duration_ms(&self) -> i64 {
        let started = self.started_at.unwrap_or(self.now);
        (self.now - started).num_milliseconds().max(0)
    }
}
