//! The fictional call of 5.2 and small builders, for tests.

use crate::{
    Chunk, Citation, Conforme, ControlPoint, Niveau, Severity, SourceRecording, Statut,
    StepDefinition, StepResult, Timeline,
};

/// A quote of the call, in recording 0, chunk 1.
pub const TRUE_QUOTE: &str = "Cet appel est enregistré";

/// The timeline of 5.2.
pub fn timeline() -> Timeline {
    let recordings: [&[&str]; 2] = [
        &[
            "speaker_0: Bonjour Madame Lenoir, Hugo Marchand du Cabinet Horizon Santé.\n\
             speaker_1: Bonjour monsieur.",
            "speaker_0: Cet appel est ENREGISTRÉ, vous pouvez vous y opposer.\n\
             speaker_1: C'est exact, d'accord. Un coup de cœur pour l'optique.",
        ],
        &["speaker_0: Le forfait optique est de 250 euros par an."],
    ];
    let sources = recordings
        .iter()
        .enumerate()
        .map(|(i, texts)| SourceRecording {
            id: i.to_string(),
            call_id: format!("call-{i}"),
            start_time: Some(format!("2026-01-05T0{i}:00:00.000Z")),
            recording_url: Some(format!("https://audio.exemple.test/{i}.mp3")),
            recording_date: Some("05/01/2026".to_owned()),
            recording_time: Some(format!("0{i}:00")),
            has_transcription: true,
            chunks: texts
                .iter()
                .enumerate()
                .map(|(c, text)| chunk(c, text))
                .collect(),
            ..SourceRecording::default()
        });
    Timeline::build(sources.collect()).0
}

/// A chunk with a text.
pub fn chunk(index: usize, full_text: &str) -> Chunk {
    let mut speakers: Vec<String> = Vec::new();
    for (speaker, _) in full_text.lines().filter_map(|line| line.split_once(": ")) {
        if !speakers.iter().any(|seen| seen == speaker) {
            speakers.push(speaker.to_owned());
        }
    }
    let start = f64::from(u32::try_from(index).unwrap()) * 60.0;
    Chunk {
        chunk_index: i32::try_from(index).unwrap(),
        start_timestamp: start,
        end_timestamp: start + 60.0,
        message_count: i32::try_from(full_text.lines().count()).unwrap(),
        speakers,
        full_text: full_text.to_owned(),
    }
}

/// A citation.
pub fn citation(texte: &str, recording_index: i32, chunk_index: i32) -> Citation {
    Citation {
        texte: texte.to_owned(),
        minutage: "00:12".to_owned(),
        minutage_secondes: 12.0,
        speaker: "speaker_0".to_owned(),
        recording_index,
        chunk_index,
        recording_date: "05/01/2026".to_owned(),
        recording_time: "10:02".to_owned(),
        recording_url: "N/A".to_owned(),
        call_id: None,
    }
}

/// Statuts from the letters of 5.3: P, Q, A, N.
pub fn statuts(letters: &str) -> Vec<Statut> {
    letters
        .chars()
        .map(|letter| point(&letter.to_string()).statut)
        .collect()
}

/// A control point from a letter of 5.3: P, X, Q, A, N.
pub fn point(letter: &str) -> ControlPoint {
    let (statut, quote) = match letter {
        "P" => (Statut::Present, Some(TRUE_QUOTE)),
        "X" => (Statut::Present, Some("une citation inventée")),
        "Q" => (Statut::Partiel, Some(TRUE_QUOTE)),
        "A" => (Statut::Absent, None),
        // One quote, so that G1 counts four and G4 has something to clear.
        "N" => (Statut::NonApplicable, Some(TRUE_QUOTE)),
        other => panic!("no control point {other:?}"),
    };
    ControlPoint {
        point: "Enregistrement annoncé".to_owned(),
        statut,
        commentaire: "Vu.".to_owned(),
        citations: quote
            .map(|quote| citation(quote, 0, 1))
            .into_iter()
            .collect(),
        minutages: vec!["99:99".to_owned()],
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
        verdict: None,
        verdict_source: None,
    }
}

/// A result without points or metadata.
pub fn result(score: i32, conforme: Conforme, niveau_conformite: Niveau) -> StepResult {
    StepResult {
        traite: true,
        conforme,
        minutages: vec!["99:99".to_owned()],
        score,
        points_controle: Vec::new(),
        mots_cles_trouves: Vec::new(),
        commentaire_global: "Bon appel.".to_owned(),
        niveau_conformite,
        erreurs_transcription_tolerees: 0,
        step_metadata: None,
        usage: None,
    }
}

/// A configured step.
pub fn definition(position: i32, weight: i32, points: &[&str]) -> StepDefinition {
    StepDefinition {
        position,
        name: format!("Étape {position}"),
        description: None,
        prompt: "Vérifie.".to_owned(),
        control_points: points.iter().map(|text| (*text).to_owned()).collect(),
        keywords: Vec::new(),
        severity: Severity::High,
        is_critical: false,
        weight,
        chronological_important: false,
        verify_product_info: false,
    }
}
