//! The connection: base address, session, errors.

use anyhow::{Context, Result};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The pauses, in milliseconds, between one `GET` and the next while a service is away.
const AWAY_MS: [u64; 5] = [100, 200, 400, 800, 1600];

/// An answer that is not a success.
#[derive(Debug, thiserror::Error)]
#[error("{method} {path} answered {status}: {message}{}", code.as_deref().map(|code| format!(" ({code})")).unwrap_or_default())]
pub struct ApiError {
    /// The request's method.
    pub method: Method,
    /// The request's path.
    pub path: String,
    /// The HTTP status.
    pub status: StatusCode,
    /// The contract's code.
    pub code: Option<String>,
    /// What it says to people.
    pub message: String,
}

/// A caller of one gateway.
#[derive(Debug)]
pub struct ApiClient {
    http: Client,
    base: String,
    session: Mutex<Option<Session>>,
}

#[derive(Debug, Clone)]
struct Session {
    token: String,
    email: String,
    password: String,
}

/// An HTTP client with TLS set up.
pub fn http_client() -> Result<Client> {
    // A second call finds one installed, which is as good.
    let _installed_before = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .connect_timeout(Duration::from_secs(5))
        .build()
        .context("HTTP client")
}

impl ApiClient {
    /// A caller that is not logged in.
    pub fn new(gateway_url: &str) -> Result<Self> {
        let base = gateway_url.trim_end_matches('/').to_owned();
        Ok(Self {
            http: http_client()?,
            base,
            session: Mutex::new(None),
        })
    }

    /// Where the gateway is.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Logs in; later requests carry the token. One that has expired is renewed by logging in anew.
    pub async fn login(&self, email: &str, password: &str) -> Result<Value> {
        let body = json!({ "email": email, "password": password });
        let (status, answer) = self
            .send_once(Method::POST, "/api/auth/login", Some(&body))
            .await?;
        let answer = accept(&Method::POST, "/api/auth/login", status, answer)?;
        let token = answer["data"]["access_token"]
            .as_str()
            .context("login gave no access_token")?;
        *self.lock() = Some(Session {
            token: token.to_owned(),
            email: email.to_owned(),
            password: password.to_owned(),
        });
        Ok(answer)
    }

    /// Uses this token instead of logging in.
    pub fn use_token(&self, token: &str) {
        *self.lock() = Some(Session {
            token: token.to_owned(),
            email: String::new(),
            password: String::new(),
        });
    }

    /// The access token, when logged in.
    pub fn token(&self) -> Option<String> {
        self.lock().as_ref().map(|session| session.token.clone())
    }

    /// `GET` that must succeed. Asked again while a service is away: reading twice harms nothing,
    /// and a killed one is back within seconds.
    pub async fn get(&self, path: &str) -> Result<Value> {
        for wait in AWAY_MS {
            let (status, answer) = self.send(Method::GET, path, None).await?;
            if status != StatusCode::SERVICE_UNAVAILABLE {
                return accept(&Method::GET, path, status, answer);
            }
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        self.call(Method::GET, path, None).await
    }

    /// `GET` that must succeed, its body as it came.
    pub async fn bytes(&self, path: &str) -> Result<bytes::Bytes> {
        let request = self.request(Method::GET, path);
        let answer = request.timeout(Duration::from_mins(2)).send().await?;
        Ok(answer.error_for_status()?.bytes().await?)
    }

    /// `POST` that must succeed.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// `PATCH` that must succeed.
    pub async fn patch(&self, path: &str, body: &Value) -> Result<Value> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// A request that must succeed.
    pub async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let (status, answer) = self.send(method.clone(), path, body).await?;
        accept(&method, path, status, answer)
    }

    /// A request whose status is the caller's business. A body that is no JSON is a JSON string.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let (status, answer) = self.send_once(method.clone(), path, body).await?;
        let session = self.lock().clone();
        match session {
            Some(session) if status == StatusCode::UNAUTHORIZED && !session.email.is_empty() => {
                Box::pin(self.login(&session.email, &session.password)).await?;
                self.send_once(method, path, body).await
            }
            _ => Ok((status, answer)),
        }
    }

    async fn send_once(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let mut request = self
            .request(method.clone(), path)
            .timeout(Duration::from_mins(2));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request
            .send()
            .await
            .with_context(|| format!("{method} {path}"))?;
        let status = answer.status();
        let text = answer
            .text()
            .await
            .with_context(|| format!("{method} {path}"))?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    /// A request with the session's token, for what the other functions do not cover.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        match self.token() {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Session>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn accept(
    method: &Method,
    path: &str,
    status: StatusCode,
    answer: Value,
) -> Result<Value> {
    if status.is_success() {
        return Ok(answer);
    }
    let message = answer["error"]
        .as_str()
        .or(answer.as_str())
        .unwrap_or_default();
    Err(ApiError {
        method: method.clone(),
        path: path.split('?').next().unwrap_or_default().to_owned(),
        status,
        code: answer["code"].as_str().map(str::to_owned),
        message: message.chars().take(300).collect(),
    }
    .into())
}
