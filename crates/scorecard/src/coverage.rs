//! How much of a step its control points prove, and what follows from it (5.3 e–h, 5.4).
//!
//! The ratio is kept as two integers: no rounding happens before the one the spec asks for.

use crate::{Conforme, Niveau, Statut};

/// Proven share of the applicable control points.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coverage {
    /// Proven points, counted in halves.
    halves: i64,
    /// Applicable points.
    applicable: i64,
}

/// Values of a step derived from its statuts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Derived {
    /// `clamp(round(ratio × W), 0, W)`, half up.
    pub score: i32,
    /// Conformity by the thresholds 0.85 and 0.40.
    pub conforme: Conforme,
    /// Level that goes with it.
    pub niveau: Niveau,
}

impl Coverage {
    /// Counts the statuts of a step; when none applies, everything is covered (5.3 e).
    pub fn of(statuts: impl IntoIterator<Item = Statut>) -> Self {
        let (mut halves, mut applicable) = (0, 0);
        for statut in statuts {
            let (value, counts) = match statut {
                Statut::Present => (2, 1),
                Statut::Partiel => (1, 1),
                Statut::Absent => (0, 1),
                Statut::NonApplicable => (0, 0),
            };
            halves += value;
            applicable += counts;
        }
        if applicable == 0 {
            Self {
                halves: 2,
                applicable: 1,
            }
        } else {
            Self { halves, applicable }
        }
    }

    /// The ratio, for display.
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of control points are small"
    )]
    pub fn ratio(self) -> f64 {
        self.halves as f64 / (2 * self.applicable) as f64
    }

    /// Whether the ratio is at least so many hundredths.
    fn at_least(self, hundredths: i64) -> bool {
        100 * self.halves >= hundredths * 2 * self.applicable
    }

    /// Points for a weight, rounded half up (5.3 e, f).
    pub fn score(self, weight: i32) -> i32 {
        let weight = weight.max(0);
        let product = self.halves * i64::from(weight);
        let rounded = (product + self.applicable) / (2 * self.applicable);
        i32::try_from(rounded).map_or(weight, |score| score.clamp(0, weight))
    }

    /// Conformity (5.3 h).
    pub fn conforme(self) -> Conforme {
        if self.at_least(85) {
            Conforme::Conforme
        } else if self.at_least(40) {
            Conforme::Partiel
        } else {
            Conforme::NonConforme
        }
    }

    /// Level that goes with the conformity (end of 5.3).
    pub fn niveau(self) -> Niveau {
        match self.conforme() {
            Conforme::Conforme if self.at_least(95) => Niveau::Excellent,
            Conforme::Conforme => Niveau::Bon,
            Conforme::Partiel => Niveau::Acceptable,
            Conforme::NonConforme => Niveau::Insuffisant,
        }
    }

    /// Everything that a control point rerun or review sets on its step (5.4).
    pub fn derive(self, weight: i32) -> Derived {
        Derived {
            score: self.score(weight),
            conforme: self.conforme(),
            niveau: self.niveau(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sample;

    #[rstest]
    #[case::r1(9, "PPQAN", 6, Conforme::Partiel, Niveau::Acceptable)]
    #[case::r2(10, "PPPPPPPPPQ", 10, Conforme::Conforme, Niveau::Excellent)]
    #[case::r3(10, "PPPPPPPPPA", 9, Conforme::Conforme, Niveau::Bon)]
    #[case::r4(8, "PAA", 3, Conforme::NonConforme, Niveau::Insuffisant)]
    #[case::r5(9, "PPPQ", 8, Conforme::Conforme, Niveau::Bon)]
    #[case::half_goes_up(5, "PA", 3, Conforme::Partiel, Niveau::Acceptable)]
    #[case::seventeen_halves(17, "PA", 9, Conforme::Partiel, Niveau::Acceptable)]
    #[case::negative_weight(-4, "P", 0, Conforme::Conforme, Niveau::Excellent)]
    #[case::nothing_applies(6, "NN", 6, Conforme::Conforme, Niveau::Excellent)]
    #[case::no_points(6, "", 6, Conforme::Conforme, Niveau::Excellent)]
    fn derivation(
        #[case] weight: i32,
        #[case] statuts: &str,
        #[case] score: i32,
        #[case] conforme: Conforme,
        #[case] niveau: Niveau,
    ) {
        let derived = Coverage::of(sample::statuts(statuts)).derive(weight);
        assert_eq!(
            derived,
            Derived {
                score,
                conforme,
                niveau
            }
        );
    }

    #[test]
    fn the_ratio_is_shown() {
        assert!((Coverage::of(sample::statuts("PPQAN")).ratio() - 0.625).abs() < f64::EPSILON);
    }
}
