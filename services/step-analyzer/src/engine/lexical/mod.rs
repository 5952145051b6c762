//! The built-in engine: finds each control point by its words in the transcript and quotes real
//! passages. Deterministic and free; it knows words, not meaning, and its results say so.

mod concepts;
mod evidence;

use crate::domain::judgement::{Judgement, Question};
use concepts::Lexicon;
use evidence::{Evidence, Strength};
use vigie_scorecard::{
    ControlPoint, Coverage, Statut, StepMetadata, StepResult, Usage, distinct_minutages, terms,
};

/// The `lexical` engine.
pub struct Lexical {
    lexicon: Lexicon,
}

impl Default for Lexical {
    fn default() -> Self {
        Self {
            lexicon: Lexicon::french(),
        }
    }
}

impl Lexical {
    /// Judges a step. It cannot fail: what it does not find is ABSENT.
    pub fn judge(&self, question: Question<'_>) -> Judgement {
        let Question {
            step, transcript, ..
        } = question;
        let points: Vec<_> = step
            .control_points
            .iter()
            .map(|point| {
                let concepts = self.lexicon.concepts(point);
                answer(point, Evidence::find(transcript, &concepts))
            })
            .collect();
        let coverage = Coverage::of(points.iter().map(|point| point.statut));
        let derived = coverage.derive(step.weight);
        let found = points
            .iter()
            .filter(|point| point.statut == Statut::Present)
            .count();
        let keywords = step.keywords.iter();
        let minutages = points
            .iter()
            .flat_map(|point| &point.minutages)
            .map(String::as_str);
        let result = StepResult {
            traite: points.iter().any(|point| point.statut != Statut::Absent),
            conforme: derived.conforme,
            minutages: distinct_minutages(minutages),
            score: derived.score,
            mots_cles_trouves: keywords
                .filter(|keyword| transcript.mentions(&terms(keyword)))
                .cloned()
                .collect(),
            commentaire_global: format!(
                "Analyse lexicale : {found} point(s) sur {} retrouvé(s) par leurs mots.",
                points.len()
            ),
            niveau_conformite: derived.niveau,
            erreurs_transcription_tolerees: 0,
            points_controle: points,
            step_metadata: Some(StepMetadata::of(step)),
            usage: Some(Usage::default()),
        };
        Judgement {
            result,
            calls: Vec::new(),
        }
    }
}

fn answer(point: &str, evidence: Evidence) -> ControlPoint {
    let (statut, commentaire) = match evidence.strength {
        Strength::Clear => (Statut::Present, "Les mots du point sont prononcés."),
        Strength::Weak => (
            Statut::Partiel,
            "Une partie des mots du point est prononcée.",
        ),
        Strength::None => (Statut::Absent, "Les mots du point ne sont pas prononcés."),
    };
    let citations = evidence.citations;
    let minutages = distinct_minutages(citations.iter().map(|citation| &*citation.minutage));
    ControlPoint {
        point: point.to_owned(),
        statut,
        commentaire: commentaire.to_owned(),
        citations,
        minutages,
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
        verdict: None,
        verdict_source: None,
    }
}
