use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::{StreamExt, stream};
use serde_json::Value;

use super::rule::kind;
use super::{Faults, Hit, Rule, Seen, lock};

/// Largest request body a simulator takes.
const MAX_BODY: usize = 512 * 1024 * 1024;
/// Longest time a request hangs.
const MAX_HANG: Duration = Duration::from_mins(10);
/// What is sent in place of JSON.
const NOT_JSON: &str = "{\"success\": true, \"data\": [{\"id\": \"12";

/// Kinds applied here, in whatever order their rules were added.
const GENERIC: &[&str] = &[
    kind::LATENCY,
    kind::STATUS,
    kind::NOT_FOUND_THEN_OK,
    kind::HANG,
    kind::RESET,
    kind::RESET_AFTER,
    kind::MALFORMED_JSON,
    kind::MALFORMED_BODY,
];

pub(super) async fn inject(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let query = parts.uri.query().unwrap_or_default().to_owned();
    let arrival = Arrival::new(&faults, &parts);
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY).await else {
        return arrival.answered(StatusCode::PAYLOAD_TOO_LARGE.into_response());
    };
    let seen = Arc::new(Seen { path, query, body });
    for rule in faults.before(&seen) {
        match rule.kind.as_str() {
            kind::LATENCY => wait(rule.latency_ms).await,
            kind::HANG => {
                faults.hang().await;
                return arrival.answered(StatusCode::GATEWAY_TIMEOUT.into_response());
            }
            kind::RESET => return arrival.answered(cut(Bytes::new())),
            kind::MALFORMED_JSON | kind::MALFORMED_BODY => {
                return arrival.answered(not_json());
            }
            kind::RESET_AFTER => {
                let whole = handle(&arrival, parts, &seen, next).await;
                return arrival.answered(half(whole).await);
            }
            kind::NOT_FOUND_THEN_OK => {
                return arrival.answered(faults.refusal(&rule, 404));
            }
            _ => return arrival.answered(faults.refusal(&rule, 500)),
        }
    }
    arrival.answered(handle(&arrival, parts, &seen, next).await)
}

async fn handle(arrival: &Arrival<'_>, mut parts: Parts, seen: &Arc<Seen>, next: Next) -> Response {
    parts.extensions.insert(arrival.hit(seen));
    let request = Request::from_parts(parts, Body::from(seen.body.clone()));
    next.run(request).await
}

impl Faults {
    /// The rules to apply, in order, up to the first one that ends the request.
    fn before(&self, seen: &Seen) -> Vec<Rule> {
        let mut due = Vec::new();
        for armed in lock(&self.inner.rules).iter_mut() {
            let name = armed.rule().kind.as_str();
            if !GENERIC.contains(&name) || self.inner.own.contains(&name) {
                continue;
            }
            if let Some(rule) = armed.fire(seen) {
                let ends = rule.kind != kind::LATENCY;
                due.push(rule);
                if ends {
                    break;
                }
            }
        }
        due
    }

    async fn hang(&self) {
        tokio::select! {
            () = tokio::time::sleep(MAX_HANG) => {}
            () = self.inner.stopping.cancelled() => {}
        }
    }

    fn refusal(&self, rule: &Rule, default_status: u16) -> Response {
        let code = rule.status.unwrap_or(default_status);
        let status = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = rule
            .body
            .clone()
            .unwrap_or_else(|| (self.inner.error_body)(status.as_u16()));
        let mut response = match body {
            Value::String(text) => (status, text).into_response(),
            json => (status, Json(json)).into_response(),
        };
        if let Some(seconds) = rule.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// A recorded request; in flight until dropped, also when the client leaves first.
struct Arrival<'a> {
    faults: &'a Faults,
    number: u64,
}

impl<'a> Arrival<'a> {
    fn new(faults: &'a Faults, request: &Parts) -> Self {
        let number = lock(&faults.inner.journal).arrived(
            request.method.to_string(),
            request.uri.path().to_owned(),
            request.uri.query().unwrap_or_default().to_owned(),
            trace_id(&request.headers),
        );
        Self { faults, number }
    }

    fn hit(&self, seen: &Arc<Seen>) -> Hit {
        Hit {
            faults: self.faults.clone(),
            seen: Arc::clone(seen),
            number: self.number,
        }
    }

    fn answered(&self, response: Response) -> Response {
        lock(&self.faults.inner.journal).answered(self.number, response.status().as_u16());
        response
    }
}

impl Drop for Arrival<'_> {
    fn drop(&mut self) {
        lock(&self.faults.inner.journal).left();
    }
}

/// Of a W3C `traceparent`: its second field.
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let parent = headers.get("traceparent")?.to_str().ok()?;
    parent.split('-').nth(1).map(str::to_owned)
}

async fn wait(latency_ms: Option<u64>) {
    tokio::time::sleep(Duration::from_millis(latency_ms.unwrap_or(1_000))).await;
}

fn not_json() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], NOT_JSON).into_response()
}

/// An answer whose body breaks: the server closes the connection without ending it.
fn cut(sent: Bytes) -> Response {
    let broken = stream::once(async { Err(io::Error::other("cut on demand")) });
    Body::from_stream(stream::iter([Ok(sent)]).chain(broken)).into_response()
}

async fn half(whole: Response) -> Response {
    let (parts, body) = whole.into_parts();
    let bytes = axum::body::to_bytes(body, MAX_BODY)
        .await
        .unwrap_or_default();
    let mut broken = cut(bytes.slice(..bytes.len() / 2));
    *broken.status_mut() = parts.status;
    broken
}
