//! Evidence gating: what no quote of the call supports is taken back (5.3).
//!
//! Gating only ever lowers. It needs the timeline and one step, nothing else, so a step may be
//! gated when it is stored just as well as when the audit ends.

use std::ops::AddAssign;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::citation::{MinQuoteChars, NormalizedTimeline};
use crate::coverage::Coverage;
use crate::{Citation, ControlPoint, Statut, StepResult, Verdict, number};

/// Appended to the comment of a control point that lost its last quote.
const POINT_NOTE: &str = "[Auto-check] Aucun extrait vérifiable de l'appel ne soutient ce point.";

/// Appended to the comment of a step whose score was lowered.
const STEP_NOTE: &str =
    "[Auto-check] Note abaissée : les extraits vérifiés ne couvrent pas le score proposé.";

/// What gating changed; kept in `result_data.metadata.evidence_gating`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GatingStats {
    /// Whether gating ran.
    pub enabled: bool,
    /// Citations in the answers.
    pub total_citations: i32,
    /// Of these, not found in the call.
    pub removed_citations: i32,
    /// Points lowered to ABSENT for want of a quote.
    pub downgraded_control_points: i32,
    /// Steps whose score was lowered.
    pub steps_score_reduced: i32,
    /// Steps whose conformity was lowered.
    pub steps_conforme_adjusted: i32,
}

impl AddAssign for GatingStats {
    fn add_assign(&mut self, other: Self) {
        self.enabled |= other.enabled;
        self.total_citations += other.total_citations;
        self.removed_citations += other.removed_citations;
        self.downgraded_control_points += other.downgraded_control_points;
        self.steps_score_reduced += other.steps_score_reduced;
        self.steps_conforme_adjusted += other.steps_conforme_adjusted;
    }
}

/// Gates one step in place (5.3 a–j) and says what changed.
pub fn gate_step(
    timeline: &NormalizedTimeline,
    step: &mut StepResult,
    min: MinQuoteChars,
) -> GatingStats {
    let mut stats = GatingStats {
        enabled: true,
        ..GatingStats::default()
    };
    for point in &mut step.points_controle {
        gate_point(timeline, point, min, &mut stats);
    }
    lower_step(step, &mut stats);
    let citations = step
        .points_controle
        .iter()
        .flat_map(|point| &point.citations);
    step.minutages = minutages(citations);
    stats
}

/// Rules a to d.
fn gate_point(
    timeline: &NormalizedTimeline,
    point: &mut ControlPoint,
    min: MinQuoteChars,
    stats: &mut GatingStats,
) {
    let quoted = point.citations.len();
    point
        .citations
        .retain(|citation| timeline.confirms(citation, min));
    stats.total_citations += number::count(quoted);
    stats.removed_citations += number::count(quoted - point.citations.len());
    match point.statut {
        Statut::Absent | Statut::NonApplicable => point.citations.clear(),
        Statut::Present | Statut::Partiel if point.citations.is_empty() => {
            point.statut = Statut::Absent;
            point.verdict = Some(Verdict::Unverifiable);
            append(&mut point.commentaire, "\n", POINT_NOTE);
            stats.downgraded_control_points += 1;
        }
        Statut::Present | Statut::Partiel => {}
    }
    point.minutages = minutages(&point.citations);
}

/// Rules e to i.
fn lower_step(step: &mut StepResult, stats: &mut GatingStats) {
    let weight = step.weight();
    let coverage = Coverage::of(step.points_controle.iter().map(|point| point.statut));
    let derived = coverage.derive(weight);
    let capped = if weight > 0 {
        step.score.min(weight)
    } else {
        step.score
    };
    if derived.score < capped {
        step.score = derived.score;
        append(&mut step.commentaire_global, "\n\n", STEP_NOTE);
        stats.steps_score_reduced += 1;
    }
    if derived.conforme < step.conforme {
        step.conforme = derived.conforme;
        step.niveau_conformite = derived.niveau;
        stats.steps_conforme_adjusted += 1;
    }
}

fn append(comment: &mut String, separator: &str, note: &str) {
    if !comment.is_empty() {
        comment.push_str(separator);
    }
    comment.push_str(note);
}

/// Distinct minutages of citations in order, without the blank ones.
fn minutages<'a>(citations: impl IntoIterator<Item = &'a Citation>) -> Vec<String> {
    distinct_minutages(
        citations
            .into_iter()
            .map(|citation| citation.minutage.as_str()),
    )
}

/// Distinct trimmed minutages in order (5.3 d and j, 5.4).
pub fn distinct_minutages<'a>(minutages: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut distinct: Vec<String> = Vec::new();
    for minutage in minutages
        .into_iter()
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        if !distinct.iter().any(|seen| seen == minutage) {
            distinct.push(minutage.to_owned());
        }
    }
    distinct
}

#[cfg(test)]
mod tests;
