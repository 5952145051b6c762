//! The second provider, behind the same workflow.

use crate::callers::{by, user};
use crate::world::World;
use vigie_contracts::transcription::v1::GetTranscriptRequest;
use vigie_contracts::transcription::v1::transcription_service_server::TranscriptionService;
use vigie_events::transcription::RunOutcome;
use vigie_identity::Scope;
use vigie_simulators::faults::{Rule, kind};
use vigie_transcription::rpc::TranscriptionRpc;

async fn world() -> World {
    World::with(&[
        ("TRANSCRIPTION_PROVIDER", "openai"),
        ("ELEVENLABS_API_KEY", ""),
    ])
    .await
}

async fn chunk_texts(world: &World) -> Vec<String> {
    sqlx::query_scalar("SELECT full_text FROM recording_transcription_chunks ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn it_needs_no_key_and_invents_no_speakers() {
    let world = world().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    let honest = world.count(
        "SELECT count(*) FROM transcripts
          WHERE engine = 'openai' AND model = 'whisper-1' AND diarization = 'none'",
    );
    assert_eq!(honest.await, 1);
    let chunks = chunk_texts(&world).await;
    assert!(
        chunks.iter().all(|chunk| chunk.starts_with("unknown: ")),
        "{chunks:?}"
    );
    let rpc = TranscriptionRpc::new(world.state.clone());
    let request = GetTranscriptRequest {
        fiche_id: "44".to_owned(),
        call_id: "a".to_owned(),
        include_words: true,
    };
    let shown = rpc
        .get_transcript(by(user(Scope::All, false), request))
        .await;
    let shown = shown.unwrap().into_inner();
    let transcription = shown.transcription.unwrap();
    assert_eq!(transcription.diarization, "none");
    assert!(
        transcription
            .words
            .iter()
            .all(|word| word.speaker_id.is_none())
    );
    assert_eq!(shown.chunks[0].speakers, ["unknown"]);
    // Named by us, since the provider names nothing.
    assert!(shown.transcription_id.unwrap().starts_with("stt_"));
}

#[tokio::test]
async fn segments_do_where_words_are_not_timed_and_silence_is_silence() {
    let world = world().await;
    let run = world.running("44", &["a", "b"]).await;
    for kind in ["no_words", "silence"] {
        world.simulators.stt.add(Rule {
            count: 1,
            ..Rule::new(kind)
        });
        let call = if kind == "silence" { "b" } else { "a" };
        world.recording(run, "44", call).await.unwrap();
    }
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    let none = world.count("SELECT count(*) FROM transcripts WHERE diarization = 'none'");
    assert_eq!(none.await, 2);
    let silent = world.count("SELECT count(*) FROM transcripts WHERE state = 'transcribed_empty'");
    assert_eq!(silent.await, 1);
    assert_eq!(chunk_texts(&world).await.len(), 1);
}

#[tokio::test]
async fn its_refusals_name_its_own_setting() {
    let world = world().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(Rule {
        status: Some(401),
        count: 1,
        ..Rule::new(kind::STATUS)
    });
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    let shown = &world.payloads("transcription.recording_failed").await[0];
    let error = shown["error"].as_str().unwrap();
    assert!(
        error.starts_with("OpenAI speech-to-text failed status=401"),
        "{error}"
    );
    assert!(
        error.ends_with("(Unauthorized: check TRANSCRIPTION_OPENAI_API_KEY)"),
        "{error}"
    );
    let circuit = &world.payloads("ops/provider.circuit").await[0];
    assert_eq!(circuit["provider"], "openai");
}
