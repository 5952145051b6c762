//! What changes on an audit when one of its steps does: reruns and reviews (5.4, 5.5 right column).

use crate::compliance::{Compliance, ScoredStep};
use crate::coverage::Coverage;
use crate::gating::distinct_minutages;
use crate::{Conforme, ControlPoint, Niveau, Statut, number};

/// What [`recompute`] needs of a stored step: its effective values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredStep {
    /// What 5.5 needs.
    pub scored: ScoredStep,
    /// Whether the subject was dealt with.
    pub traite: bool,
    /// Tokens spent.
    pub total_tokens: i64,
}

/// What a rerun or a review changes on an audit, columns and snapshot alike (W-19).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recomputed {
    /// Score and level.
    pub compliance: Compliance,
    /// Steps with `traite`.
    pub successful_steps: i32,
    /// Steps without.
    pub failed_steps: i32,
    /// Tokens over all steps.
    pub total_tokens: i64,
}

/// Recomputes an audit from its stored steps (5.5, right column).
pub fn recompute(steps: &[StoredStep]) -> Recomputed {
    let treated = steps.iter().filter(|step| step.traite).count();
    Recomputed {
        compliance: Compliance::recompute(steps.iter().map(|step| step.scored)),
        successful_steps: number::count(treated),
        failed_steps: number::count(steps.len() - treated),
        total_tokens: steps.iter().map(|step| step.total_tokens).sum(),
    }
}

/// A step's values derived from the statuts in force, after a control point rerun or review (5.4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedStep {
    /// Points.
    pub score: i32,
    /// Conformity.
    pub conforme: Conforme,
    /// Level.
    pub niveau_conformite: Niveau,
    /// Distinct minutages over the points.
    pub minutages: Vec<String>,
    /// Citations over the points that are PRESENT or PARTIEL: a human ABSENT keeps the quotes of the
    /// AI, but they no longer count (8.3).
    pub total_citations: i32,
}

/// Derives a step from its control points and stored weight (5.4); may raise as well as lower.
pub fn derive_step(points: &[ControlPoint], weight: i32) -> DerivedStep {
    let derived = Coverage::of(points.iter().map(|point| point.statut)).derive(weight);
    let supports =
        |point: &&ControlPoint| matches!(point.statut, Statut::Present | Statut::Partiel);
    let counted = points.iter().filter(supports);
    let minutages = points
        .iter()
        .flat_map(|point| &point.minutages)
        .map(String::as_str);
    DerivedStep {
        score: derived.score,
        conforme: derived.conforme,
        niveau_conformite: derived.niveau,
        minutages: distinct_minutages(minutages),
        total_citations: number::count(counted.map(|point| point.citations.len()).sum()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    #[test]
    fn a_step_is_derived_from_the_statuts_in_force() {
        let mut points: Vec<_> = ["P", "Q", "A"].map(sample::point).into();
        points[2].citations = points[0].citations.clone();
        points[0].minutages = vec!["00:12".to_owned()];
        points[2].minutages = vec![String::new()];
        points[1].minutages = vec![" 01:10 ".to_owned(), "00:12".to_owned()];
        let step = derive_step(&points, 5);
        assert_eq!((step.score, step.conforme), (3, Conforme::Partiel));
        assert_eq!(step.niveau_conformite, Niveau::Acceptable);
        assert_eq!(
            step.total_citations, 2,
            "the quotes of an ABSENT point do not count"
        );
        assert_eq!(step.minutages, ["00:12", "01:10"]);
    }

    #[test]
    fn stored_values_out_of_bounds_are_cut() {
        let step = |weight, score, traite| StoredStep {
            scored: ScoredStep {
                weight,
                score,
                is_critical: false,
                conforme: Conforme::Partiel,
            },
            traite,
            total_tokens: 10,
        };
        let audit = recompute(&[step(10, 12, true), step(10, -3, true), step(-5, 4, false)]);
        assert_eq!(
            (audit.compliance.poids_obtenu, audit.compliance.poids_total),
            (10, 20)
        );
        assert_eq!(
            (
                audit.successful_steps,
                audit.failed_steps,
                audit.total_tokens
            ),
            (2, 1, 30)
        );
    }
}
