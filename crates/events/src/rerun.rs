//! Messages about re-runs of steps and of control points (`events-and-config.md` D3).

use crate::ids::AuditId;
use crate::{Event, Kind, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is analysed again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RerunScope {
    /// The whole step.
    Step,
    /// One control point of it.
    ControlPoint,
}

/// The re-run that a step is analysed for; absent in the audit's own run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RerunRef {
    /// `rerun-<auditDbId>-<position>-…`.
    pub rerun_id: String,
    /// What is analysed again.
    pub rerun_scope: RerunScope,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_point_index: Option<i32>,
}

/// How a re-run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RerunStatus {
    /// Its result is stored.
    Done,
    /// It gave none; everything stays as it was.
    Failed,
}

/// `audit/step-rerun`: analyse a step again. What the user asks for stands in the database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepRerun {
    /// The **database** id.
    pub audit_id: AuditId,
    /// From 1.
    pub step_position: i32,
    /// The re-run.
    pub rerun_id: String,
}

impl StepRerun {
    /// The command under its event id.
    pub fn message(self, event_id: &str) -> Message<Self> {
        Message::new(MessageId::new(event_id), self)
    }
}

impl Event for StepRerun {
    const NAME: &'static str = "audit/step-rerun";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Analyse a step of a completed audit again.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_id.to_string(), self.step_position.to_string()]
    }
}

/// `audit/step-control-point-rerun`: analyse a control point again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlPointRerun {
    /// The **database** id.
    pub audit_id: AuditId,
    /// From 1.
    pub step_position: i32,
    /// From 1.
    pub control_point_index: i32,
    /// The re-run.
    pub rerun_id: String,
}

impl ControlPointRerun {
    /// The command under its event id.
    pub fn message(self, event_id: &str) -> Message<Self> {
        Message::new(MessageId::new(event_id), self)
    }
}

impl Event for ControlPointRerun {
    const NAME: &'static str = "audit/step-control-point-rerun";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Analyse a control point of a completed audit again.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_id.to_string(), self.step_position.to_string()]
    }
}

/// `audit/step-rerun-completed`: a re-run of a step has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StepRerunCompleted {
    /// The **database** id.
    pub audit_id: AuditId,
    /// From 1.
    pub step_position: i32,
    /// Of the AI, before.
    pub original_score: i32,
    /// Of the AI, after.
    pub new_score: i32,
    /// Whether they differ.
    pub score_changed: bool,
    /// Whether the conformity differs.
    pub conforme_changed: bool,
    /// The re-run.
    pub rerun_id: String,
    /// How it ended.
    pub status: RerunStatus,
    /// Why it failed; sanitised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl StepRerunCompleted {
    /// `<rerun_id>-completed`.
    pub fn message(self) -> Message<Self> {
        Message::new(MessageId::new(format!("{}-completed", self.rerun_id)), self)
    }
}

impl Event for StepRerunCompleted {
    const NAME: &'static str = "audit/step-rerun-completed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A re-run of a step has ended.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_id.to_string(), self.step_position.to_string()]
    }
}

/// `audit/step-control-point-rerun-completed`: a re-run of a control point has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ControlPointRerunCompleted {
    /// The **database** id.
    pub audit_id: AuditId,
    /// From 1.
    pub step_position: i32,
    /// From 1.
    pub control_point_index: i32,
    /// Whether the AI's statut differs.
    pub statut_changed: bool,
    /// Whether the number of quotes differs.
    pub citations_changed: bool,
    /// The re-run.
    pub rerun_id: String,
    /// How it ended.
    pub status: RerunStatus,
    /// Why it failed; sanitised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl ControlPointRerunCompleted {
    /// `<rerun_id>-completed`.
    pub fn message(self) -> Message<Self> {
        Message::new(MessageId::new(format!("{}-completed", self.rerun_id)), self)
    }
}

impl Event for ControlPointRerunCompleted {
    const NAME: &'static str = "audit/step-control-point-rerun-completed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "A re-run of a control point has ended.";

    fn entity(&self) -> Vec<String> {
        vec![self.audit_id.to_string(), self.step_position.to_string()]
    }
}
