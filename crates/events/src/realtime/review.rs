//! `audit.review_applied` and the messages of re-runs (`audits.md` 12.2).

use super::RealtimeEvent;
use super::audit::AuditRef;
use crate::ids::{AuditId, FicheId, TrackingId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `status` of `audit.review_applied`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Reviewed {
    /// `reviewed`, always.
    #[default]
    #[serde(rename = "reviewed")]
    Only,
}

/// A person decided about a result, or took a decision back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReviewApplied {
    /// The audit.
    #[serde(flatten)]
    pub audit: AuditRef,
    /// From 1.
    pub step_position: i32,
    /// From 1; absent when it is about the step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_point_index: Option<i32>,
    /// Whether a decision was taken back.
    pub revoked: bool,
    /// Level of the audit now.
    pub niveau: String,
    /// `74.00%`.
    pub score_percentage: String,
    /// Always the same word.
    pub status: Reviewed,
}

impl RealtimeEvent for ReviewApplied {
    const NAME: &'static str = "audit.review_applied";
}

/// Which re-run a message is about. Unlike other messages of audits, `audit_id` is the database id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RerunPlace {
    /// Database id.
    pub audit_id: AuditId,
    /// Database id.
    pub audit_db_id: AuditId,
    /// Tracking id.
    pub audit_tracking_id: TrackingId,
    /// The fiche.
    pub fiche_id: FicheId,
    /// Phase of the audit.
    pub phase: String,
    /// The re-run.
    pub rerun_id: String,
    /// `control_point`; absent for a whole step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rerun_scope: Option<String>,
    /// From 1.
    pub step_position: i32,
    /// From 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_point_index: Option<i32>,
}

/// `audit.step_started` of a re-run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerunStarted {
    /// Which.
    #[serde(flatten)]
    pub place: RerunPlace,
    /// When.
    pub started_at: String,
    /// `rerunning`.
    pub status: String,
}

/// `audit.step_completed` of a re-run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerunCompleted {
    /// Which.
    #[serde(flatten)]
    pub place: RerunPlace,
    /// What the AI said before.
    pub original: Value,
    /// What it says now.
    pub rerun: Value,
    /// What differs.
    pub comparison: Value,
    /// When.
    pub completed_at: String,
    /// `rerun_completed`.
    pub status: String,
}

/// `audit.step_failed` of a re-run: everything stays as it was.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RerunFailed {
    /// Which.
    #[serde(flatten)]
    pub place: RerunPlace,
    /// Sanitised text.
    pub error: String,
    /// `rerun_failed`.
    pub status: String,
}

impl RealtimeEvent for RerunStarted {
    const NAME: &'static str = "audit.step_started";
}

impl RealtimeEvent for RerunCompleted {
    const NAME: &'static str = "audit.step_completed";
}

impl RealtimeEvent for RerunFailed {
    const NAME: &'static str = "audit.step_failed";
}
