//! `POST /chat/completions`.

use std::collections::HashMap;
use std::sync::PoisonError;
use std::time::Duration;

use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Value, json};

use super::judge::{Mind, judge};
use super::prompt::Prompt;
use super::reply::{Envelope, Reply};
use super::request::ChatRequest;
use super::text::{fold, hits, stems};
use super::usage::usage;
use super::{Server, error_body, schema, tools};
use crate::faults::{Hit, kind};

/// Answers remembered, so that load tests measure the client and not this model.
const REMEMBERED: usize = 4_096;

/// Letters of an answer that does not end.
const RAMBLING: usize = 1_100_000;

/// Earlier answers by what was asked.
#[derive(Default)]
pub(super) struct Answers {
    by_digest: HashMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct Pace {
    latency_ms: Option<u64>,
}

pub(super) async fn complete(
    State(server): State<Server>,
    Extension(hit): Extension<Hit>,
    Query(pace): Query<Pace>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if !server
        .options
        .accepts(header(header::AUTHORIZATION.as_str()))
    {
        return (StatusCode::UNAUTHORIZED, Json(error_body(401))).into_response();
    }
    let request: ChatRequest = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => return bad_request(&error.to_string()),
    };
    if request.messages.is_empty() {
        return bad_request("messages: array too short");
    }
    hit.set_key(request.key(header("x-vigie-call-key")));
    let latency = pace
        .latency_ms
        .map_or(server.options.latency, Duration::from_millis);
    tokio::time::sleep(latency).await;

    let prompt = request.transcript();
    let reply = server.reply(&request, &hit);
    let cached = server
        .cache
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .cached_tokens(&prompt);
    let envelope = Envelope {
        id: request.digest()[..24].to_owned(),
        usage: usage(&prompt, cached, &reply.text()),
        include_usage: request
            .stream_options
            .as_ref()
            .is_some_and(|options| options.include_usage),
        model: request.model,
    };
    if request.stream {
        envelope.streamed(&reply)
    } else {
        envelope.whole(&reply)
    }
}

impl Server {
    fn reply(&self, request: &ChatRequest, hit: &Hit) -> Reply {
        if hit.take(kind::REFUSAL).is_some() {
            return Reply::Refusal("Je ne peux pas répondre à cette demande.".to_owned());
        }
        if request.may_call_tools() && hit.take(kind::WRONG_TOOL).is_some() {
            return Reply::Tool(tools::wrong_call());
        }
        if request.may_call_tools()
            && let Some(tool) = request.tools.first()
            && hit.take(kind::ENDLESS_TOOLS).is_some()
        {
            return Reply::Tool(tools::call(tool, &Prompt::read(request)));
        }
        if !request.tools.is_empty()
            && let Some(call) = tools::next_call(request, &Prompt::read(request))
        {
            return Reply::Tool(call);
        }
        let content = if hit.take(kind::HALLUCINATION).is_some() {
            answer(request, Mind::Inventing)
        } else if hit.take(kind::INJECTED).is_some() {
            answer(request, Mind::Obeying)
        } else {
            self.remembered(request)
        };
        spoiled(content, hit)
    }

    fn remembered(&self, request: &ChatRequest) -> String {
        let digest = request.digest();
        let known = |answers: &Answers| answers.by_digest.get(&digest).cloned();
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(content) = known(&answers) {
            return content;
        }
        drop(answers);
        let content = answer(request, Mind::Sound);
        answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.by_digest.len() >= REMEMBERED {
            answers.by_digest.clear();
        }
        answers.by_digest.insert(digest, content.clone());
        content
    }
}

/// The answer, as wrong as the rules want it.
fn spoiled(content: String, hit: &Hit) -> Reply {
    let whole = |content| Reply::Text {
        content,
        whole: true,
    };
    if hit.take(kind::SCHEMA_VIOLATION).is_some() {
        return whole(
            json!({ "resultat": "conforme", "points": [{ "point": 1, "ok": "oui" }] }).to_string(),
        );
    }
    if hit.take(kind::TOO_LONG).is_some() {
        return whole(rambling(&content));
    }
    if hit.take(kind::MALFORMED_JSON).is_some() {
        return whole("Voici mon analyse : {traite: oui, \"score\": huit,}".to_owned());
    }
    if hit.take(kind::MISSING_BRACE).is_some() {
        let cut = content.trim_end();
        return whole(cut.strip_suffix('}').unwrap_or(cut).to_owned());
    }
    if hit.take(kind::TRUNCATED).is_some() {
        let length = content.chars().count() / 2;
        return Reply::Text {
            content: content.chars().take(length).collect(),
            whole: false,
        };
    }
    whole(content)
}

/// A right answer with a comment of a megabyte.
fn rambling(content: &str) -> String {
    let Ok(mut step) = serde_json::from_str::<Value>(content) else {
        return content.repeat(1 + RAMBLING / content.len().max(1));
    };
    step["commentaire_global"] = json!("Je reprends. ".repeat(RAMBLING / 13));
    step.to_string()
}

fn answer(request: &ChatRequest, mind: Mind) -> String {
    let prompt = Prompt::read(request);
    match request.schema() {
        Some(schema) if !schema::is_step(schema) => schema::instance(schema).to_string(),
        schema if request.wants_json() || !prompt.control_points.is_empty() => {
            let step = serde_json::to_value(judge(&prompt, mind)).unwrap_or_default();
            match schema {
                Some(schema) => schema::fit(schema, step).to_string(),
                None => step.to_string(),
            }
        }
        _ => conversation(request, &prompt),
    }
}

/// A plain answer: the line of the transcript closest to the last question.
fn conversation(request: &ChatRequest, prompt: &Prompt) -> String {
    let question = request
        .messages
        .iter()
        .rfind(|message| message.role == "user")
        .map(super::request::Message::text)
        .unwrap_or_default();
    let wanted = stems(&question);
    let best = prompt
        .lines
        .iter()
        .map(|line| (hits(&fold(&line.text), &wanted), line))
        .filter(|(count, _)| *count > 0)
        .reduce(|best, next| if next.0 > best.0 { next } else { best });
    match best {
        Some((_, line)) => format!("D'après l'appel, {} dit : « {} »", line.speaker, line.text),
        None => "Je ne trouve rien à ce sujet dans ce qui m'a été transmis.".to_owned(),
    }
}

fn bad_request(message: &str) -> Response {
    let mut body: Value = error_body(400);
    body["error"]["message"] = json!(message);
    (StatusCode::BAD_REQUEST, Json(body)).into_response()
}
