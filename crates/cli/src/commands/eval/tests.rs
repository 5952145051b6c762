use super::*;
use std::collections::HashSet;
use vigie_scorecard::Statut;

async fn lexical() -> Evaluation {
    let engine = Engine::Lexical(Lexical::default());
    let (config, cases) = (grille(GRILLE).unwrap(), cases::built_in().unwrap());
    evaluate(&engine, &config, &cases, false).await.unwrap()
}

#[test]
fn every_built_in_case_labels_every_point_of_the_grille() {
    let (config, cases) = (grille(GRILLE).unwrap(), cases::built_in().unwrap());
    assert!(cases.len() >= 12);
    let mut labels = HashSet::new();
    for case in &cases {
        case.check(&config).unwrap();
        labels.extend(case.labels.values().flatten().copied());
    }
    assert_eq!(labels.len(), Statut::ALL.len(), "each label occurs");
    let two_calls = cases.iter().find(|case| case.name == "13-deux-appels");
    assert_eq!(two_calls.unwrap().timeline.recordings.len(), 2);
}

#[test]
fn a_case_that_does_not_fit_is_refused() {
    let config = grille(GRILLE).unwrap();
    assert!(
        Case::parse("x", "1: PX\nA: bonjour").is_err(),
        "no such label"
    );
    assert!(Case::parse("x", "1: P\nbonjour").is_err(), "no such line");
    assert!(Case::parse("x", "1: P").is_err(), "nothing said");
    let short = Case::parse("x", "1: PPP\nA: bonjour").unwrap();
    assert!(short.check(&config).is_err(), "labels are missing");
}

#[tokio::test]
async fn the_figures_in_the_documentation_are_those_of_today() {
    let documented = include_str!("../../../../../docs/evaluation.md");
    let today = report::markdown(&lexical().await);
    assert!(
        documented.contains(&today),
        "put the output of `vigie eval` into docs/evaluation.md:\n{today}"
    );
}

#[tokio::test]
async fn counts_agree_with_each_other() {
    let figures = lexical().await;
    let of_points: u32 = figures.points.iter().map(|point| point.after.agreed).sum();
    let of_cases: u32 = figures.by_case.iter().map(|case| case.agreed).sum();
    assert_eq!(
        (of_points, of_cases),
        (figures.after.agreed, figures.after.agreed)
    );
    assert_eq!(figures.after.points, 14 * 28);
    assert_eq!(figures.quotes.removed, 0, "it quotes what it found");
    assert_eq!((figures.tokens.calls, figures.failed_steps), (0, 0));
}
