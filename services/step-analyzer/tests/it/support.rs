//! Calls of the simulators as transcripts, and the six-step scorecard.

use vigie_scorecard::{ConfigSnapshot, SourceRecording, Timeline, Word, WordKind};
use vigie_simulators::calls;
use vigie_step_analyzer::domain::judgement::Transcript;

/// The transcript of one simulated call.
pub fn transcript(slug: &str) -> Transcript {
    let call = calls::find(slug).unwrap_or_else(|| panic!("no call {slug}"));
    let words = call.words.iter().map(|word| Word {
        text: word.text.clone(),
        start: word.start,
        end: word.end,
        kind: match word.kind {
            calls::WordKind::Spacing => WordKind::Spacing,
            calls::WordKind::Word | calls::WordKind::AudioEvent => WordKind::Word,
        },
        speaker_id: Some(word.speaker_id.to_owned()),
    });
    let source = SourceRecording {
        call_id: slug.to_owned(),
        recording_url: Some("https://records.test/a.mp3".to_owned()),
        has_transcription: true,
        words: words.collect(),
        ..SourceRecording::default()
    };
    let (timeline, _) = Timeline::build(vec![source]);
    Transcript::new(timeline, slug.to_owned())
}

/// The seeded six-step configuration.
pub fn config() -> ConfigSnapshot {
    let seed = include_str!("../../../audit-orchestrator/seeds/essential.json");
    let mut seed: serde_json::Value = serde_json::from_str(seed).unwrap();
    seed["id"] = "1".into();
    serde_json::from_value(seed).unwrap()
}
