//! Messages about batches of audits (`events-and-config.md` D3).

use crate::ids::FicheId;
use crate::{Event, Kind, Message, MessageId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `audit/batch`: create the audits of a batch. Its rows decide; the rest is told for readers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditBatch {
    /// The batch.
    pub batch_id: String,
    /// Its fiches, each once.
    pub fiche_ids: Vec<FicheId>,
    /// The configuration, as a number.
    pub audit_config_id: i64,
    /// Who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Transcript tools mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub use_rlm: Option<bool>,
}

impl AuditBatch {
    /// The command under the batch's id.
    pub fn message(self) -> Message<Self> {
        Message::new(MessageId::new(&self.batch_id), self)
    }
}

impl Event for AuditBatch {
    const NAME: &'static str = "audit/batch";
    const KIND: Kind = Kind::Command;
    const ABOUT: &'static str = "Audit many fiches with one configuration.";

    fn entity(&self) -> Vec<String> {
        vec![self.batch_id.clone()]
    }
}

/// `audit/batch.completed`: every member of a batch has ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditBatchCompleted {
    /// The batch.
    pub batch_id: String,
    /// Members.
    pub total: i32,
    /// With a score.
    pub succeeded: i32,
    /// Without one.
    pub failed: i32,
    /// The configuration, as a number.
    pub audit_config_id: i64,
}

impl AuditBatchCompleted {
    /// `audit-batch-completed-<batchId>`.
    pub fn message(self) -> Message<Self> {
        let id = format!("audit-batch-completed-{}", self.batch_id);
        Message::new(MessageId::new(id), self)
    }
}

impl Event for AuditBatchCompleted {
    const NAME: &'static str = "audit/batch.completed";
    const KIND: Kind = Kind::Fact;
    const ABOUT: &'static str = "Every audit of a batch has ended.";

    fn entity(&self) -> Vec<String> {
        vec![self.batch_id.clone()]
    }
}
