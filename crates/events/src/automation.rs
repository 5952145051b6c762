//! Messages about automation (`events-and-config.md` D4, D6).

use crate::ids::{AutomationRunId, FicheId, ScheduleId};
use crate::{Event, Kind, Message, MessageId};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `automation/run`: carry out a run whose row exists.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AutomationRun {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The run.
    pub run_id: AutomationRunId,
    /// Set by the scheduler's tick.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<DateTime<Utc>>,
}

impl AutomationRun {
    /// Manual: `automation-run-<runId>`; scheduled: `automation-schedule-<scheduleId>-<dueAtMs>`.
    pub fn message(self) -> Message<Self> {
        let id = match self.due_at {
            None => format!("automation-run-{}", self.run_id),
            Some(due_at) => {
                format!(
                    "automation-schedule-{}-{}",
                    self.schedule_id,
                    due_at.timestamp_millis()
                )
            }
        };
        Message::new(MessageId::new(id), self)
    }
}

impl Event for AutomationRun {
    const NAME: &'static str = "automation/run";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Carry out an automation run.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string()]
    }
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RunStatus {
    /// No fiche failed.
    Completed,
    /// Some failed, some succeeded.
    Partial,
    /// All failed.
    Failed,
}

impl RunStatus {
    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Partial => "partial",
            Self::Failed => "failed",
        }
    }
}

/// `automation/completed`: a run ended without an exception.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AutomationCompleted {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The run.
    pub run_id: AutomationRunId,
    /// Outcome.
    pub status: RunStatus,
    /// Successful and failed ones.
    pub total_fiches: i32,
    /// Successful.
    pub successful_fiches: i32,
    /// Failed.
    pub failed_fiches: i32,
    /// Left out, with a reason each.
    pub ignored_fiches: i32,
    /// From start to end.
    pub duration_ms: i64,
    /// Why it ended early.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Days whose sales list could not be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed_dates: Vec<String>,
}

impl AutomationCompleted {
    /// `automation-completed-<runId>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("automation-completed-{}", self.run_id)),
            self,
        )
    }
}

impl Event for AutomationCompleted {
    const NAME: &'static str = "automation/completed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "An automation run ended without an exception.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string()]
    }
}

/// `automation/failed`: a run could not be carried out.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AutomationFailed {
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The run.
    pub run_id: AutomationRunId,
    /// Sanitised text.
    pub error: String,
    /// Why, as a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl AutomationFailed {
    /// `automation-failed-<runId>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("automation-failed-{}", self.run_id)),
            self,
        )
    }
}

impl Event for AutomationFailed {
    const NAME: &'static str = "automation/failed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "An automation run could not be carried out.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string()]
    }
}

/// `automation/item.settled`: one fiche of a run reached its end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ItemSettled {
    /// The run.
    pub run_id: AutomationRunId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// `done`, `failed`, `ignored` or `cancelled`.
    pub state: String,
    /// `fetch`, `transcription` or `audit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_stage: Option<String>,
    /// Class of the failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_code: Option<String>,
}

impl ItemSettled {
    /// `automation-<runId>-settled-<ficheId>`.
    pub fn message(self) -> Message<Self> {
        let id = format!("automation-{}-settled-{}", self.run_id, self.fiche_id);
        Message::new(MessageId::new(id), self)
    }
}

impl Event for ItemSettled {
    const NAME: &'static str = "automation/item.settled";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "One fiche of an automation run reached its end.";

    fn entity(&self) -> Vec<String> {
        vec![self.run_id.to_string(), self.fiche_id.to_string()]
    }
}
