//! Human decisions as a layer over the AI's verdict (8.3): what is in force, from both.

use crate::coverage::Coverage;
use crate::gating::distinct_minutages;
use crate::{Conforme, Niveau, Statut};

/// What a step says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepValues {
    /// Whether the subject was dealt with.
    pub traite: bool,
    /// Conformity.
    pub conforme: Conforme,
    /// Points.
    pub score: i32,
    /// Level.
    pub niveau_conformite: Niveau,
}

/// Decisions about a step, field by field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepDecision {
    /// Whether the subject was dealt with.
    pub traite: Option<bool>,
    /// Conformity.
    pub conforme: Option<Conforme>,
    /// Points; above the weight they count as the weight.
    pub score: Option<i32>,
    /// Level.
    pub niveau_conformite: Option<Niveau>,
}

/// Decisions about a control point, field by field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PointDecision {
    /// What it is.
    pub statut: Option<Statut>,
    /// Why.
    pub commentaire: Option<String>,
}

/// A control point: what the AI found and what people decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayeredPoint {
    /// The AI's.
    pub ai_statut: Statut,
    /// The AI's.
    pub ai_commentaire: String,
    /// Quotes of the AI.
    pub citations: i32,
    /// Where they are.
    pub minutages: Vec<String>,
    /// Decisions in force; none when there is no review in force.
    pub decision: Option<PointDecision>,
}

/// A step: what the AI found and what people decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayeredStep {
    /// Points it is worth.
    pub weight: i32,
    /// The AI's.
    pub ai: StepValues,
    /// The AI's.
    pub ai_minutages: Vec<String>,
    /// Its control points, in order.
    pub points: Vec<LayeredPoint>,
    /// Decisions in force.
    pub decision: StepDecision,
}

/// What is in force of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectiveStep {
    /// The four values.
    pub values: StepValues,
    /// Quotes that count.
    pub total_citations: i32,
    /// Where they are.
    pub minutages: Vec<String>,
}

impl StepDecision {
    /// These decisions with a newer review on top.
    #[must_use]
    pub fn then(self, newer: Self) -> Self {
        Self {
            traite: newer.traite.or(self.traite),
            conforme: newer.conforme.or(self.conforme),
            score: newer.score.or(self.score),
            niveau_conformite: newer.niveau_conformite.or(self.niveau_conformite),
        }
    }

    fn over(self, below: StepValues) -> StepValues {
        StepValues {
            traite: self.traite.unwrap_or(below.traite),
            conforme: self.conforme.unwrap_or(below.conforme),
            score: self.score.unwrap_or(below.score),
            niveau_conformite: self.niveau_conformite.unwrap_or(below.niveau_conformite),
        }
    }
}

impl PointDecision {
    /// These decisions with a newer review on top.
    #[must_use]
    pub fn then(self, newer: Self) -> Self {
        Self {
            statut: newer.statut.or(self.statut),
            commentaire: newer.commentaire.or(self.commentaire),
        }
    }
}

impl LayeredPoint {
    /// The statut in force.
    pub fn statut(&self) -> Statut {
        let decided = self.decision.as_ref().and_then(|decision| decision.statut);
        decided.unwrap_or(self.ai_statut)
    }

    /// The comment in force.
    pub fn commentaire(&self) -> &str {
        let decided = self.decision.as_ref();
        decided
            .and_then(|decision| decision.commentaire.as_deref())
            .unwrap_or(&self.ai_commentaire)
    }

    /// Whether the statut is a person's.
    pub fn is_human(&self) -> bool {
        let decided = self.decision.as_ref().and_then(|decision| decision.statut);
        decided.is_some()
    }
}

impl LayeredStep {
    /// Takes another weight. The AI's points were out of the old one, so its score is what its
    /// statuts give (5.4); under the same weight it stays as it is.
    pub fn reweigh(&mut self, weight: i32) {
        if weight != self.weight {
            let statuts = self.points.iter().map(|point| point.ai_statut);
            self.ai.score = Coverage::of(statuts).score(weight);
            self.weight = weight;
        }
    }

