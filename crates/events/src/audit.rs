//! Messages about audits (`events-and-config.md` D3).

use crate::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId, ScheduleId, TrackingId};
use crate::rerun::RerunRef;
use crate::{Event, Kind, Lane, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vigie_scorecard::StepResult;

/// The model that results of the built-in engine name; also the version of its rules.
pub const LEXICAL_MODEL: &str = "lexical-1";

/// `audit/run`: audit a fiche. Its `ce-id` is the audit's tracking id.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditRun {
    /// The fiche.
    pub fiche_id: FicheId,
    /// The configuration, as a number.
    pub audit_config_id: i64,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Linkage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_schedule_id: Option<ScheduleId>,
    /// Linkage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
    /// `api`, `batch`, `automation` or the caller's own word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_source: Option<String>,
    /// Transcript tools mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_rlm: Option<bool>,
    /// The row, where the request inserted it; absent from automation: handling inserts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_db_id: Option<AuditId>,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
}

impl AuditRun {
    /// The command under its tracking id.
    pub fn message(self, tracking: &TrackingId, lane: Lane) -> Message<Self> {
        Message::in_lane(MessageId::new(tracking.as_str()), lane, self)
    }
}

impl Event for AuditRun {
    const NAME: &'static str = "audit/run";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Audit a fiche with a configuration.";

    fn entity(&self) -> Vec<String> {
        vec![self.fiche_id.to_string()]
    }
}

/// `audit/step.analyze`: analyse one step. Carries ids only: prompts and transcripts are read over
/// gRPC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepAnalyze {
    /// The audit.
    pub audit_db_id: AuditId,
    /// Its tracking id.
    pub audit_id: TrackingId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// The configuration.
    pub audit_config_id: i64,
    /// From 1.
    pub step_position: i32,
    /// Transcript tools mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_rlm: Option<bool>,
    /// From 1; raised each time the step was deferred.
    pub attempt: u32,
    /// The re-run it is analysed for.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunRef>,
}

impl StepAnalyze {
    /// `audit-step-<auditDbId>-<position>` or `<rerun_id>-analyze`, whatever the attempt.
    pub fn message(self, lane: Lane) -> Message<Self> {
        let id = match &self.rerun {
            Some(rerun) => format!("{}-analyze", rerun.rerun_id),
            None => format!("audit-step-{}-{}", self.audit_db_id, self.step_position),
        };
        Message::in_lane(MessageId::new(id), lane, self)
    }
}

impl Event for StepAnalyze {
    const NAME: &'static str = "audit/step.analyze";
    const KIND: Kind = Kind::LanedCommand;
    const ABOUT: &'static str = "Analyse one step of an audit.";

    fn entity(&self) -> Vec<String> {
        step_entity(self.audit_db_id, self.step_position, self.rerun.as_ref())
    }
}

/// Audit, position and re-run: each re-run has a subject of its own.
fn step_entity(audit: AuditId, position: i32, rerun: Option<&RerunRef>) -> Vec<String> {
    let rerun = rerun.map(|rerun| rerun.rerun_id.clone());
    let place = [audit.to_string(), position.to_string()];
    place.into_iter().chain(rerun).collect()
}

/// One model call made for a step: a spend row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ModelCall {
    /// `openai` or `lexical`.
    pub engine: String,
    /// The model that answered.
    pub model: String,
    /// Tokens of the prompt, cached ones included.
    pub prompt_tokens: i64,
    /// Of these, served from the provider's cache.
    pub cached_tokens: i64,
    /// Tokens of the answer.
    pub completion_tokens: i64,
    /// Duration of the call.
    pub latency_ms: i64,
    /// Whether it gave an answer.
    pub ok: bool,
}

/// `audit/step.analyzed`: a step was analysed, or failed for good.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepAnalyzed {
    /// The audit.
    pub audit_db_id: AuditId,
    /// Its tracking id.
    pub audit_id: TrackingId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// The configuration.
    pub audit_config_id: i64,
    /// From 1.
    pub step_position: i32,
    /// Whether `result` is there.
    pub ok: bool,
    /// Why not; sanitised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Transcript tools mode as it was really used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_rlm: Option<bool>,
    /// As in the command.
    pub attempt: u32,
    /// How often the command had been delivered.
    pub delivery: u32,
    /// `openai` or `lexical`.
    pub engine: String,
    /// The model.
    pub model: String,
    /// Version of the prompt template.
    pub prompt_version: String,
    /// SHA-256 of the timeline judged, hexadecimal.
    pub transcript_hash: String,
    /// The answer; absent when `ok` is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<StepResult>,
    /// Every call made, failed ones included.
    #[serde(default)]
    pub calls: Vec<ModelCall>,
    /// The re-run it was analysed for.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub rerun: Option<RerunRef>,
}

impl StepAnalyzed {
    /// `audit-step-analyzed-<auditDbId>-<position>` or `<rerun_id>-analyzed`.
    pub fn message(self) -> Message<Self> {
        let id = match &self.rerun {
            Some(rerun) => format!("{}-analyzed", rerun.rerun_id),
            None => format!(
                "audit-step-analyzed-{}-{}",
                self.audit_db_id, self.step_position
            ),
        };
        Message::new(MessageId::new(id), self)
    }
}

