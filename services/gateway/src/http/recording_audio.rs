//! What a link to a recording leads to: the audio, passed on from where it lies.

use super::failure::Failure;
use crate::app::AppState;
use crate::config::LinkSettings;
use crate::domain::links::Links;
use anyhow::Context;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use std::time::Duration;
use vigie_service::ErrorCode;
use vigie_webhooks::{FetchError, GuardConfig, GuardedClient, Reason, Timeouts, UrlGuard};

const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(10),
    read: Duration::from_secs(30),
    total: Duration::from_mins(30),
};
const REDIRECTS: usize = 3;
/// What of the answer is passed on.
const PASSED: [HeaderName; 5] = [
    header::CONTENT_LENGTH,
    header::CONTENT_RANGE,
    header::ACCEPT_RANGES,
    header::ETAG,
    header::LAST_MODIFIED,
];

/// Links, and what follows them.
#[derive(Clone)]
pub struct Recordings {
    /// Makes and reads links.
    pub links: Links,
    public: GuardedClient,
    /// For origins that are allowed by name.
    named: Option<GuardedClient>,
}

impl Recordings {
    /// From settings.
    pub fn new(settings: &LinkSettings) -> anyhow::Result<Self> {
        let client = |origins: &[String]| {
            let guard = UrlGuard::new(GuardConfig {
                development: settings.development,
                allowed_origins: origins.to_vec(),
                subject: "recording_url",
            })
            .context("RECORDING_ALLOWED_ORIGINS")?;
            let client = guard.client(TIMEOUTS).context("the client of recordings")?;
            anyhow::Ok(client.following(REDIRECTS))
        };
        let named = &settings.allowed_origins;
        Ok(Self {
            links: Links::new(settings),
            public: client(&[])?,
            named: (!named.is_empty()).then(|| client(named)).transpose()?,
        })
    }

    async fn get(&self, url: &str, headers: HeaderMap) -> Result<reqwest::Response, FetchError> {
        if let Some(named) = &self.named {
            match named.get_with(url, headers.clone()).await {
                Err(FetchError::Refused(error)) if matches!(error.reason, Reason::Origin(_)) => {}
                answered => return answered,
            }
        }
        self.public.get_with(url, headers).await
    }
}

/// The audio behind a link that an answer about recordings held; ranges are passed on.
#[utoipa::path(get, path = "/api/recordings/audio/{link}", tag = "fiches",
    params(("link" = String, Path, description = "from `recordingUrl`; lives minutes")),
    responses((status = 200, description = "the audio", content_type = "audio/mpeg"),
        (status = 206, description = "the range that was asked for"),
        (status = 403, description = "the link has ended, or is none")))]
pub async fn listen(
    State(gateway): State<AppState>,
    Path(link): Path<String>,
    asked: HeaderMap,
) -> Result<Response, Failure> {
    let recordings = gateway.recordings.as_ref().ok_or_else(ended)?;
    let now = gateway.clock.now();
    let target = recordings.links.open(&link, now).ok_or_else(ended)?;
    let mut headers = HeaderMap::new();
    for name in [header::RANGE, header::IF_RANGE] {
        if let Some(value) = asked.get(&name) {
            headers.insert(name, value.clone());
        }
    }
    let answer = recordings.get(&target.url, headers).await;
    let (reader, call) = (target.reader, target.call_id);
    let answer = answer.map_err(|error| {
        tracing::warn!(%error, call.id = call, "a recording cannot be read");
        unreadable()
    })?;
    let status = answer.status();
    if !(status.is_success() || status == StatusCode::RANGE_NOT_SATISFIABLE) {
        tracing::warn!(%status, call.id = call, "a recording cannot be read");
        return Err(unreadable());
    }
    tracing::info!(reader, call.id = call, "a recording is listened to");
    Ok(pass_on(answer))
}

fn pass_on(answer: reqwest::Response) -> Response {
    let mut headers = HeaderMap::new();
    for name in PASSED {
        if let Some(value) = answer.headers().get(&name) {
            headers.insert(name, value.clone());
        }
    }
    // Whatever lies there, no browser shall run it.
    let kind = answer.headers().get(header::CONTENT_TYPE);
    let audio = kind.filter(|kind| kind.as_bytes().starts_with(b"audio/"));
    let kind = audio.cloned();
    let kind = kind.unwrap_or_else(|| HeaderValue::from_static("application/octet-stream"));
    headers.insert(header::CONTENT_TYPE, kind);
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let status = answer.status();
    let body = Body::from_stream(answer.bytes_stream());
    (status, headers, body).into_response()
}

fn ended() -> Failure {
    Failure::new(ErrorCode::Authorization, "This link has ended")
}

fn unreadable() -> Failure {
    Failure::new(ErrorCode::ExternalApi, "The recording cannot be read")
}
