//! An `OpenAI` compatible model that reads the transcript it is given and answers from it.
//!
//! It follows the step schema when that is asked for, and any other JSON schema with a minimal
//! instance. It has no latency of its own. Kinds of its own: `schema_violation`,
//! `malformed_json` (the content, not the HTTP body), `truncated`, `missing_brace`,
//! `hallucination`, `injected`, `too_long`, `endless_tools`, `wrong_tool`, `refusal`.

mod chat;
mod judge;
mod lexicon;
mod prompt;
mod reply;
mod request;
mod schema;
mod text;
mod tools;
mod usage;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::routing::{get, post};
use axum::{Json, Router};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

use crate::faults::Faults;
use usage::PromptCache;

/// How the model simulator is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bearer key to require, if any.
    pub key: Option<SecretString>,
    /// Time an answer takes, unless the query says `latency_ms`.
    pub latency: Duration,
}

#[derive(Clone)]
struct Server {
    options: Options,
    cache: Arc<Mutex<PromptCache>>,
    answers: Arc<Mutex<chat::Answers>>,
}

/// The routes of the model, under its faults.
pub fn router(options: Options, faults: &Faults) -> Router {
    let routes = Router::new()
        .route("/chat/completions", post(chat::complete))
        .route("/models", get(models))
        .layer(axum::extract::DefaultBodyLimit::disable())
        .with_state(Server {
            options,
            cache: Arc::default(),
            answers: Arc::default(),
        });
    faults.guard(Router::new().nest("/v1", routes.clone()).merge(routes))
}

/// What the API answers when something goes wrong.
pub(crate) fn error_body(status: u16) -> Value {
    let (message, kind, code) = match status {
        400 => ("Invalid request.", "invalid_request_error", Value::Null),
        401 => (
            "Incorrect API key provided.",
            "invalid_request_error",
            json!("invalid_api_key"),
        ),
        429 => (
            "Rate limit reached.",
            "requests",
            json!("rate_limit_exceeded"),
        ),
        _ => (
            "The server had an error while processing your request.",
            "server_error",
            Value::Null,
        ),
    };
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

impl Options {
    fn accepts(&self, authorization: Option<&str>) -> bool {
        self.key.as_ref().is_none_or(|key| {
            authorization.and_then(|value| value.strip_prefix("Bearer "))
                == Some(key.expose_secret())
        })
    }
}

async fn models() -> Json<Value> {
    let models: Vec<Value> = ["gpt-5.2", "gpt-5.2-mini", "vigie-simulated"]
        .map(|id| json!({ "id": id, "object": "model", "created": 1_764_547_200, "owned_by": "vigie" }))
        .into();
    Json(json!({ "object": "list", "data": models }))
}
