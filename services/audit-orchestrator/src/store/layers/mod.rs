//! The facts behind audits' results (AI and decisions), read together, and what is in force of
//! them, written together: the only writer of effective values after an audit's end (W-19). As many
//! statements for a thousand audits as for one.

mod read;
mod reweigh;
mod write;

pub use read::{read, read_all};
pub use reweigh::{Weight, reweigh};
pub use write::{Summary, snapshots, summarise, write};

use vigie_scorecard::{LayeredStep, StepFacts, StepValues};

/// A step's facts, and what its row says now.
#[derive(Debug, Clone)]
pub struct StepLayers {
    /// AI and decisions.
    pub layered: LayeredStep,
    /// Whether the audit is rejected unless it is conform.
    pub is_critical: bool,
    /// What is summed up, apart from what is in force.
    pub facts: StepFacts,
    /// Effective values as stored.
    pub stored: StepValues,
    /// Quotes as stored.
    pub stored_citations: i32,
    /// Points as stored, in order.
    pub points: Vec<PointNow>,
    /// Raised by every change.
    pub lock_version: i32,
}

/// A control point as its row says now.
#[derive(Debug, Clone)]
pub struct PointNow {
    /// From 1.
    pub index: i32,
    /// Its text.
    pub point: String,
    /// In force.
    pub statut: String,
    /// In force.
    pub commentaire: String,
}
