use super::super::prompt::{Line, Prompt};
use super::{Mind, Statut, StepAnswer, judge};

fn line(speaker: &str, text: &str) -> Line {
    Line {
        recording_index: 0,
        chunk_index: 1,
        start: 75.9,
        date: "14/01/2026".to_owned(),
        time: "09:15".to_owned(),
        speaker: speaker.to_owned(),
        text: text.to_owned(),
    }
}

fn ask(points: &[&str], lines: Vec<Line>) -> StepAnswer {
    let prompt = Prompt {
        lines,
        control_points: points.iter().map(|point| (*point).to_owned()).collect(),
        weight: 10,
        ..Prompt::default()
    };
    judge(&prompt, Mind::Sound)
}

#[test]
fn what_is_said_is_quoted_and_what_is_not_is_absent() {
    let said = "Notre numéro ORIAS est le 07 000 000.";
    let step = ask(
        &["Immatriculation ORIAS citée", "Budget mensuel demandé"],
        vec![line("speaker_0", said)],
    );
    assert_eq!(step.points_controle[0].statut, Statut::Present);
    assert_eq!(step.points_controle[0].citations[0].texte, said);
    assert_eq!(step.points_controle[0].citations[0].minutage, "01:15");
    assert_eq!(step.points_controle[1].statut, Statut::Absent);
    assert_eq!((step.score, step.conforme), (5, "PARTIEL"));
}

#[test]
fn half_a_point_is_partial() {
    let said = "Je vous précise que cet appel est enregistré.";
    let step = ask(
        &["Enregistrement annoncé avec droit d'opposition"],
        vec![line("speaker_0", said)],
    );
    assert_eq!(step.points_controle[0].statut, Statut::Partiel);
}

#[test]
fn pressure_fails_its_point_without_a_citation() {
    let said = "Cette remise, c'est uniquement aujourd'hui, monsieur.";
    let step = ask(
        &["Aucune pression commerciale"],
        vec![line("speaker_0", said)],
    );
    assert_eq!(step.points_controle[0].statut, Statut::Absent);
    assert!(step.points_controle[0].citations.is_empty());
}

#[test]
fn an_unknown_point_is_found_by_its_words() {
    let said = "La carte de stationnement arrivera par courrier.";
    let step = ask(
        &["Carte de stationnement promise"],
        vec![line("speaker_1", said)],
    );
    assert_eq!(step.points_controle[0].statut, Statut::Present);
}

#[test]
fn nothing_heard_proves_nothing() {
    let step = ask(&["Aucune pression commerciale"], Vec::new());
    assert_eq!(step.points_controle[0].statut, Statut::Absent);
    assert!(!step.traite);
}
