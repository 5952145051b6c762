//! From the steps of an audit to its score and level (5.5).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::percent::Percent;
use crate::{Conforme, Niveau, StepDefinition};

/// What 5.5 needs to know of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoredStep {
    /// Points the step is worth, as stored.
    pub weight: i32,
    /// Points obtained, as stored.
    pub score: i32,
    /// Whether the audit is rejected unless the step is conform.
    pub is_critical: bool,
    /// Conformity.
    pub conforme: Conforme,
}

/// Score and level of an audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(into = "Wire", try_from = "Wire")]
pub struct Compliance {
    /// `overall_score` and `score_percentage`.
    pub score: Percent,
    /// Level.
    pub niveau: Niveau,
    /// Critical steps that are conform.
    pub critical_passed: i32,
    /// Critical steps.
    pub critical_total: i32,
    /// Points obtained.
    pub poids_obtenu: i64,
    /// Points that could be obtained.
    pub poids_total: i64,
}

impl Compliance {
    /// Computation at the end of an audit: totals come from the configuration (5.5, left).
    pub fn first(config: &[StepDefinition], steps: impl IntoIterator<Item = ScoredStep>) -> Self {
        let mut tally = Tally::default();
        for definition in config {
            tally.total += i64::from(definition.weight);
            tally.critical_total += i32::from(definition.is_critical);
        }
        for step in steps {
            tally.obtained += i64::from(step.score.min(step.weight.max(0)));
            tally.critical_passed += step.passed_critical();
        }
        tally.judge()
    }

    /// Computation after a rerun or a review: the stored steps are all there is (5.5, right).
    pub fn recompute(steps: impl IntoIterator<Item = ScoredStep>) -> Self {
        let mut tally = Tally::default();
        for step in steps {
            let weight = step.weight.max(0);
            tally.total += i64::from(weight);
            tally.obtained += i64::from(step.score.max(0).min(weight));
            tally.critical_total += i32::from(step.is_critical);
            tally.critical_passed += step.passed_critical();
        }
        tally.judge()
    }

    /// `is_compliant`: anything but a rejection (D-1).
    pub fn is_compliant(&self) -> bool {
        self.niveau != Niveau::Rejet
    }

    /// `points_critiques`, as in `3/3`.
    pub fn points_critiques(&self) -> String {
        format!("{}/{}", self.critical_passed, self.critical_total)
    }
}

impl ScoredStep {
    fn passed_critical(self) -> i32 {
        i32::from(self.is_critical && self.conforme == Conforme::Conforme)
    }
}

#[derive(Default)]
struct Tally {
    obtained: i64,
    total: i64,
    critical_passed: i32,
    critical_total: i32,
}

impl Tally {
    fn judge(self) -> Compliance {
        Compliance {
            score: Percent::of(self.obtained, self.total),
            niveau: self.niveau(),
            critical_passed: self.critical_passed,
            critical_total: self.critical_total,
            poids_obtenu: self.obtained,
            poids_total: self.total,
        }
    }

    /// Thresholds hold on the unrounded score, hence on the integers it comes from.
    fn niveau(&self) -> Niveau {
        let reaches = |percent| self.total > 0 && 100 * self.obtained >= percent * self.total;
        if self.critical_passed < self.critical_total {
            Niveau::Rejet
        } else if reaches(90) {
            Niveau::Excellent
        } else if reaches(75) {
            Niveau::Bon
        } else if reaches(60) {
            Niveau::Acceptable
        } else {
            Niveau::Insuffisant
        }
    }
}

/// `compliance` of 8.4.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Wire {
    score: Percent,
    niveau: Niveau,
    points_critiques: String,
    poids_obtenu: i64,
    poids_total: i64,
}

impl From<Compliance> for Wire {
    fn from(compliance: Compliance) -> Self {
        Self {
            score: compliance.score,
            niveau: compliance.niveau,
            points_critiques: compliance.points_critiques(),
            poids_obtenu: compliance.poids_obtenu,
            poids_total: compliance.poids_total,
        }
    }
}

/// `points_critiques` that is no fraction.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is not of the form passed/total")]
struct BadFraction(String);

impl TryFrom<Wire> for Compliance {
    type Error = BadFraction;

