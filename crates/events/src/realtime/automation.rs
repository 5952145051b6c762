//! Payloads of `automation.run.*` events (`events-and-config.md` E4).

use super::{Channel, RealtimeEvent};
use crate::automation::RunStatus;
use crate::ids::{AutomationRunId, ScheduleId};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which run a message is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RunRef {
    /// `automation-run-<run_id>`.
    pub job_id: String,
    /// The schedule.
    pub schedule_id: ScheduleId,
    /// The run.
    pub run_id: AutomationRunId,
}

impl RunRef {
    /// The reference of a run.
    pub fn of(schedule_id: ScheduleId, run_id: AutomationRunId) -> Self {
        Self {
            job_id: format!("automation-run-{run_id}"),
            schedule_id,
            run_id,
        }
    }

    /// The schedule's own channel, which shows starts and ends.
    pub fn schedule_channel(&self) -> Channel {
        Channel::job(&format!("automation-schedule-{}", self.schedule_id))
    }
}

/// `running`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum IsRunning {
    /// The only word.
    #[default]
    #[serde(rename = "running")]
    Only,
}

/// `failed`, always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum RunIsFailed {
    /// The only word.
    #[default]
    #[serde(rename = "failed")]
    Only,
}

/// The run's row exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStarted {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// When it was due; null by hand.
    pub due_at: Option<DateTime<Utc>>,
    /// Always the same word.
    pub status: IsRunning,
}

/// The fiches of the run are known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunSelection {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// `date_range`, `manual` or `filter`.
    pub mode: String,
    /// Which days.
    #[serde(rename = "dateRange")]
    pub date_range: Option<String>,
    /// Groupes asked for, when at most ten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groupes: Option<Vec<String>>,
    /// How many groupes.
    pub groupes_count: i32,
    /// Fiches without recordings are left out.
    #[serde(rename = "onlyWithRecordings")]
    pub only_with_recordings: bool,
    /// Audited fiches are left out.
    #[serde(rename = "onlyUnaudited")]
    pub only_unaudited: bool,
    /// Audits use transcript tools.
    #[serde(rename = "useRlm")]
    pub use_rlm: bool,
    /// Most fiches of the run.
    #[serde(rename = "maxFiches")]
    pub max_fiches: Option<i32>,
    /// Ceiling asked for.
    #[serde(rename = "maxRecordingsPerFiche")]
    pub max_recordings_per_fiche: Option<i32>,
    /// Fiches of the run.
    pub total_fiches: i32,
}

/// Fiches of a run by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ItemCounters {
    /// Wait for a slot or for their details.
    pub selected: i32,
    /// Wait for transcripts.
    pub fetched: i32,
    /// About to be audited.
    pub transcribed: i32,
    /// Wait for audits.
    pub auditing: i32,
    /// Succeeded.
    pub done: i32,
    /// Failed.
    pub failed: i32,
    /// Left out.
    pub ignored: i32,
    /// Closed by a cancellation.
    pub cancelled: i32,
}

/// How far the run is; at most one every two seconds, and one a phase change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunProgress {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// `selection`, `processing` or `finalizing`.
    pub phase: String,
    /// Fiches of the run.
    pub total: i32,
    /// By state.
    #[serde(flatten)]
    pub counters: ItemCounters,
    /// Audits ended.
    pub audits_done: i32,
    /// Audits asked for so far.
    pub audits_total: i32,
    /// Closed fiches of all, 0 to 100.
    pub progress_percentage: i32,
}

/// The run ended without an exception.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCompleted {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// Outcome.
    pub status: RunStatus,
    /// Successful and failed ones.
    pub total_fiches: i32,
    /// Successful.
    pub successful_fiches: i32,
    /// Failed.
    pub failed_fiches: i32,
    /// Left out.
    pub ignored_fiches: i32,
    /// Recordings newly transcribed.
    pub transcriptions_run: i32,
    /// Audits ended.
    pub audits_run: i32,
    /// Of these, failed.
    pub audits_failed: i32,
    /// From start to end.
    pub duration_ms: i64,
    /// Why it ended early or without work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// The run could not be carried out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunFailed {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// Always the same word.
    pub status: RunIsFailed,
    /// Sanitised text.
    pub error: String,
    /// From start to end.
    pub duration_ms: i64,
}

/// A person ended the run; in place of `automation.run.completed`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunCancelled {
    /// The run.
    #[serde(flatten)]
    pub run: RunRef,
    /// Outcome.
    pub status: RunStatus,
    /// Who cancelled it.
    pub actor_id: String,
    /// `cancelled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Fiches by state.
    pub counters: ItemCounters,
}

macro_rules! named {
    ($($type:ident = $name:literal),* $(,)?) => {
        $(impl RealtimeEvent for $type {
            const NAME: &'static str = $name;
        })*
    };
}

named! {
    RunStarted = "automation.run.started",
    RunSelection = "automation.run.selection",
    RunProgress = "automation.run.progress",
    RunCompleted = "automation.run.completed",
    RunFailed = "automation.run.failed",
    RunCancelled = "automation.run.cancelled",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::realtime::{Entity, Realtime};

    #[test]
    fn starts_are_shown_on_both_channels() {
        let run = RunRef::of(ScheduleId::new(31), AutomationRunId::new(508));
        let also = [run.schedule_channel()];
        let message = RunStarted {
            run,
            due_at: None,
            status: IsRunning::Only,
        };
        let entity = Entity::AutomationRun("508".to_owned());
        let realtime = Realtime::new(&entity, 1, &message, &also).unwrap();
        let expected = serde_json::json!({
            "job_id": "automation-run-508", "schedule_id": "31", "run_id": "508",
            "due_at": null, "status": "running", "sequence": 1
        });
        assert_eq!(realtime.payload, expected);
        let channels: Vec<_> = realtime.channels.iter().map(ToString::to_string).collect();
        assert_eq!(
            channels,
            ["job-automation-run-508", "job-automation-schedule-31"]
        );
    }
}
