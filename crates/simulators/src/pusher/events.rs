use std::collections::VecDeque;

use axum::Json;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Server, signature};

/// Largest `data` of an event, in bytes.
const MAX_DATA: usize = 10_240;
/// Most events in a batch.
const MAX_BATCH: usize = 10;
/// Most channels of an event.
const MAX_CHANNELS: usize = 100;
/// Events kept for `GET /__events`.
const KEPT: usize = 20_000;

/// What was published, oldest first.
#[derive(Default)]
pub(super) struct Published {
    total: u64,
    kept: VecDeque<Event>,
}

#[derive(Clone, Serialize)]
struct Event {
    at_ms: i64,
    channel: String,
    name: String,
    data: Value,
}

#[derive(Deserialize)]
struct Publication {
    name: String,
    data: String,
    channel: Option<String>,
    #[serde(default)]
    channels: Vec<String>,
}

#[derive(Deserialize)]
struct Batch {
    batch: Vec<Publication>,
}

pub(super) async fn publish(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    body: Bytes,
) -> Response {
    if let Err(why) = signature::verify(&server.options, &uri, &body, Utc::now().timestamp()) {
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    match serde_json::from_slice::<Publication>(&body) {
        Ok(publication) => accept(&server, vec![publication]),
        Err(_) => bad("Invalid event\n"),
    }
}

pub(super) async fn publish_batch(
    State(server): State<Server>,
    OriginalUri(uri): OriginalUri,
    body: Bytes,
) -> Response {
    if let Err(why) = signature::verify(&server.options, &uri, &body, Utc::now().timestamp()) {
        return (StatusCode::UNAUTHORIZED, why).into_response();
    }
    match serde_json::from_slice::<Batch>(&body) {
        Ok(Batch { batch }) if batch.len() <= MAX_BATCH => accept(&server, batch),
        Ok(_) => bad("Batch too large (> 10 events)\n"),
        Err(_) => bad("Invalid batch\n"),
    }
}

pub(super) async fn list(State(server): State<Server>) -> Json<Value> {
    Json(
        server.published(|published| json!({ "total": published.total, "events": published.kept })),
    )
}

pub(super) async fn forget(State(server): State<Server>) -> StatusCode {
    server.published(|published| *published = Published::default());
    StatusCode::NO_CONTENT
}

fn accept(server: &Server, publications: Vec<Publication>) -> Response {
    let at_ms = Utc::now().timestamp_millis();
    let mut events = Vec::new();
    for publication in publications {
        if publication.data.len() > MAX_DATA {
            let why = "The data content of this event exceeds the allowed maximum (10240 bytes).\n";
            return (StatusCode::PAYLOAD_TOO_LARGE, why).into_response();
        }
        let mut channels = publication.channels;
        channels.extend(publication.channel);
        if channels.is_empty() || channels.len() > MAX_CHANNELS {
            return bad("Missing or too many channels\n");
        }
        // Data is a string for Pusher; its JSON is easier to assert on.
        let data = serde_json::from_str(&publication.data)
            .unwrap_or_else(|_| Value::String(publication.data.clone()));
        events.extend(channels.into_iter().map(|channel| Event {
            at_ms,
            channel,
            name: publication.name.clone(),
            data: data.clone(),
        }));
    }
    server.published(|published| {
        published.total += events.len() as u64;
        published.kept.extend(events);
        let excess = published.kept.len().saturating_sub(KEPT);
        published.kept.drain(..excess);
    });
    Json(json!({})).into_response()
}

fn bad(why: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, why).into_response()
}
