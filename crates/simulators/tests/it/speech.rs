//! Both speech APIs.

use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use vigie_simulators::{Options, calls};

use crate::{World, world, world_with};

fn form(audio: Vec<u8>) -> Form {
    let part = Part::bytes(audio)
        .file_name("audio.mp3")
        .mime_str("audio/mpeg")
        .unwrap();
    Form::new()
        .part("file", part)
        .text("model_id", "scribe_v2")
        .text("model", "whisper-1")
        .text("response_format", "verbose_json")
        .text("language_code", "fra")
        .text("timestamps_granularity", "word")
        .text("diarize", "true")
}

async fn upload(world: &World, path: &str, form: Form) -> reqwest::Response {
    let url = format!("{}{path}", world.simulators.stt_url);
    let request = world.client.post(url).header("xi-api-key", "secret");
    request.multipart(form).send().await.unwrap()
}

#[tokio::test]
async fn what_is_uploaded_is_what_is_heard() {
    let world = world().await;
    let mut ids = Vec::new();
    for call in calls::all() {
        let audio = calls::audio_of(call.slug, "4f0c2b9e");
        let answer = upload(&world, "/v1/speech-to-text", form(audio)).await;
        assert_eq!(answer.status(), 200);
        let heard: Value = answer.json().await.unwrap();
        assert_eq!(heard["text"], call.text);
        assert_eq!(heard["language_code"], "fra");
        let words = heard["words"].as_array().unwrap();
        assert_eq!(words.len(), call.words.len());
        let speakers = |name: &str| words.iter().any(|word| word["speaker_id"] == name);
        assert!(speakers("speaker_0") && speakers("speaker_1"));
        assert!(words.iter().any(|word| word["type"] == "spacing"));
        ids.push(heard["transcription_id"].as_str().unwrap().to_owned());
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), calls::all().len());
}

#[tokio::test]
async fn each_recording_is_counted_apart() {
    let world = world().await;
    for recording in ["a", "a", "b"] {
        let audio = calls::audio_of("messagerie", recording);
        upload(&world, "/v1/speech-to-text", form(audio)).await;
    }
    let calls = world.calls(&world.simulators.stt_url).await;
    let mut counts: Vec<u64> = calls["by_key"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(Value::as_u64)
        .collect();
    counts.sort_unstable();
    assert_eq!(counts, [1, 2]);
}

#[tokio::test]
async fn unknown_audio_is_heard_as_something_short() {
    let world = world().await;
    let answer = upload(&world, "/v1/speech-to-text", form(b"RIFF".to_vec())).await;
    let heard: Value = answer.json().await.unwrap();
    assert_eq!(heard["text"], calls::generic().text);
}

#[tokio::test]
async fn the_other_protocol_has_words_without_speakers() {
    let world = world().await;
    let audio = calls::audio("messagerie");
    let answer = upload(&world, "/v1/audio/transcriptions", form(audio)).await;
    let heard: Value = answer.json().await.unwrap();
    assert_eq!(heard["language"], "french");
    assert!(heard["words"][0]["word"].is_string());
    assert_eq!(heard["words"][0]["speaker_id"], Value::Null);
}

#[tokio::test]
async fn a_wrong_key_and_a_missing_file_are_refused_as_the_provider_does() {
    let world = world_with(Options {
        stt_key: Some("other".into()),
        ..Options::default()
    })
    .await;
    let answer = upload(&world, "/v1/speech-to-text", form(vec![1])).await;
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["detail"]["status"], "invalid_api_key");

    let world = crate::world().await;
    let empty = Form::new().text("model_id", "scribe_v2");
    let answer = upload(&world, "/v1/speech-to-text", empty).await;
    assert_eq!(answer.status(), 422);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(body["detail"][0]["loc"], json!(["body", "file"]));
}

#[tokio::test]
async fn faults_of_its_own() {
    let world = world().await;
    let stt = &world.simulators.stt_url;
    for kind in ["missing_transcription_id", "silence", "schema_violation"] {
        world
            .fault(
                stt,
                json!({ "path": "/v1/speech", "kind": kind, "count": 1 }),
            )
            .await;
        let audio = calls::audio("messagerie");
        let answer = upload(&world, "/v1/speech-to-text", form(audio)).await;
        let heard: Value = answer.json().await.unwrap();
        match kind {
            "missing_transcription_id" => assert_eq!(heard["transcription_id"], Value::Null),
            "silence" => assert_eq!(heard["words"], json!([])),
            _ => assert!(heard.is_array()),
        }
    }
}
