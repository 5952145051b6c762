//! A call, answers about it, and the facts that carry them.

use vigie_audit_orchestrator::domain::audit::Audit;
use vigie_audit_orchestrator::domain::material::Material;
use vigie_events::audit::{ModelCall, StepAnalyzed};
use vigie_scorecard::{
    Chunk, Citation, Conforme, ControlPoint, Niveau, SourceRecording, Statut, StepDefinition,
    StepResult, Usage,
};

/// A sentence of the call, and where it is.
pub const QUOTE: &str = "Cet appel est enregistré, vous pouvez vous y opposer.";

fn chunk(chunk_index: i32, full_text: &str) -> Chunk {
    Chunk {
        chunk_index,
        start_timestamp: 0.0,
        end_timestamp: 10.0,
        message_count: 2,
        speakers: vec!["speaker_0".to_owned(), "speaker_1".to_owned()],
        full_text: full_text.to_owned(),
    }
}

fn recording(id: &str, chunks: Vec<Chunk>) -> SourceRecording {
    SourceRecording {
        id: id.to_owned(),
        call_id: format!("call-{id}"),
        start_time: Some(format!("2026-01-05T10:0{id}:00.000Z")),
        recording_url: Some(format!("https://audio.exemple.test/{id}.mp3")),
        recording_date: Some("05/01/2026".to_owned()),
        recording_time: Some("10:02".to_owned()),
        has_transcription: !chunks.is_empty(),
        chunks,
        ..SourceRecording::default()
    }
}

/// The timeline of the vectors of 5.2.
pub fn call() -> Material {
    Material::of(vec![
        recording(
            "0",
            vec![
                chunk(
                    0,
                    "speaker_0: Bonjour Madame Lenoir.\nspeaker_1: Bonjour monsieur.",
                ),
                chunk(
                    1,
                    &format!("speaker_0: {QUOTE}\nspeaker_1: C'est exact, d'accord."),
                ),
            ],
        ),
        recording(
            "1",
            vec![chunk(
                0,
                "speaker_0: Le forfait optique est de 250 euros par an.",
            )],
        ),
    ])
    .unwrap()
}

/// The same call, of which the second recording is not transcribed.
pub fn half_a_call() -> Material {
    let first = recording("0", vec![chunk(0, &format!("speaker_0: {QUOTE}"))]);
    Material::of(vec![first, recording("1", Vec::new())]).unwrap()
}

/// A point that is claimed with this quote.
pub fn claimed(point: &str, quote: &str) -> ControlPoint {
    ControlPoint {
        point: point.to_owned(),
        statut: Statut::Present,
        commentaire: "Dit clairement.".to_owned(),
        citations: vec![Citation {
            texte: quote.to_owned(),
            minutage: "00:12".to_owned(),
            minutage_secondes: 12.5,
            speaker: "speaker_0".to_owned(),
            recording_index: 0,
            chunk_index: 1,
            recording_date: "?".to_owned(),
            recording_time: String::new(),
            recording_url: "N/A".to_owned(),
            call_id: None,
        }],
        minutages: vec!["00:12".to_owned()],
        erreur_transcription_notee: false,
        variation_phonetique_utilisee: None,
        verdict: None,
        verdict_source: None,
    }
}

/// A result with this score, every point proven.
pub fn proven(step: &StepDefinition, score: i32) -> StepResult {
    StepResult {
        traite: true,
        conforme: Conforme::Conforme,
        minutages: vec!["00:12".to_owned()],
        score,
        points_controle: step
            .control_points
            .iter()
            .map(|point| claimed(point, QUOTE))
            .collect(),
        mots_cles_trouves: vec!["enregistré".to_owned()],
        commentaire_global: "Bien.".to_owned(),
        niveau_conformite: Niveau::Excellent,
        erreurs_transcription_tolerees: 1,
        step_metadata: None,
        usage: Some(Usage {
            prompt_tokens: 90,
            completion_tokens: 10,
            total_tokens: 100,
        }),
    }
}

/// The fact about one step; `Err` is a failed analysis.
pub fn analyzed(audit: &Audit, position: i32, result: Result<StepResult, &str>) -> StepAnalyzed {
    StepAnalyzed {
        audit_db_id: audit.id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: position,
        ok: result.is_ok(),
        error: result.as_ref().err().map(|error| (*error).to_owned()),
        use_rlm: Some(false),
        attempt: 1,
        delivery: 1,
        engine: "openai".to_owned(),
        model: "m".to_owned(),
        prompt_version: "v1".to_owned(),
        transcript_hash: audit.transcript_hash.clone().unwrap_or_default(),
        result: result.ok(),
        calls: vec![ModelCall {
            engine: "openai".to_owned(),
            model: "m".to_owned(),
            prompt_tokens: 90,
            cached_tokens: 0,
            completion_tokens: 10,
            latency_ms: 5,
            ok: true,
        }],
        rerun: None,
    }
}