    fn try_from(wire: Wire) -> Result<Self, BadFraction> {
        let fraction = wire.points_critiques.split_once('/');
        let fraction = fraction.and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
        let Some((critical_passed, critical_total)) = fraction else {
            return Err(BadFraction(wire.points_critiques));
        };
        Ok(Self {
            score: wire.score,
            niveau: wire.niveau,
            critical_passed,
            critical_total,
            poids_obtenu: wire.poids_obtenu,
            poids_total: wire.poids_total,
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;
    use crate::sample;

    use Conforme::{Conforme as Full, Partiel as Part};
    use Niveau::{Acceptable, Bon, Excellent, Insuffisant, Rejet};

    /// Weights and critical flags of the configuration of 7.4.
    const SEED: [(i32, bool); 6] = [
        (10, true),
        (10, true),
        (9, false),
        (8, true),
        (8, false),
        (5, false),
    ];

    #[rstest]
    #[case::a1([10, 10, 9, 8, 8, 5], Full, 50, "100", "3/3", Excellent)]
    #[case::a2([10, 10, 9, 8, 8, 0], Full, 45, "90", "3/3", Excellent)]
    #[case::a3([10, 10, 9, 8, 8, 5], Part, 50, "100", "2/3", Rejet)]
    #[case::a4([10, 10, 5, 8, 3, 1], Full, 37, "74", "3/3", Acceptable)]
    #[case::a5([10, 10, 6, 8, 4, 0], Full, 38, "76", "3/3", Bon)]
    #[case::a6([10, 10, 0, 8, 0, 0], Full, 28, "56", "3/3", Insuffisant)]
    fn audits_of_the_seed(
        #[case] scores: [i32; 6],
        #[case] fourth: Conforme,
        #[case] obtained: i64,
        #[case] score: &str,
        #[case] critical: &str,
        #[case] niveau: Niveau,
    ) {
        let steps: Vec<ScoredStep> = std::iter::zip(SEED, scores)
            .enumerate()
            .map(|(i, ((weight, is_critical), score))| ScoredStep {
                weight,
                score,
                is_critical,
                conforme: if i == 3 { fourth } else { Full },
            })
            .collect();
        let config: Vec<StepDefinition> = SEED
            .iter()
            .zip(1..)
            .map(|(&(weight, is_critical), position)| StepDefinition {
                is_critical,
                ..sample::definition(position, weight, &[])
            })
            .collect();
        let first = Compliance::first(&config, steps.iter().copied());
        assert_eq!(Compliance::recompute(steps), first);
        assert_eq!((first.poids_obtenu, first.poids_total), (obtained, 50));
        assert_eq!(first.score.to_string(), score);
        assert_eq!(
            (first.points_critiques().as_str(), first.niveau),
            (critical, niveau)
        );
        assert_eq!(first.is_compliant(), niveau != Rejet);
    }

    #[rstest]
    #[case::a7(&[(1, 1), (31, 0)], "3.13", Insuffisant)]
    #[case::a8(&[], "0", Insuffisant)]
    #[case::a9(&[(10, 12), (10, 0)], "50", Insuffisant)]
    #[case::a10(&[(20_001, 18_000)], "90", Bon)]
    #[case::a11(&[(3, 2)], "66.67", Acceptable)]
    #[case::weightless(&[(0, 3)], "0", Insuffisant)]
    fn functions(#[case] steps: &[(i32, i32)], #[case] score: &str, #[case] niveau: Niveau) {
        let config: Vec<_> = steps
            .iter()
            .map(|step| sample::definition(1, step.0, &[]))
            .collect();
        let steps = steps.iter().map(|&(weight, score)| ScoredStep {
            weight,
            score,
            is_critical: false,
            conforme: Part,
        });
        let compliance = Compliance::first(&config, steps.clone());
        assert_eq!(
            (compliance.score.to_string().as_str(), compliance.niveau),
            (score, niveau)
        );
        assert_eq!(compliance.points_critiques(), "0/0");
        assert_eq!(Compliance::recompute(steps), compliance);
    }

    #[test]
    fn the_wire_shape() {
        let compliance = Compliance {
            score: Percent::of(37, 50),
            niveau: Acceptable,
            critical_passed: 3,
            critical_total: 3,
            poids_obtenu: 37,
            poids_total: 50,
        };
        let json = json!({ "score": 74, "niveau": "ACCEPTABLE", "points_critiques": "3/3", "poids_obtenu": 37, "poids_total": 50 });
        assert_eq!(serde_json::to_value(compliance).unwrap(), json);
        assert_eq!(
            serde_json::from_value::<Compliance>(json).unwrap(),
            compliance
        );
        let broken = json!({ "score": 1, "niveau": "BON", "points_critiques": "3", "poids_obtenu": 1, "poids_total": 2 });
        assert!(serde_json::from_value::<Compliance>(broken).is_err());
    }
}
