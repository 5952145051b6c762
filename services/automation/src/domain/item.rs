//! The state machine of one fiche of a run (`automation-and-transcription.md` B7.6).

use std::fmt;
use std::str::FromStr;
use vigie_events::ids::{AuditConfigId, FicheId};
use vigie_events::realtime::automation::ItemCounters;

/// Where a fiche stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemState {
    /// Waits for a slot, then for its details.
    Selected,
    /// Waits for transcripts.
    Fetched,
    /// Ready for audits; never rests here.
    Transcribed,
    /// Waits for audits.
    Auditing,
    /// Everything asked for was done.
    Done,
    /// Something failed for good.
    Failed,
    /// Left out, with a reason.
    Ignored,
    /// Closed by a cancellation.
    Cancelled,
}

/// A text that is no state.
#[derive(Debug, thiserror::Error)]
#[error("unknown item state")]
pub struct UnknownState;

impl ItemState {
    /// Every state, in the order of the way.
    pub const ALL: [Self; 8] = [
        Self::Selected,
        Self::Fetched,
        Self::Transcribed,
        Self::Auditing,
        Self::Done,
        Self::Failed,
        Self::Ignored,
        Self::Cancelled,
    ];

    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Selected => "selected",
            Self::Fetched => "fetched",
            Self::Transcribed => "transcribed",
            Self::Auditing => "auditing",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Ignored => "ignored",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing moves it any more.
    pub const fn is_final(self) -> bool {
        matches!(
            self,
            Self::Done | Self::Failed | Self::Ignored | Self::Cancelled
        )
    }

    /// The stage that a failure in this state is of.
    pub const fn stage(self) -> Stage {
        match self {
            Self::Selected => Stage::Fetch,
            Self::Fetched => Stage::Transcription,
            _ => Stage::Audit,
        }
    }

    /// The counter of this state.
    pub const fn counter(self, counters: &mut ItemCounters) -> &mut i32 {
        match self {
            Self::Selected => &mut counters.selected,
            Self::Fetched => &mut counters.fetched,
            Self::Transcribed => &mut counters.transcribed,
            Self::Auditing => &mut counters.auditing,
            Self::Done => &mut counters.done,
            Self::Failed => &mut counters.failed,
            Self::Ignored => &mut counters.ignored,
            Self::Cancelled => &mut counters.cancelled,
        }
    }
}

impl fmt::Display for ItemState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for ItemState {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or(UnknownState)
    }
}

/// Where a fiche failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Its details.
    Fetch,
    /// Its recordings.
    Transcription,
    /// Its audits.
    Audit,
}

impl Stage {
    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Transcription => "transcription",
            Self::Audit => "audit",
        }
    }
}

/// Fiches that are not closed.
pub const fn open(counters: &ItemCounters) -> i32 {
    counters.selected + counters.fetched + counters.transcribed + counters.auditing
}

/// Fiches of the run.
pub const fn total(counters: &ItemCounters) -> i32 {
    open(counters) + counters.done + counters.failed + counters.ignored + counters.cancelled
}

/// A fiche of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The fiche.
    pub fiche: FicheId,
    /// Where it stands.
    pub state: ItemState,
    /// Retries of the present state.
    pub attempt: u32,
    /// Recordings, once fetched.
    pub recordings: Option<i32>,
    /// Whether its deadline has passed.
    pub overdue: bool,
}

/// One audit of a fiche.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemAudit {
    /// The configuration.
    pub config: AuditConfigId,
    /// Whether it ended, and how.
    pub end: Option<AuditEnd>,
    /// Retries, from 0.
    pub attempt: u32,
}

/// How an audit ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuditEnd {
    /// With a score.
    Completed,
    /// Without; the audit's own error.
    Failed(String),
}

/// Why a fiche is left out (B8.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ignored {
    /// The CRM does not know it.
    NotFound,
    /// Its groupe was not asked for.
    Groupe(String),
    /// It has no groupe, and groupes were asked for.
    NoGroupe,
    /// Over the ceiling.
    TooMany {
        /// Its recordings.
        count: i32,
        /// The ceiling.
        max: i32,
    },
    /// Nothing to transcribe or audit.
    NoRecordings,
    /// Another one failed and `continueOnError` is off.
    Skipped,
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => f.write_str("Fiche not found (404)"),
            Self::Groupe(groupe) => write!(f, "Groupe not selected ({groupe})"),
            Self::NoGroupe => f.write_str("Missing groupe"),
            Self::TooMany { count, max } => write!(f, "Too many recordings ({count} > {max})"),
            Self::NoRecordings => f.write_str("No recordings"),
            Self::Skipped => f.write_str("Skipped (continueOnError=false)"),
        }
    }
}

/// Why a fiche failed (B8.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemFailure {
    /// For a person.
    pub error: String,
    /// Where.
    pub stage: Stage,
    /// As a word.
    pub code: &'static str,
}

impl ItemFailure {
    /// The deadline of a state has passed.
    pub fn overdue(state: ItemState) -> Self {
        let error = match state {
            ItemState::Selected => "Fiche details not fetched (cache incomplete)",
            ItemState::Fetched => "Transcription incomplete (timeout/stall)",
            _ => "Audit incomplete (timeout/stall)",
        };
        Self {
            error: error.to_owned(),
            stage: state.stage(),
            code: "TIMEOUT",
        }
    }
}

/// What becomes of a fiche.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it does not wait for this.
    Stay,
    /// The same step once more.
    Retry,
    /// Transcripts are asked for.
    Transcribe,
    /// Audits are asked for.
    Audit,
    /// It is done.
    Done,
    /// It is left out.
    Ignore(Ignored),
    /// It failed.
    Fail(ItemFailure),
}

impl Next {
    /// The same in a run that sends nothing any more.
    #[must_use]
    pub fn when_halted(self, halted: bool) -> Self {
        match self {
            Self::Retry | Self::Transcribe | Self::Audit if halted => {
                Self::Ignore(Ignored::Skipped)
            }
            other => other,
        }
    }
}
