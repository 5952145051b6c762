//! A step to judge and what comes of it.

use std::collections::HashMap;
use std::time::Duration;
use vigie_events::audit::ModelCall;
use vigie_scorecard::{
    ConfigSnapshot, LexicalIndex, MinQuoteChars, Passage, StepDefinition, StepResult, Timeline,
    passages,
};

/// A transcript prepared once for all steps, and all audits, that judge it.
#[derive(Debug)]
pub struct Transcript {
    /// The recordings.
    pub timeline: Timeline,
    /// Where every word of it occurs.
    pub index: LexicalIndex,
    /// What can be cited of each chunk, by recording and chunk index.
    pub passages: HashMap<(i32, i32), Vec<Passage>>,
    /// SHA-256 of the timeline, hexadecimal.
    pub hash: String,
}

impl Transcript {
    /// Prepares a timeline: tens of milliseconds for an hour of speech.
    pub fn new(timeline: Timeline, hash: String) -> Self {
        let index = LexicalIndex::new(&timeline);
        let passages = timeline.chunks().map(|(recording, chunk)| {
            let place = (recording.recording_index, chunk.chunk_index);
            (place, passages(chunk, MinQuoteChars::DEFAULT))
        });
        let passages = passages.collect();
        Self {
            timeline,
            index,
            passages,
            hash,
        }
    }
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
    /// Whether the model searches the transcript instead of reading all of it (audits.md 4.7).
    pub use_tools: bool,
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
