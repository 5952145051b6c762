use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::{Conforme, Niveau, StepMetadata, sample};

use Conforme::{Conforme as Full, NonConforme as No, Partiel as Part};
use Niveau::{Acceptable, Bon, Excellent, Insuffisant};

fn step(weight: i32, score: i32, conforme: Conforme, niveau: Niveau, points: &str) -> StepResult {
    let mut step = sample::result(score, conforme, niveau);
    step.step_metadata = Some(StepMetadata::of(&sample::definition(1, weight, &[])));
    step.points_controle = points
        .chars()
        .map(|c| sample::point(&c.to_string()))
        .collect();
    step
}

fn letters(step: &StepResult) -> String {
    let letters = step.points_controle.iter().map(|point| match point.statut {
        Statut::Present => 'P',
        Statut::Partiel => 'Q',
        Statut::Absent => 'A',
        Statut::NonApplicable => 'N',
    });
    letters.collect()
}

fn gate(step: &mut StepResult) -> GatingStats {
    let timeline = NormalizedTimeline::new(sample::timeline());
    gate_step(&timeline, step, MinQuoteChars::DEFAULT)
}

#[rstest]
#[case::g1(
    step(10, 10, Full, Excellent, "PPXN"),
    "PPAN",
    7,
    Part,
    Acceptable,
    true
)]
#[case::g2(step(5, 4, Part, Acceptable, "PQA"), "PQA", 3, Part, Acceptable, true)]
#[case::g3(step(8, 3, No, Insuffisant, "PP"), "PP", 3, No, Insuffisant, false)]
#[case::g4(step(6, 6, Full, Bon, "NN"), "NN", 6, Full, Bon, false)]
#[case::g5(step(10, 12, Full, Excellent, "PP"), "PP", 12, Full, Excellent, false)]
#[case::g6(step(10, 12, Full, Excellent, "PA"), "PA", 5, Part, Acceptable, true)]
#[case::g7(
    step(10, 10, Full, Excellent, "PPPPPPPPPPPPPPPPPAAA"),
    "PPPPPPPPPPPPPPPPPAAA",
    9,
    Full,
    Excellent,
    true
)]
#[case::g8(
    step(7, 7, Full, Excellent, "PPAAA"),
    "PPAAA",
    3,
    Part,
    Acceptable,
    true
)]
#[case::g9(step(7, 7, Full, Excellent, "PAAA"), "PAAA", 2, No, Insuffisant, true)]
#[case::g10(step(0, 4, Full, Excellent, "P"), "P", 0, Full, Excellent, true)]
#[case::g11(step(9, 5, Part, Acceptable, ""), "", 5, Part, Acceptable, false)]
fn vectors(
    #[case] mut step: StepResult,
    #[case] statuts: &str,
    #[case] score: i32,
    #[case] conforme: Conforme,
    #[case] niveau: Niveau,
    #[case] note: bool,
) {
    let stats = gate(&mut step);
    assert_eq!(letters(&step), statuts);
    assert_eq!(
        (step.score, step.conforme, step.niveau_conformite),
        (score, conforme, niveau)
    );
    let expected = if note {
        "Bon appel.\n\n[Auto-check] Note abaissée : les extraits vérifiés ne couvrent pas le score proposé."
    } else {
        "Bon appel."
    };
    assert_eq!(step.commentaire_global, expected);
    assert_eq!(stats.steps_score_reduced, i32::from(note));
}

#[test]
fn g1_in_detail() {
    let mut step = step(10, 10, Full, Excellent, "PPXN");
    step.points_controle[1].commentaire.clear();
    step.points_controle[1].citations[0].texte = "inventé de toutes pièces".to_owned();
    step.points_controle[1].statut = Statut::Partiel;
    step.points_controle[0].citations[0].minutage = " ".to_owned();
    let again = sample::citation(sample::TRUE_QUOTE, 0, 1);
    step.points_controle[0]
        .citations
        .extend([again.clone(), again]);
    let stats = gate(&mut step);
    let [first, second, third, fourth] = &step.points_controle[..] else {
        panic!()
    };
    assert_eq!(
        first.minutages,
        ["00:12"],
        "blank and repeated minutages are dropped"
    );
    let note = "[Auto-check] Aucun extrait vérifiable de l'appel ne soutient ce point.";
    assert_eq!(second.commentaire, note);
    assert_eq!(third.commentaire, format!("Vu.\n{note}"));
    assert_eq!(
        (third.statut, third.verdict),
        (Statut::Absent, Some(Verdict::Unverifiable))
    );
    assert!(third.minutages.is_empty());
    assert!(fourth.citations.is_empty() && fourth.minutages.is_empty());
    assert_eq!(step.minutages, ["00:12"]);
    assert_eq!((stats.total_citations, stats.removed_citations), (6, 2));
}

