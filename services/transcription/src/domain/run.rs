//! A run, its states and its outcome (A5.8).

use chrono::{DateTime, Utc};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;
use vigie_events::Lane;
use vigie_events::ids::{AutomationRunId, FicheId};
use vigie_events::realtime::transcription::{PartialResults, RunRef};
use vigie_events::transcription::{Priority, RunOutcome};

/// A word that is none of a column's words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown {what} {word:?}")]
pub struct UnknownWord {
    /// Which kind of word.
    pub what: &'static str,
    /// What stands there.
    pub word: String,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Waits for the refresh of its fiche.
    Planned,
    /// Recordings are being transcribed.
    Running,
    /// Ended.
    Ended(RunOutcome),
}

impl RunState {
    /// Database and wire text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Ended(RunOutcome::Completed) => "completed",
            Self::Ended(RunOutcome::Partial) => "partial",
            Self::Ended(RunOutcome::Failed) => "failed",
            Self::Ended(RunOutcome::Skipped) => "skipped",
        }
    }

    /// Whether the run goes on.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Ended(_))
    }
}

impl fmt::Display for RunState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for RunState {
    type Err = UnknownWord;

    fn from_str(text: &str) -> Result<Self, UnknownWord> {
        Ok(match text {
            "planned" => Self::Planned,
            "running" => Self::Running,
            "completed" => Self::Ended(RunOutcome::Completed),
            "partial" => Self::Ended(RunOutcome::Partial),
            "failed" => Self::Ended(RunOutcome::Failed),
            "skipped" => Self::Ended(RunOutcome::Skipped),
            word => {
                return Err(UnknownWord {
                    what: "run state",
                    word: word.to_owned(),
                });
            }
        })
    }
}

/// Who asked for a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A person, or a machine over HTTP.
    Api,
    /// The same, for many fiches at once.
    Batch,
    /// An audit.
    Audit,
    /// An automation run.
    Automation,
}

impl Source {
    /// Database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Batch => "batch",
            Self::Audit => "audit",
            Self::Automation => "automation",
        }
    }

    /// Of a command, by its id.
    pub fn of_command(id: &str) -> Self {
        if id.starts_with("audit-") {
            Self::Audit
        } else if id.starts_with("automation-") {
            Self::Automation
        } else {
            Self::Api
        }
    }

    /// Whether who asks has had the fiche refreshed before: then the run need not.
    pub const fn has_refreshed(self) -> bool {
        matches!(self, Self::Audit | Self::Automation)
    }
}

/// Reads a priority as stored.
pub fn priority(text: &str) -> Result<Priority, UnknownWord> {
    [Priority::High, Priority::Normal, Priority::Low]
        .into_iter()
        .find(|priority| priority.as_str() == text)
        .ok_or_else(|| UnknownWord {
            what: "priority",
            word: text.to_owned(),
        })
}

/// A run under its row lock.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its id.
    pub run_id: Uuid,
    /// The fiche.
    pub fiche: FicheId,
    /// Its row in the cache, once known.
    pub fiche_cache_id: Option<i64>,
    /// As asked by the first request.
    pub priority: Priority,
    /// Where its work waits.
    pub lane: Lane,
    /// Transcribe again what is transcribed.
    pub force: bool,
    /// `ce-id` of every command served.
    pub request_ids: Vec<String>,
    /// The automation run that started it.
    pub automation_run: Option<AutomationRunId>,
    /// Where it stands.
    pub state: RunState,
    /// Why it ended early.
    pub reason: Option<String>,
    /// Number of the last realtime message.
    pub sequence: i64,
    /// Counts.
    pub counts: Counts,
    /// How often the refresh was asked for.
    pub sends: i32,
    /// Whether some batch counts it.
    pub batched: bool,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When it was planned.
    pub started_at: Option<DateTime<Utc>>,
    /// The database's time at the lock.
    pub now: DateTime<Utc>,
}

/// The numbers of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Recordings of the fiche.
    pub total: i32,
    /// Transcribed before the run.
    pub already: i32,
    /// Recordings the run is about.
    pub target: i32,
    /// Settled, one way or the other.
    pub processed: i32,
    /// Of these, found transcribed.
    pub cached: i32,
    /// Of these, failed or abandoned.
    pub failed: i32,
}

