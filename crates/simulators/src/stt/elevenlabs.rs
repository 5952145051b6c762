use std::time::Duration;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::upload::{Pace, Upload};
use super::{Options, error_body, heard};
use crate::calls::{Call, Word, WordKind};
use crate::faults::{Hit, kind};

pub(super) async fn transcribe(
    State(options): State<Options>,
    Extension(hit): Extension<Hit>,
    Query(pace): Query<Pace>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let key = headers
        .get("xi-api-key")
        .and_then(|value| value.to_str().ok());
    if !options.accepts(key) {
        return (StatusCode::UNAUTHORIZED, Json(error_body(401))).into_response();
    }
    let upload = match Upload::read(form, &["model_id"]).await {
        Ok(upload) => upload,
        Err(refusal) => return refusal,
    };
    let (call, fingerprint) = heard(&hit, &upload.file);
    tokio::time::sleep(
        pace.latency_ms
            .map_or(options.latency, Duration::from_millis),
    )
    .await;
    if hit.take(kind::SCHEMA_VIOLATION).is_some() {
        return Json(json!([{ "transcript": call.text }])).into_response();
    }
    let mut answer = transcript(call, &upload, &fingerprint);
    if hit.take("missing_transcription_id").is_some() {
        answer["transcription_id"] = Value::Null;
    }
    if hit.take("no_words").is_some() {
        answer["words"] = json!([]);
    }
    if hit.take("silence").is_some() {
        answer["text"] = json!("");
        answer["words"] = json!([]);
    }
    Json(answer).into_response()
}

fn transcript(call: &Call, upload: &Upload, fingerprint: &str) -> Value {
    let told_apart = upload.field("diarize") == Some("true");
    let words: Vec<Value> = if upload.field("timestamps_granularity") == Some("none") {
        Vec::new()
    } else {
        call.words
            .iter()
            .map(|word| heard_word(word, told_apart))
            .collect()
    };
    json!({
        "transcription_id": format!("stt_{fingerprint}"),
        "language_code": upload.field("language_code").unwrap_or("fra"),
        "language_probability": 0.987,
        "text": call.text,
        "words": words,
    })
}

fn heard_word(word: &Word, told_apart: bool) -> Value {
    let logprob = if word.kind == WordKind::Word {
        -0.02
    } else {
        0.0
    };
    let mut heard = json!({
        "text": word.text,
        "start": word.start,
        "end": word.end,
        "type": word.kind,
        "logprob": logprob,
    });
    if told_apart {
        heard["speaker_id"] = json!(word.speaker_id);
    }
    heard
}
