//! The stored snapshot of a completed audit (8.4) after its results changed.

use serde_json::{Value, json};
use vigie_scorecard::{Completeness, GatingStats, Missing, Recomputed, StepFacts};

/// A snapshot brought up to date.
#[derive(Debug)]
pub struct Resummary {
    /// `result_data`.
    pub snapshot: Value,
    /// Whether anything is missing.
    pub completeness: Completeness,
}

/// Replaces what is derived from steps; everything else stays as it is.
pub fn resummarise(
    mut snapshot: Value,
    recomputed: &Recomputed,
    steps: impl Iterator<Item = StepFacts>,
) -> serde_json::Result<Resummary> {
    let missing = snapshot.pointer("/metadata/missing").cloned();
    let mut missing: Missing =
        missing.map_or_else(|| Ok(Missing::default()), serde_json::from_value)?;
    missing.steps.clear();
    missing.control_points = 0;
    let (mut gating, mut fallback_steps) = (GatingStats::default(), 0);
    for step in steps {
        gating.enabled = step.gating.enabled;
        gating += step.gating;
        missing.control_points += step.error_points;
        if step.is_fallback {
            missing.steps.push(step.position);
            fallback_steps += 1;
        }
    }
    let completeness = missing.completeness();
    let mut put = |parent: &str, key: &str, value: Value| {
        let parent = snapshot.pointer_mut(parent).and_then(Value::as_object_mut);
        if let Some(parent) = parent {
            parent.insert(key.to_owned(), value);
        }
    };
    put("/audit", "compliance", json!(recomputed.compliance));
    put("/audit/results", "compliance", json!(recomputed.compliance));
    put(
        "/statistics",
        "successful_steps",
        json!(recomputed.successful_steps),
    );
    put(
        "/statistics",
        "failed_steps",
        json!(recomputed.failed_steps),
    );
    put("/statistics", "fallback_steps", json!(fallback_steps));
    put(
        "/statistics",
        "total_tokens",
        json!(recomputed.total_tokens),
    );
    put("/metadata", "evidence_gating", json!(gating));
    put("/metadata", "completeness", json!(completeness));
    put("/metadata", "missing", json!(missing));
    Ok(Resummary {
        snapshot,
        completeness,
    })
}
