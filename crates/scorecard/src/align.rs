//! Making a result fit its configured step (W-13), or standing in for one that never came (4.6).

use crate::normalize::normalize;
use crate::{
    Conforme, ControlPoint, Niveau, Outcome, Statut, StepDefinition, StepMetadata, StepResult,
    Usage, Verdict,
};

/// Comment of a control point the model did not answer.
const UNANSWERED: &str = "[Auto-check] Point absent de la réponse du modèle.";

/// Prefix of the step comment of a fallback.
const FAILED: &str = "Step failed: ";

/// Brings a model's answer into the shape of the configuration: one point per configured point, in
/// its order and with its text; `step_metadata` as configured, keeping a known origin.
///
/// A returned point answers the configured point whose text it bears (compared as in 5.1). One that
/// bears none of these texts answers the point at its own place, if nothing else does. Whatever is
/// left over is dropped; what is not answered is ABSENT, with the verdict ERROR. For a definition
/// reduced to one point this is the choice of 8.2: the point of that text, else the first.
pub fn align(definition: &StepDefinition, mut result: StepResult) -> StepResult {
    let wanted: Vec<String> = definition
        .control_points
        .iter()
        .map(|text| normalize(text))
        .collect();
    let mut answers: Vec<Option<ControlPoint>> = vec![None; wanted.len()];
    let mut strangers = Vec::new();
    for (place, answer) in std::mem::take(&mut result.points_controle)
        .into_iter()
        .enumerate()
    {
        let text = normalize(&answer.point);
        let free = (0..wanted.len()).find(|&i| answers[i].is_none() && wanted[i] == text);
        match free {
            Some(i) => answers[i] = Some(answer),
            None if wanted.contains(&text) => {}
            None => strangers.push((place, answer)),
        }
    }
    for (place, answer) in strangers {
        if let Some(free @ None) = answers.get_mut(place) {
            *free = Some(answer);
        }
    }
    let points = definition
        .control_points
        .iter()
        .zip(answers)
        .map(|(text, answer)| match answer {
            Some(answer) => ControlPoint {
                point: text.clone(),
                ..answer
            },
            None => failed_point(text, UNANSWERED),
        });
    result.points_controle = points.collect();
    let origin = result.step_metadata.take();
    result.step_metadata = Some(match origin {
        None => StepMetadata::of(definition),
        Some(StepMetadata {
            outcome,
            engine,
            model,
            prompt_version,
            ..
        }) => StepMetadata {
            outcome,
            engine,
            model,
            prompt_version,
            ..StepMetadata::of(definition)
        },
    });
    result
}

/// The result of a step whose analysis failed (4.6).
pub fn fallback(definition: &StepDefinition, message: &str) -> StepResult {
    let points = definition
        .control_points
        .iter()
        .map(|text| failed_point(text, message));
    StepResult {
        traite: false,
        conforme: Conforme::NonConforme,
        minutages: Vec::new(),
        score: 0,
        points_controle: points.collect(),
        mots_cles_trouves: Vec::new(),
        commentaire_global: format!("{FAILED}{message}"),
        niveau_conformite: Niveau::Insuffisant,
        erreurs_transcription_tolerees: 0,
        step_metadata: Some(StepMetadata {
            outcome: Some(Outcome::Fallback),
            ..StepMetadata::of(definition)
        }),
        usage: Some(Usage::default()),
    }
}

fn failed_point(text: &str, comment: &str) -> ControlPoint {
    ControlPoint {
        point: text.to_owned(),
        statut: Statut::Absent,
        commentaire: comment.to_owned(),
        citations: Vec::new(),
        minutages: Vec::new(),
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
        verdict: Some(Verdict::Error),
        verdict_source: None,
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sample;

    fn definition() -> StepDefinition {
        sample::definition(
            3,
            9,
            &["Motif compris", "Budget demandé", "Reformulation faite"],
        )
    }

    /// Aligns points `text=statut letter` and shows them as `statut letter` or `!` for ERROR.
    fn aligned(answers: &[&str]) -> String {
        let points = answers.iter().map(|answer| {
            let (text, statut) = answer.split_once('=').unwrap();
            ControlPoint {
                point: text.to_owned(),
                ..sample::point(statut)
            }
        });
        let mut result = sample::result(0, Conforme::Partiel, Niveau::Bon);
        result.points_controle = points.collect();
        let result = align(&definition(), result);
        let texts: Vec<_> = result
            .points_controle
            .iter()
            .map(|point| &point.point)
            .collect();
        assert_eq!(
            texts,
            definition().control_points.iter().collect::<Vec<_>>()
        );
        let shown =
            result
                .points_controle
                .iter()
                .map(|point| match (point.verdict, point.statut) {
                    (Some(Verdict::Error), Statut::Absent) => '!',
                    (_, Statut::Present) => 'P',
                    (_, Statut::Partiel) => 'Q',
                    (_, Statut::Absent) => 'A',
                    (_, Statut::NonApplicable) => 'N',
                });
        shown.collect()
    }

    #[rstest]
    #[case::as_configured(&["Motif compris=P", "Budget demandé=Q", "Reformulation faite=A"], "PQA")]
    #[case::other_spelling(&["motif compris.=P", "BUDGET DEMANDE=Q", "Reformulation faite=A"], "PQA")]
    #[case::own_words(&["Le motif=P", "Le budget=Q", "La reformulation=A"], "PQA")]
    #[case::reordered(&["Reformulation faite=A", "Motif compris=P", "Budget demandé=Q"], "PQA")]
    #[case::hole(&["Motif compris=P", "Reformulation faite=A"], "P!A")]
    #[case::missing_tail(&["Le motif=P"], "P!!")]
    #[case::extra(&["Le motif=P", "Le budget=Q", "La reformulation=A", "Politesse=P"], "PQA")]
    #[case::twice(&["Motif compris=P", "Motif compris=A", "Reformulation faite=N"], "P!N")]
    #[case::stranger_yields(&["Budget demandé=Q", "Politesse=P", "Reformulation faite=A"], "!QA")]
    #[case::nothing(&[], "!!!")]
    fn points_follow_the_configuration(#[case] answers: &[&str], #[case] expected: &str) {
        assert_eq!(aligned(answers), expected);
    }

    #[test]
    fn the_origin_survives_and_the_rest_is_configured() {
        let mut result = sample::result(4, Conforme::Partiel, Niveau::Bon);
        let mut metadata = StepMetadata::of(&sample::definition(9, 1, &[]));
        metadata.engine = Some("lexical".to_owned());
        result.step_metadata = Some(metadata);
        let metadata = align(&definition(), result).step_metadata.unwrap();
        assert_eq!((metadata.position, metadata.weight), (3, 9));
        assert_eq!(metadata.engine.as_deref(), Some("lexical"));
    }

    #[test]
    fn a_fallback_is_an_error_on_every_point() {
        let result = fallback(&definition(), "timeout");
        assert!(result.is_fallback() && !result.traite);
        assert_eq!(result.commentaire_global, "Step failed: timeout");
        assert_eq!(result.points_controle.len(), 3);
        for point in &result.points_controle {
            assert_eq!(
                (point.statut, point.verdict),
                (Statut::Absent, Some(Verdict::Error))
            );
            assert_eq!(point.commentaire, "timeout");
        }
        assert_eq!(align(&definition(), result.clone()), result);
    }
}