    /// What is in force: the decisions about the step; else 5.4 over the statuts in force when a
    /// point was decided about; else the AI's.
    pub fn effective(&self) -> EffectiveStep {
        let decided = self.points.iter().any(|point| point.decision.is_some());
        if !decided {
            return EffectiveStep {
                values: self.decision.over(self.ai),
                total_citations: self.points.iter().map(|point| point.citations).sum(),
                minutages: self.ai_minutages.clone(),
            };
        }
        let derived = Coverage::of(self.points.iter().map(LayeredPoint::statut));
        let derived = derived.derive(self.weight);
        // Quotes of a point that a person moved to ABSENT are kept, and count no more.
        let supports =
            |point: &&LayeredPoint| matches!(point.statut(), Statut::Present | Statut::Partiel);
        let counted = || self.points.iter().filter(supports);
        let minutages = counted().flat_map(|point| &point.minutages);
        EffectiveStep {
            values: self.decision.over(StepValues {
                traite: self.ai.traite,
                conforme: derived.conforme,
                score: derived.score,
                niveau_conformite: derived.niveau,
            }),
            total_citations: counted().map(|point| point.citations).sum(),
            minutages: distinct_minutages(minutages.map(String::as_str)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    fn step(statuts: &str, weight: i32) -> LayeredStep {
        let points = sample::statuts(statuts).into_iter().enumerate();
        LayeredStep {
            weight,
            ai: StepValues {
                traite: true,
                conforme: Conforme::NonConforme,
                score: 1,
                niveau_conformite: Niveau::Insuffisant,
            },
            ai_minutages: vec!["09:09".to_owned()],
            points: points
                .map(|(index, ai_statut)| LayeredPoint {
                    ai_statut,
                    ai_commentaire: "ia".to_owned(),
                    citations: 1,
                    minutages: vec![format!("00:0{index}")],
                    decision: None,
                })
                .collect(),
            decision: StepDecision::default(),
        }
    }

    fn decide(step: &mut LayeredStep, point: usize, statut: Statut) {
        step.points[point].decision = Some(PointDecision {
            statut: Some(statut),
            commentaire: None,
        });
    }

    #[test]
    fn without_decisions_the_ai_is_in_force() {
        let step = step("PQA", 10);
        let effective = step.effective();
        assert_eq!(effective.values, step.ai);
        assert_eq!(effective.minutages, ["09:09"]);
        assert_eq!(effective.total_citations, 3);
    }

    #[test]
    fn a_decided_point_derives_the_step_as_r1_says() {
        let mut step = step("PPAAN", 9);
        decide(&mut step, 2, Statut::Partiel);
        let effective = step.effective();
        assert_eq!(
            (effective.values.score, effective.values.conforme),
            (6, Conforme::Partiel)
        );
        assert_eq!(
            effective.total_citations, 3,
            "quotes of absent points stay out"
        );
        assert_eq!(effective.minutages, ["00:00", "00:01", "00:02"]);
        assert!(step.points[2].is_human() && !step.points[0].is_human());
        step.points[2].decision = None;
        assert_eq!(step.effective().values, step.ai, "revoked");
    }

    #[test]
    fn a_decision_about_the_step_stands_above_its_points_field_by_field() {
        let mut step = step("PPAAN", 9);
        decide(&mut step, 2, Statut::Partiel);
        let older = StepDecision {
            score: Some(12),
            conforme: Some(Conforme::NonConforme),
            ..StepDecision::default()
        };
        let newer = StepDecision {
            conforme: Some(Conforme::Conforme),
            ..StepDecision::default()
        };
        step.decision = older.then(newer);
        let values = step.effective().values;
        assert_eq!((values.score, values.conforme), (12, Conforme::Conforme));
        assert_eq!(values.niveau_conformite, Niveau::Acceptable, "derived");
    }

    #[test]
    fn another_weight_moves_the_score_and_nothing_else() {
        let mut step = step("PPAAN", 9);
        let before = step.clone();
        step.reweigh(9);
        assert_eq!(step, before, "the same weight");
        step.reweigh(6);
        let score = step.effective().values.score;
        assert_eq!((score, step.ai.conforme), (3, Conforme::NonConforme));
        step.decision.score = Some(1);
        decide(&mut step, 2, Statut::Present);
        step.reweigh(8);
        assert_eq!(step.ai.score, 4, "of the AI's statuts");
        assert_eq!(step.effective().values.score, 1, "the decision stays");
        step.decision.score = None;
        assert_eq!(step.effective().values.score, 6, "of those in force");
        step.reweigh(-1);
        assert_eq!(step.ai.score, 0);
    }

    #[test]
    fn a_comment_is_decided_alone() {
        let mut step = step("P", 9);
        let first = PointDecision {
            statut: Some(Statut::Absent),
            commentaire: None,
        };
        let second = PointDecision {
            statut: None,
            commentaire: Some("relu".to_owned()),
        };
        step.points[0].decision = Some(first.then(second));
        assert_eq!(step.points[0].statut(), Statut::Absent);
        assert_eq!(step.points[0].commentaire(), "relu");
    }
}
