//! A step to judge and what comes of it.

use std::time::Duration;
use vigie_events::audit::ModelCall;
use vigie_scorecard::{ConfigSnapshot, LexicalIndex, StepDefinition, StepResult, Timeline};

/// A transcript prepared once for all steps, and all audits, that judge it.
#[derive(Debug)]
pub struct Transcript {
    /// The recordings.
    pub timeline: Timeline,
    /// Where every word of it occurs.
    pub index: LexicalIndex,
    /// SHA-256 of the timeline, hexadecimal.
    pub hash: String,
}

/// One step to judge.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The configuration of the audit.
    pub config: &'a ConfigSnapshot,
    /// The step of it.
    pub step: &'a StepDefinition,
    /// The calls.
    pub transcript: &'a Transcript,
    /// Names this piece of work to the model's provider, for its logs.
    pub call_key: &'a str,
}

/// An engine's answer, before it is checked against the transcript.
#[derive(Debug)]
pub struct Judgement {
    /// The answer.
    pub result: StepResult,
    /// What it cost.
    pub calls: Vec<ModelCall>,
}

/// Why an engine gave no answer. The calls it made are paid for all the same.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// Asking later may help.
    #[error("{reason}")]
    Unavailable {
        /// Sanitised.
        reason: String,
        /// When to ask again.
        retry_after: Duration,
        /// Calls made.
        calls: Vec<ModelCall>,
    },
    /// Asking again would not help.
    #[error("{reason}")]
    Failed {
        /// Sanitised.
        reason: String,
        /// Calls made.
        calls: Vec<ModelCall>,
    },
}