#[test]
fn statistics_of_g1() {
    let stats = gate(&mut step(10, 10, Full, Excellent, "PPXN"));
    let expected = GatingStats {
        enabled: true,
        total_citations: 4,
        removed_citations: 1,
        downgraded_control_points: 1,
        steps_score_reduced: 1,
        steps_conforme_adjusted: 1,
    };
    assert_eq!(stats, expected);
}

#[test]
fn without_metadata_the_score_is_the_weight() {
    let mut step = step(0, 4, Full, Excellent, "PA");
    step.step_metadata = None;
    gate(&mut step);
    assert_eq!(step.score, 2);
}

fn any_quote() -> impl Strategy<Value = Citation> {
    let text = prop_oneof![
        Just(sample::TRUE_QUOTE.to_owned()),
        Just("forfait OPTIQUE est de 250 euros".to_owned()),
        Just("C'est exact".to_owned()),
        "[a-zé' .]{0,20}",
    ];
    (text, -1..3_i32, -1..3_i32, "[0-9]?").prop_map(|(text, recording, chunk, second)| Citation {
        minutage: second,
        ..sample::citation(&text, recording, chunk)
    })
}

prop_compose! {
    fn any_point()(
        statut in prop::sample::select(Statut::ALL),
        citations in prop::collection::vec(any_quote(), 0..4),
    ) -> ControlPoint {
        ControlPoint { statut, citations, ..sample::point("A") }
    }
}

prop_compose! {
    fn any_step()(
        weight in -1..12_i32,
        score in 0..14_i32,
        conforme in prop::sample::select(Conforme::ALL),
        niveau in prop::sample::select(Niveau::ALL),
        points_controle in prop::collection::vec(any_point(), 0..8),
    ) -> StepResult {
        StepResult { points_controle, ..step(weight, score, conforme, niveau, "") }
    }
}

proptest! {
    #[test]
    fn gating_never_raises(before in any_step()) {
        let mut after = before.clone();
        gate(&mut after);
        prop_assert!(after.score <= before.score);
        prop_assert!(after.conforme <= before.conforme);
        for (after, before) in after.points_controle.iter().zip(&before.points_controle) {
            let same = after.statut == before.statut;
            prop_assert!(same || after.statut == Statut::Absent);
            prop_assert!(after.commentaire.starts_with(&before.commentaire));
        }
    }

    #[test]
    fn gating_twice_is_gating_once(step in any_step()) {
        let mut once = step;
        gate(&mut once);
        let mut twice = once.clone();
        let stats = gate(&mut twice);
        prop_assert_eq!(&twice, &once);
        let kept = GatingStats { enabled: true, total_citations: once.total_citations(), ..GatingStats::default() };
        prop_assert_eq!(stats, kept);
    }

    #[test]
    fn only_valid_citations_support_a_point(step in any_step()) {
        let timeline = NormalizedTimeline::new(sample::timeline());
        let mut after = step.clone();
        let stats = gate_step(&timeline, &mut after, MinQuoteChars::DEFAULT);
        let mut dropped = 0;
        for (after, before) in after.points_controle.iter().zip(&step.points_controle) {
            let supported = matches!(after.statut, Statut::Present | Statut::Partiel);
            prop_assert_eq!(supported, !after.citations.is_empty());
            for citation in &after.citations {
                prop_assert!(timeline.confirms(citation, MinQuoteChars::DEFAULT));
            }
            if !supported {
                let valid = before.citations.iter().filter(|c| timeline.confirms(c, MinQuoteChars::DEFAULT));
                dropped += number::count(valid.count());
            }
        }
        prop_assert_eq!(stats.total_citations, step.total_citations());
        // Rule b: valid quotes of ABSENT and NON_APPLICABLE points vanish without being "removed".
        prop_assert_eq!(stats.removed_citations + after.total_citations() + dropped, stats.total_citations);
    }
}
