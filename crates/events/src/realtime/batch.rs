//! Payloads of `batch.*` events (`events-and-config.md` E5).

use super::RealtimeEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a batch is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchOperation {
    /// Audits.
    Audit,
    /// Transcriptions of fiches.
    Transcription,
}

/// `batch.progress`: a member of the batch has ended, or all of them are queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchProgress {
    /// The batch.
    pub batch_id: String,
    /// What it is made of.
    pub operation_type: BatchOperation,
    /// Members.
    pub total: i32,
    /// Ended, failures included.
    pub completed: i32,
    /// Failed.
    pub failed: i32,
    /// 0 to 100.
    pub progress_percentage: i32,
}

impl RealtimeEvent for BatchProgress {
    const NAME: &'static str = "batch.progress";
}

/// `batch.completed`: every member has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchCompleted {
    /// The batch.
    pub batch_id: String,
    /// What it is made of.
    pub operation_type: BatchOperation,
    /// Members.
    pub total: i32,
    /// Ended, failures included.
    pub completed: i32,
    /// Failed.
    pub failed: i32,
    /// From the request to the last end.
    pub duration_ms: i64,
}

impl RealtimeEvent for BatchCompleted {
    const NAME: &'static str = "batch.completed";
}
