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

mod agreement;
mod align;
mod audit;
mod chunking;
mod citation;
mod compliance;
mod config;
mod coverage;
mod finish;
mod gating;
mod layers;
mod llm_schema;
mod normalize;
mod number;
mod percent;
mod recompute;
#[cfg(test)]
mod sample;
mod search;
mod step_result;
mod timeline;
mod timeline_text;
mod tools;
mod verdict;
mod vocabulary;

pub use agreement::Agreement;
pub use align::{align, fallback};
pub use audit::{
    AuditSummary, EvidenceRules, FinalizedAudit, SettledStep, Statistics, StepFacts, finalize,
    settle_step, summarize,
};
pub use chunking::{
    CHUNK_TURNS, Turn, Word, WordKind, chunk_turns, chunks_of_words, synthetic_words, turns,
};
pub use citation::{MinQuoteChars, NormalizedTimeline};
pub use compliance::{Compliance, ScoredStep};
pub use config::{ConfigSnapshot, StepDefinition};
pub use coverage::{Coverage, Derived};
pub use finish::{NOT_AVAILABLE, clamp_score, enrich_citations, strip_nul};
pub use gating::{GatingStats, distinct_minutages, gate_step};
pub use layers::{
    EffectiveStep, LayeredPoint, LayeredStep, PointDecision, StepDecision, StepValues,
};
pub use llm_schema::{ParseError, SCHEMA_NAME, llm_schema, parse_model_output};
pub use normalize::normalize;
pub use percent::{NotAPercent, Percent};
pub use recompute::{DerivedStep, Recomputed, StoredStep, derive_step, recompute};
pub use search::{Hit, LexicalIndex, Line, Passage, best_passage, lines, passages, terms};
pub use step_result::{Citation, ControlPoint, StepMetadata, StepResult, Usage};
pub use timeline::{
    Chunk, Diarization, LeftOut, MissingRecording, Recording, SourceRecording, Timeline, minutage,
};
pub use timeline_text::{ExcerptRules, excerpt_chunks, step_timeline_text, timeline_text};
pub use tools::{
    ChunkPlace, ChunkRef, ChunkText, ChunksArgs, ChunksResult, SearchArgs, SearchMatch,
    SearchResult, ToolLimits, search_transcript, transcript_chunks,
};
pub use verdict::{CallCoverage, Missing, error_points, settle_verdicts};
pub use vocabulary::{
    AuditNiveau, AuditStatus, Completeness, Conforme, Niveau, Outcome, Severity, Statut,
    UnknownWord, Verdict, VerdictSource,
};
