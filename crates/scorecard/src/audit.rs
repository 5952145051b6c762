//! From analysed steps to a finished audit (2.5 finalizer, 5.5, 5.6).
//!
//! A step is settled with nothing but the timeline, its definition and its answer. Settling each
//! step when it is stored and summing up at the end therefore gives exactly what [`finalize`] gives
//! over all answers at the end, and spares rewriting every row. The values announced in
//! `audit.step_completed` are those of the answer, before settling.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::align::{align, fallback};
use crate::citation::{MinQuoteChars, NormalizedTimeline};
use crate::compliance::{Compliance, ScoredStep};
use crate::finish::{clamp_score, enrich_citations, strip_nul};
use crate::gating::{GatingStats, gate_step};
use crate::verdict::{CallCoverage, Missing, error_points, settle_verdicts};
use crate::{
    Completeness, ConfigSnapshot, MissingRecording, StepDefinition, StepResult, Timeline, number,
};

/// Message of a step that has no result when the audit ends.
const NO_RESULT: &str = "no result";

/// How quotes are verified: `AUDIT_EVIDENCE_GATING`, `AUDIT_EVIDENCE_MIN_QUOTE_CHARS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EvidenceRules {
    /// Whether gating runs.
    pub gating: bool,
    /// Shortest quote.
    pub min_quote_chars: MinQuoteChars,
}

impl Default for EvidenceRules {
    fn default() -> Self {
        Self {
            gating: true,
            min_quote_chars: MinQuoteChars::DEFAULT,
        }
    }
}

/// A step ready to be stored.
#[derive(Debug, Clone, PartialEq)]
pub struct SettledStep {
    /// Aligned, enriched, gated, with verdicts, clamped.
    pub result: StepResult,
    /// What gating changed.
    pub gating: GatingStats,
}

/// What the end of an audit needs to know of a settled step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepFacts {
    /// Position.
    pub position: i32,
    /// What 5.5 needs.
    pub scored: ScoredStep,
    /// Whether the subject was dealt with.
    pub traite: bool,
    /// Whether the result is the fallback of 4.6.
    pub is_fallback: bool,
    /// Control points whose verdict is ERROR.
    pub error_points: i32,
    /// Tokens spent.
    pub total_tokens: i64,
    /// What gating changed.
    pub gating: GatingStats,
}

/// `result_data.statistics`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Statistics {
    /// Recordings of the timeline.
    pub recordings_count: i32,
    /// The same.
    pub transcriptions_count: i32,
    /// Chunks of the timeline.
    pub timeline_chunks: i32,
    /// Steps minus failed steps.
    pub successful_steps: i32,
    /// Steps with `traite=false`, whatever the reason.
    pub failed_steps: i32,
    /// Of these, the ones whose analysis failed technically (W-14).
    pub fallback_steps: i32,
    /// Unused, 0.
    pub total_time_seconds: i32,
    /// Tokens over all steps.
    pub total_tokens: i64,
}

/// Everything an audit's row and snapshot say about its outcome.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditSummary {
    /// Score and level.
    pub compliance: Compliance,
    /// Counters.
    pub statistics: Statistics,
    /// What gating changed over all steps.
    pub gating: GatingStats,
    /// What was missing.
    pub missing: Missing,
    /// Whether anything was.
    pub completeness: Completeness,
    /// No step was analysed: the audit is `failed`, stage `all_steps_failed` (W-14).
    pub all_steps_failed: bool,
}

/// An audit and its settled steps, in position order.
#[derive(Debug, Clone, PartialEq)]
pub struct FinalizedAudit {
    /// Steps.
    pub steps: Vec<SettledStep>,
    /// Outcome.
    pub summary: AuditSummary,
}

/// Settles one answer: strips, aligns, enriches, gates, gives verdicts and clamps it.
pub fn settle_step(
    timeline: &NormalizedTimeline,
    definition: &StepDefinition,
    mut answer: StepResult,
    rules: EvidenceRules,
    coverage: CallCoverage,
) -> SettledStep {
    strip_nul(&mut answer);
    let mut result = align(definition, answer);
    enrich_citations(&mut result, timeline.timeline());
    let gating = if rules.gating {
        gate_step(timeline, &mut result, rules.min_quote_chars)
    } else {
        GatingStats::default()
    };
    settle_verdicts(&mut result, coverage);
    clamp_score(&mut result);
    SettledStep { result, gating }
}

impl SettledStep {
    /// Its facts; the position is the definition's.
    pub fn facts(&self, definition: &StepDefinition) -> StepFacts {
        let result = &self.result;
        StepFacts {
            position: definition.position,
            scored: ScoredStep {
                weight: result.weight(),
                score: result.score,
                is_critical: definition.is_critical,
                conforme: result.conforme,
            },
            traite: result.traite,
            is_fallback: result.is_fallback(),
            error_points: number::count(error_points(result)),
            total_tokens: result.total_tokens(),
            gating: self.gating,
        }
    }
}

/// Sums up an audit from the facts of its settled steps (2.5 rows 6 and 7, 5.5, 5.6).
pub fn summarize(
    config: &ConfigSnapshot,
    timeline: &Timeline,
    steps: &[StepFacts],
    rules: EvidenceRules,
    recordings: Vec<MissingRecording>,
) -> AuditSummary {
    let mut gating = GatingStats {
        enabled: rules.gating,
        ..GatingStats::default()
    };
    let recordings_count = number::count(timeline.recordings.len());
    let mut statistics = Statistics {
        recordings_count,
        transcriptions_count: recordings_count,
        timeline_chunks: timeline.total_chunks(),
        ..Statistics::default()
    };
    let mut missing = Missing {
        recordings,
        ..Missing::default()
    };
    for step in steps {
        gating += step.gating;
        statistics.failed_steps += i32::from(!step.traite);
        statistics.successful_steps += i32::from(step.traite);
        statistics.fallback_steps += i32::from(step.is_fallback);
        statistics.total_tokens += step.total_tokens;
        missing.control_points += step.error_points;
        if step.is_fallback {
            missing.steps.push(step.position);
        }
    }
    missing.steps.sort_unstable();
    AuditSummary {
        compliance: Compliance::first(&config.steps, steps.iter().map(|step| step.scored)),
        statistics,
        gating,
        completeness: missing.completeness(),
        missing,
        all_steps_failed: !steps.is_empty() && steps.iter().all(|step| step.is_fallback),
    }
}

/// Settles all answers by position and sums them up; a configured step without an answer gets the
/// fallback, an answer without a configured step is ignored.
pub fn finalize(
    config: &ConfigSnapshot,
    timeline: &NormalizedTimeline,
    mut answers: BTreeMap<i32, StepResult>,
    rules: EvidenceRules,
    missing: Vec<MissingRecording>,
) -> FinalizedAudit {
    let coverage = CallCoverage::of(&missing);
    let mut definitions: Vec<&StepDefinition> = config.steps.iter().collect();
    definitions.sort_by_key(|definition| definition.position);
    let mut steps = Vec::with_capacity(definitions.len());
    let mut facts = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let answer = answers.remove(&definition.position);
        let answer = answer.unwrap_or_else(|| fallback(definition, NO_RESULT));
        let step = settle_step(timeline, definition, answer, rules, coverage);
        facts.push(step.facts(definition));
        steps.push(step);
    }
    let summary = summarize(config, timeline.timeline(), &facts, rules, missing);
    FinalizedAudit { steps, summary }
}

#[cfg(test)]
mod tests;
