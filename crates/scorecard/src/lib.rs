//! The judgement of Vigie: from a transcript and a model's answer to a score one can defend.
//!
//! Words become turns and chunks, chunks a [`Timeline`]; a [`StepResult`] is aligned with the
//! configured control points, stripped of every quote the call does not contain, and turned into
//! scores, niveaux and verdicts. Everything here is a pure function of its arguments: no I/O, no
//! clock, no randomness, no floating-point rounding in a score. It must never call a model, never
//! raise what a model answered, and never give two answers to one question.
//!
//! Section numbers in the documentation are those of `spec/audits.md`; `A7` is that of
//! `spec/automation-and-transcription.md`.

mod chunking;
mod config;
mod number;
mod step_result;
mod timeline;
mod vocabulary;

pub use chunking::{
    CHUNK_TURNS, Turn, Word, WordKind, chunk_turns, chunks_of_words, synthetic_words, turns,
};
pub use config::{ConfigSnapshot, StepDefinition};
pub use step_result::{Citation, ControlPoint, StepMetadata, StepResult, Usage};
pub use timeline::{
    Chunk, Diarization, LeftOut, MissingRecording, Recording, SourceRecording, Timeline, minutage,
};
pub use vocabulary::{
    AuditNiveau, AuditStatus, Completeness, Conforme, Niveau, Outcome, Severity, Statut,
    UnknownWord, Verdict, VerdictSource,
};
