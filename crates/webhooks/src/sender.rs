//! One attempt: the request of fiches.md 6.3, and what became of it.

use crate::client::{FetchError, GuardedClient};
use crate::signature;
use chrono::{SecondsFormat, Utc};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue, RETRY_AFTER};
use reqwest::{Response, header};
use secrecy::SecretString;
use std::error::Error;
use std::time::{Duration, SystemTime};

const USER_AGENT: &str = "Vigie-Webhook/1.0";
/// More of an answer is not read.
const MOST_READ_BYTES: usize = 4096;
/// More of an answer, or of an error, is not kept.
const MOST_KEPT_CHARS: usize = 1000;

/// What is sent.
pub struct Request<'a> {
    /// Where to.
    pub url: &'a str,
    /// What happened.
    pub event: &'a str,
    /// About what.
    pub job_id: &'a str,
    /// The same for every attempt.
    pub delivery_id: &'a str,
    /// From 1.
    pub attempt: i32,
    /// The exact bytes.
    pub body: &'a str,
    /// The current secret first; none leaves the signatures out.
    pub secrets: &'a [SecretString],
}

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Somebody answered.
    Answered {
        /// With this status …
        status: u16,
        /// … this beginning of a body …
        body: String,
        /// … and this wish.
        retry_after: Option<Duration>,
    },
    /// Nobody was asked: the URL may not be called.
    Refused(String),
    /// No answer came.
    Failed(String),
}

/// Sends once.
pub async fn send(client: &GuardedClient, request: &Request<'_>) -> Outcome {
    let headers = match headers(request) {
        Ok(headers) => headers,
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let body = request.body.as_bytes().to_vec();
    match client.post(request.url, headers, body).await {
        Ok(answer) => {
            let status = answer.status().as_u16();
            let retry_after = retry_after(answer.headers());
            Outcome::Answered {
                status,
                retry_after,
                // The status came; that the rest did not is no failure.
                body: beginning(answer).await,
            }
        }
        Err(FetchError::Refused(error)) => Outcome::Refused(error.to_string()),
        Err(FetchError::Http(error)) => Outcome::Failed(describe(&error)),
        Err(error @ (FetchError::TooManyRedirects(_) | FetchError::BadRedirect)) => {
            Outcome::Failed(error.to_string())
        }
    }
}

fn headers(request: &Request<'_>) -> Result<HeaderMap, InvalidHeaderValue> {
    let now = Utc::now();
    let timestamp = now.to_rfc3339_opts(SecondsFormat::Millis, true);
    let body = request.body.as_bytes();
    let mut headers = HeaderMap::new();
    let mut put = |name: HeaderName, value: &str| {
        headers.insert(name, HeaderValue::from_str(value)?);
        Ok::<_, InvalidHeaderValue>(())
    };
    let own = HeaderName::from_static;
    put(header::CONTENT_TYPE, "application/json")?;
    put(header::USER_AGENT, USER_AGENT)?;
    put(own("x-webhook-event"), request.event)?;
    put(own("x-webhook-job-id"), request.job_id)?;
    put(own("x-webhook-delivery-id"), request.delivery_id)?;
    put(own("x-webhook-attempt"), &request.attempt.to_string())?;
    put(own("x-webhook-timestamp"), &timestamp)?;
    put(own("webhook-id"), request.delivery_id)?;
    put(own("webhook-timestamp"), &now.timestamp().to_string())?;
    if let Some(secret) = request.secrets.first() {
        let standard =
            signature::standard(request.secrets, request.delivery_id, now.timestamp(), body);
        put(own("x-webhook-signature"), &signature::v1(secret, body))?;
        put(
            own("x-webhook-signature-v2"),
            &signature::v2(secret, &timestamp, body),
        )?;
        put(own("webhook-signature"), &standard)?;
    }
    Ok(headers)
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(text).ok()?;
    at.duration_since(SystemTime::now()).ok()
}

async fn beginning(mut answer: Response) -> String {
    let mut bytes = Vec::new();
    while bytes.len() < MOST_READ_BYTES {
        match answer.chunk().await {
            Ok(Some(chunk)) => bytes.extend_from_slice(&chunk),
            Ok(None) | Err(_) => break,
        }
    }
    bytes.truncate(MOST_READ_BYTES);
    kept(&String::from_utf8_lossy(&bytes))
}

fn describe(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "timeout".to_owned();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    kept(&text)
}

/// What Postgres can store of a foreign text.
pub fn kept(text: &str) -> String {
    text.chars()
        .filter(|c| *c != '\0')
        .take(MOST_KEPT_CHARS)
        .collect()
}
