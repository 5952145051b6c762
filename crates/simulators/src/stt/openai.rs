use std::time::Duration;

use axum::extract::multipart::MultipartRejection;
use axum::extract::{Multipart, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

use super::upload::{Pace, Upload};
use super::{Options, heard};
use crate::calls::{Call, WordKind};
use crate::faults::{Hit, kind};

pub(super) async fn transcribe(
    State(options): State<Options>,
    Extension(hit): Extension<Hit>,
    Query(pace): Query<Pace>,
    headers: HeaderMap,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let key = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "));
    if !options.accepts(key) {
        return (StatusCode::UNAUTHORIZED, Json(crate::llm::error_body(401))).into_response();
    }
    let upload = match Upload::read(form, &["model"]).await {
        Ok(upload) => upload,
        Err(refusal) => return refusal,
    };
    let (call, _) = heard(&hit, &upload.file);
    tokio::time::sleep(
        pace.latency_ms
            .map_or(options.latency, Duration::from_millis),
    )
    .await;
    if hit.take(kind::SCHEMA_VIOLATION).is_some() {
        return Json(json!([{ "transcript": call.text }])).into_response();
    }
    let silent = hit.take("silence").is_some();
    let wordless = hit.take("no_words").is_some();
    match upload.field("response_format").unwrap_or("json") {
        "text" => call.text.clone().into_response(),
        "verbose_json" => {
            let mut answer = verbose(call);
            if silent {
                answer["text"] = json!("");
                answer["segments"] = json!([]);
            }
            if silent || wordless {
                answer["words"] = json!([]);
            }
            Json(answer).into_response()
        }
        _ => Json(json!({ "text": call.text, "usage": usage(call) })).into_response(),
    }
}

/// Word times, but nothing about who spoke.
fn verbose(call: &Call) -> Value {
    let words: Vec<Value> = call
        .words
        .iter()
        .filter(|word| word.kind == WordKind::Word)
        .map(|word| json!({ "word": word.text, "start": word.start, "end": word.end }))
        .collect();
    let segment = json!({ "id": 0, "start": 0.0, "end": call.duration_seconds, "text": call.text });
    json!({
        "task": "transcribe",
        "language": "french",
        "duration": call.duration_seconds,
        "text": call.text,
        "words": words,
        "segments": [segment],
        "usage": usage(call),
    })
}

fn usage(call: &Call) -> Value {
    json!({ "type": "duration", "seconds": call.duration_seconds.ceil() })
}
