//! The speech model: ElevenLabs' `speech-to-text`, and `OpenAI`'s `audio/transcriptions`.
//!
//! What was said is read from the uploaded bytes ([`crate::calls::slug_of`]), so it needs no
//! knowledge of the CRM. Kinds of its own: `schema_violation`, `missing_transcription_id`,
//! `no_words`, `silence`.

mod elevenlabs;
mod openai;
mod upload;

use std::time::Duration;

use axum::Router;
use axum::routing::post;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::calls::{self, Call};
use crate::faults::{Faults, Hit};

/// Largest upload.
const MAX_UPLOAD: usize = 512 * 1024 * 1024;

/// How the speech simulator is set up.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Key to require, if any.
    pub key: Option<SecretString>,
    /// Time a transcription takes, unless the query says `latency_ms`.
    pub latency: Duration,
}

/// The routes of the speech model, under its faults.
pub fn router(options: Options, faults: &Faults) -> Router {
    let routes = Router::new()
        .route("/speech-to-text", post(elevenlabs::transcribe))
        .route("/audio/transcriptions", post(openai::transcribe))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_UPLOAD))
        .with_state(options);
    faults.guard(Router::new().nest("/v1", routes.clone()).merge(routes))
}

/// What `ElevenLabs` answers when something goes wrong.
pub(crate) fn error_body(status: u16) -> Value {
    let (code, message) = match status {
        401 => ("invalid_api_key", "Invalid API key"),
        422 => ("invalid_parameters", "The audio cannot be processed."),
        429 => ("rate_limit_exceeded", "Too many requests, slow down."),
        _ => ("internal_error", "Something went wrong on our side."),
    };
    json!({ "detail": { "status": code, "code": code, "message": message, "request_id": "req_simulated" } })
}

impl Options {
    fn accepts(&self, presented: Option<&str>) -> bool {
        self.key
            .as_ref()
            .is_none_or(|key| presented == Some(key.expose_secret()))
    }
}

/// The call that an upload holds, noted in the record of requests.
fn heard(hit: &Hit, audio: &[u8]) -> (&'static Call, String) {
    let digest = hex::encode(Sha256::digest(audio));
    let fingerprint = digest[..12].to_owned();
    let call = calls::slug_of(audio)
        .and_then(calls::find)
        .unwrap_or_else(|| calls::generic());
    hit.set_key(format!("{}:{fingerprint}", call.slug));
    (call, fingerprint)
}
