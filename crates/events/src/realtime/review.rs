//! `audit.review_applied` and the messages of re-runs (`audits.md` 12.2).

use super::RealtimeEvent;
use super::audit::AuditRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

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