impl Event for StepAnalyzed {
    const NAME: &'static str = "audit/step.analyzed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A step was analysed, or failed for good.";

    fn entity(&self) -> Vec<String> {
        step_entity(self.audit_db_id, self.step_position, self.rerun.as_ref())
    }
}

/// `audit/step.deferred`: the provider is down; the step is to be sent again later.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct StepDeferred {
    /// The command that was put off.
    #[serde(flatten)]
    pub step: StepAnalyze,
    /// Why; sanitised.
    pub reason: String,
    /// How long to wait before `attempt + 1`.
    pub retry_after_ms: i64,
    /// Every call made before it was put off, failed ones included.
    #[serde(default)]
    pub calls: Vec<ModelCall>,
}

impl StepDeferred {
    /// `audit-step-deferred-<auditDbId>-<position>-<attempt>` or `<rerun_id>-deferred-<attempt>`.
    pub fn message(self) -> Message<Self> {
        let step = &self.step;
        let id = match &step.rerun {
            Some(rerun) => format!("{}-deferred-{}", rerun.rerun_id, step.attempt),
            None => format!(
                "audit-step-deferred-{}-{}-{}",
                step.audit_db_id, step.step_position, step.attempt
            ),
        };
        Message::new(MessageId::new(id), self)
    }
}

impl Event for StepDeferred {
    const NAME: &'static str = "audit/step.deferred";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "The model is unavailable; the step is to be sent again later.";

    fn entity(&self) -> Vec<String> {
        self.step.entity()
    }
}

/// `audit/completed`: an audit has its score.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditCompleted {
    /// The fiche.
    pub fiche_id: FicheId,
    /// The **database** id, by legacy.
    pub audit_id: AuditId,
    /// The database id.
    pub audit_db_id: AuditId,
    /// The tracking id.
    pub audit_tracking_id: TrackingId,
    /// The configuration.
    pub audit_config_id: i64,
    /// Per cent, 0 to 100, two decimals.
    pub score: f64,
    /// Level.
    pub niveau: String,
    /// From the audit's start to its end.
    pub duration_ms: i64,
    /// Transcript tools mode.
    pub use_rlm: bool,
    /// `complete` or `incomplete`.
    pub completeness: String,
    /// `openai` or `lexical`.
    pub engine: String,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The automation run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl AuditCompleted {
    /// `audit-completed-<auditDbId>`.
    pub fn message(self) -> Message<Self> {
        Message::new(
            MessageId::new(format!("audit-completed-{}", self.audit_db_id)),
            self,
        )
    }
}

impl Event for AuditCompleted {
    const NAME: &'static str = "audit/completed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "An audit has its score.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_db_id.to_string()]
    }
}

/// Where an audit failed (`audits.md` 1.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FailureStage {
    /// The CRM does not know the fiche.
    FicheNotFound,
    /// No usable recording.
    MissingTranscription,
    /// The configuration cannot be used.
    ConfigInvalid,
    /// The fiche could not be fetched or transcribed.
    PrerequisiteError,
    /// Every step failed for technical reasons.
    AllStepsFailed,
    /// The deadline passed without a single real result.
    WatchdogTimeout,
    /// Finalising failed.
    FinalizationError,
    /// A person cancelled it.
    Cancelled,
}

impl FailureStage {
    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FicheNotFound => "fiche_not_found",
            Self::MissingTranscription => "missing_transcription",
            Self::ConfigInvalid => "config_invalid",
            Self::PrerequisiteError => "prerequisite_error",
            Self::AllStepsFailed => "all_steps_failed",
            Self::WatchdogTimeout => "watchdog_timeout",
            Self::FinalizationError => "finalization_error",
            Self::Cancelled => "cancelled",
        }
    }
}

/// `audit/failed`: an audit ended without a score.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct AuditFailed {
    /// The fiche.
    pub fiche_id: FicheId,
    /// The configuration.
    pub audit_config_id: i64,
    /// Sanitised text.
    pub error: String,
    /// Always 0, by legacy.
    pub retry_count: u32,
    /// The database id; absent where the request could not become an audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audit_db_id: Option<AuditId>,
    /// The tracking id.
    pub audit_tracking_id: TrackingId,
    /// Where it failed.
    pub stage: FailureStage,
    /// The batch it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_id: Option<String>,
    /// The automation run it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automation_run_id: Option<AutomationRunId>,
}

impl AuditFailed {
    /// `audit-failed-<auditDbId>`, or `audit-failed-<trackingId>` where there is no row.
    pub fn message(self) -> Message<Self> {
        Message::new(MessageId::new(format!("audit-failed-{}", self.key())), self)
    }

    /// Database id, else tracking id.
    fn key(&self) -> String {
        self.audit_db_id
            .map_or_else(|| self.audit_tracking_id.to_string(), |id| id.to_string())
    }
}

impl Event for AuditFailed {
    const NAME: &'static str = "audit/failed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "An audit ended without a score.";

    fn entity(&self) -> Vec<String> {
        vec![self.key()]
    }
}

impl From<AuditConfigId> for i64 {
    fn from(id: AuditConfigId) -> Self {
        id.get()
    }
}
