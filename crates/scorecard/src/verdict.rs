//! What is really known about each control point, beside its `statut` (5.6).
//!
//! Verdicts are set after gating and never enter a score.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Completeness, ControlPoint, MissingRecording, Statut, StepResult, Verdict, VerdictSource,
};

/// Whether the timeline covers every recording of the fiche.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallCoverage {
    /// It does.
    Whole,
    /// A recording is missing: what was not found may have been said there (W-17).
    Partial,
}

impl CallCoverage {
    /// From the recordings a timeline leaves out.
    pub fn of(missing: &[MissingRecording]) -> Self {
        if missing.is_empty() {
            Self::Whole
        } else {
            Self::Partial
        }
    }
}

/// What was missing when an audit was scored: `result_data.metadata.missing`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Missing {
    /// Recordings that are not in the timeline.
    pub recordings: Vec<MissingRecording>,
    /// Positions of the steps whose analysis failed.
    pub steps: Vec<i32>,
    /// Number of control points whose verdict is ERROR, those of failed steps included.
    pub control_points: i32,
}

impl Missing {
    /// `complete` when nothing is missing.
    pub fn completeness(&self) -> Completeness {
        let nothing =
            self.recordings.is_empty() && self.steps.is_empty() && self.control_points == 0;
        if nothing {
            Completeness::Complete
        } else {
            Completeness::Incomplete
        }
    }
}

/// Gives every control point of a gated step its verdict of the AI.
///
/// ERROR and UNVERIFIABLE, once set by the fallback, the alignment or gating, stay.
pub fn settle_verdicts(step: &mut StepResult, coverage: CallCoverage) {
    for point in &mut step.points_controle {
        point.verdict = Some(ai_verdict(point, coverage));
        point.verdict_source = Some(VerdictSource::Ai);
    }
}

fn ai_verdict(point: &ControlPoint, coverage: CallCoverage) -> Verdict {
    match (point.verdict, point.statut, coverage) {
        (Some(known @ (Verdict::Error | Verdict::Unverifiable)), Statut::Absent, _) => known,
        (_, Statut::Absent, CallCoverage::Partial) => Verdict::Unverifiable,
        (_, statut, _) => statut.into(),
    }
}

/// Number of control points whose analysis failed.
pub fn error_points(step: &StepResult) -> usize {
    let points = step.points_controle.iter();
    points
        .filter(|point| point.verdict == Some(Verdict::Error))
        .count()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::{Conforme, LeftOut, Niveau, sample};

    #[rstest]
    #[case("P", None, CallCoverage::Partial, Verdict::Present)]
    #[case("Q", None, CallCoverage::Whole, Verdict::Partiel)]
    #[case("N", None, CallCoverage::Partial, Verdict::NonApplicable)]
    #[case("A", None, CallCoverage::Whole, Verdict::Absent)]
    #[case("A", None, CallCoverage::Partial, Verdict::Unverifiable)]
    #[case(
        "A",
        Some(Verdict::Unverifiable),
        CallCoverage::Whole,
        Verdict::Unverifiable
    )]
    #[case("A", Some(Verdict::Error), CallCoverage::Partial, Verdict::Error)]
    #[case("P", Some(Verdict::Error), CallCoverage::Whole, Verdict::Present)]
    fn verdicts(
        #[case] letter: &str,
        #[case] known: Option<Verdict>,
        #[case] coverage: CallCoverage,
        #[case] expected: Verdict,
    ) {
        let mut step = sample::result(3, Conforme::Partiel, Niveau::Bon);
        step.points_controle = vec![ControlPoint {
            verdict: known,
            ..sample::point(letter)
        }];
        settle_verdicts(&mut step, coverage);
        let point = &step.points_controle[0];
        assert_eq!(
            (point.verdict, point.verdict_source),
            (Some(expected), Some(VerdictSource::Ai))
        );
        assert_eq!(error_points(&step), usize::from(expected == Verdict::Error));
    }

    #[test]
    fn an_audit_is_complete_when_nothing_is_missing() {
        assert_eq!(Missing::default().completeness(), Completeness::Complete);
        let lost = MissingRecording {
            call_id: "c".to_owned(),
            reason: LeftOut::NotTranscribed,
        };
        assert_eq!(
            CallCoverage::of(std::slice::from_ref(&lost)),
            CallCoverage::Partial
        );
        let missing = Missing {
            recordings: vec![lost],
            ..Missing::default()
        };
        assert_eq!(missing.completeness(), Completeness::Incomplete);
        let missing = Missing {
            control_points: 1,
            ..Missing::default()
        };
        assert_eq!(missing.completeness(), Completeness::Incomplete);
    }
}
