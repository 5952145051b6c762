//! The model: answers that follow the transcript, and the ways it goes wrong.

mod tools;
mod verdicts;
mod wire;

use serde_json::{Value, json};
use vigie_scorecard::{
    Citation, NormalizedTimeline, SourceRecording, StepResult, Timeline, Word, chunks_of_words,
    llm_schema, parse_model_output, timeline_text,
};
use vigie_simulators::calls;

use crate::world;

/// The six steps of the demonstration scorecard: weight and control points.
const STEPS: &[(u32, &[&str])] = &[
    (
        10,
        &[
            "Nom de l'agent et du cabinet annoncés",
            "Immatriculation ORIAS citée",
            "Enregistrement annoncé avec droit d'opposition",
            "Durée de conservation indiquée",
            "Aucune fausse qualité revendiquée",
        ],
    ),
    (
        10,
        &[
            "Question CSS / AME posée",
            "Arrêt de la vente en cas d'aide",
            "Assureur actuel identifié",
            "Ancienneté du contrat vérifiée",
        ],
    ),
    (
        9,
        &[
            "Motif du changement compris",
            "Postes de soins passés en revue",
            "Bénéficiaires identifiés",
            "Budget mensuel demandé",
            "Reformulation faite",
        ],
    ),
    (
        8,
        &[
            "Formule nommée",
            "Montants conformes aux tableaux",
            "100 % Santé expliqué",
            "Exclusions et plafonds signalés",
            "Formule adaptée aux besoins",
        ],
    ),
    (
        8,
        &[
            "Mode de résiliation expliqué",
            "Cotisation mensuelle annoncée",
            "Frais annexes annoncés",
            "Date d'effet validée",
            "Renonciation de 14 jours citée",
        ],
    ),
    (
        5,
        &[
            "Synthèse finale faite",
            "Accord explicite obtenu",
            "Aucune pression commerciale",
            "Suite du dossier annoncée",
        ],
    ),
];

fn timeline(slug: &str) -> Timeline {
    let call = calls::find(slug).unwrap();
    let words: Vec<Word> =
        serde_json::from_value(serde_json::to_value(&call.words).unwrap()).unwrap();
    let (timeline, missing) = Timeline::build(vec![SourceRecording {
        id: "1".to_owned(),
        call_id: "7001".to_owned(),
        start_time: Some("2026-01-14T08:32:10.000Z".to_owned()),
        recording_date: Some("14/01/2026".to_owned()),
        recording_time: Some("08:32".to_owned()),
        recording_url: Some("https://records.example.test/1.mp3".to_owned()),
        has_transcription: true,
        chunks: chunks_of_words(&words),
        ..SourceRecording::default()
    }]);
    assert!(missing.is_empty());
    timeline
}

fn request(timeline: &Timeline, step: usize) -> Value {
    let (weight, points) = STEPS[step];
    let numbered: Vec<String> = points
        .iter()
        .enumerate()
        .map(|(place, point)| format!("{}. {point}", place + 1))
        .collect();
    let question = format!(
        "## Étape {}/6 : essai\nGravité : HIGH. Poids : {weight}.\n\n### Points de contrôle\n{}\n\n\
         ### Mots-clés\nORIAS, courtier\n",
        step + 1,
        numbered.join("\n")
    );
    let text = format!(
        "<transcription>\n{}</transcription>",
        timeline_text(timeline)
    );
    json!({
        "model": "gpt-5.2",
        "temperature": 0,
        "messages": [
            { "role": "system", "content": "Tu es un contrôleur." },
            { "role": "user", "content": text },
            { "role": "user", "content": question },
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": { "name": "etape", "strict": true, "schema": llm_schema() },
        },
    })
}

async fn content(answer: reqwest::Response) -> String {
    let body: Value = answer.json().await.unwrap();
    body["choices"][0]["message"]["content"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

async fn audit(slug: &str) -> (Vec<StepResult>, NormalizedTimeline) {
    let world = world().await;
    let timeline = timeline(slug);
    let mut steps = Vec::new();
    for step in 0..STEPS.len() {
        let answer = world.ask(&request(&timeline, step)).await;
        steps.push(parse_model_output(&content(answer).await).unwrap());
    }
    (steps, NormalizedTimeline::new(timeline))
}

fn citations(steps: &[StepResult]) -> Vec<&Citation> {
    steps
        .iter()
        .flat_map(|step| &step.points_controle)
        .flat_map(|point| &point.citations)
        .collect()
}

fn statuts(step: &StepResult) -> Vec<&'static str> {
    step.points_controle
        .iter()
        .map(|point| point.statut.as_str())
        .collect()
}