impl Counts {
    /// Recordings of the fiche that have a transcript.
    pub const fn transcribed(self) -> i32 {
        self.already + self.processed - self.failed
    }

    /// Transcribed by this run.
    pub const fn newly_transcribed(self) -> i32 {
        self.processed - self.failed - self.cached
    }

    /// Neither transcribed nor failed.
    pub const fn pending(self) -> i32 {
        let pending = self.total - self.transcribed() - self.failed;
        if pending > 0 { pending } else { 0 }
    }

    /// Transcribed recordings of a hundred; 100 when there are none.
    pub const fn percentage(self) -> i32 {
        percentage(self.transcribed(), self.total)
    }

    /// Whether every recording is settled.
    pub const fn is_done(self) -> bool {
        self.processed >= self.target
    }

    /// How a run with these numbers ends.
    pub const fn outcome(self) -> RunOutcome {
        if self.target == 0 {
            RunOutcome::Skipped
        } else if self.failed == 0 {
            RunOutcome::Completed
        } else if self.failed < self.target {
            RunOutcome::Partial
        } else {
            RunOutcome::Failed
        }
    }

    /// As given-up runs show them.
    pub const fn partial(self) -> PartialResults {
        PartialResults {
            total: self.total,
            transcribed: self.transcribed(),
            failed: self.failed,
        }
    }
}

/// Rounded half up; 100 of nothing.
pub const fn percentage(part: i32, whole: i32) -> i32 {
    if whole <= 0 {
        100
    } else {
        (part * 200 + whole) / (whole * 2)
    }
}

impl Run {
    /// As realtime payloads name it.
    pub fn reference(&self) -> RunRef {
        RunRef {
            fiche_id: self.fiche.clone(),
            run_id: self.run_id,
        }
    }

    /// Seconds since it was asked for.
    pub fn age_seconds(&self) -> f64 {
        (self.now - self.created_at).as_seconds_f64().max(0.0)
    }

    /// From its start to now.
    pub fn duration_ms(&self) -> i64 {
        let since = self.started_at.unwrap_or(self.created_at);
        (self.now - since).num_milliseconds().max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(target: i32, failed: i32) -> Counts {
        Counts {
            total: target + 1,
            already: 1,
            target,
            processed: target,
            failed,
            ..Counts::default()
        }
    }

    #[test]
    fn the_outcome_follows_from_the_failures() {
        assert_eq!(counts(3, 0).outcome(), RunOutcome::Completed);
        assert_eq!(counts(3, 2).outcome(), RunOutcome::Partial);
        assert_eq!(counts(3, 3).outcome(), RunOutcome::Failed);
        assert_eq!(counts(0, 0).outcome(), RunOutcome::Skipped);
    }

    #[test]
    fn failures_are_not_pending() {
        let counts = Counts {
            total: 5,
            already: 1,
            target: 4,
            processed: 3,
            cached: 1,
            failed: 1,
        };
        assert_eq!(counts.transcribed(), 3);
        assert_eq!(counts.pending(), 1);
        assert_eq!(counts.newly_transcribed(), 1);
        assert_eq!(counts.percentage(), 60);
        assert!(!counts.is_done());
    }

    #[test]
    fn percentages_are_rounded() {
        assert_eq!(percentage(0, 0), 100);
        assert_eq!(percentage(1, 3), 33);
        assert_eq!(percentage(2, 3), 67);
        assert_eq!(percentage(1, 2), 50);
        assert_eq!(percentage(1, 8), 13);
    }

    #[test]
    fn states_are_read_as_written() {
        for word in [
            "planned",
            "running",
            "completed",
            "partial",
            "failed",
            "skipped",
        ] {
            assert_eq!(word.parse::<RunState>().unwrap().as_str(), word);
        }
        assert!("open".parse::<RunState>().is_err());
    }

    #[test]
    fn a_command_tells_who_asks() {
        assert_eq!(Source::of_command("audit-9-transcribe"), Source::Audit);
        let automation = Source::of_command("automation-3-transcribe-44");
        assert_eq!(automation, Source::Automation);
        assert_eq!(Source::of_command("transcribe-44-17"), Source::Api);
    }
}
