//! The client of one endpoint.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret;

use super::{ChatAnswer, ChatRequest, LlmConfig, LlmError, wire};
use crate::retry::{self, GiveUp};
use crate::telemetry::{self, Call};
use crate::{Budget, NetworkCause, SetupError, http};

const CALL: Call = Call {
    provider: "openai",
    operation: "chat",
};
const CALL_KEY: HeaderName = HeaderName::from_static("x-vigie-call-key");
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

/// Asks a language model. Cheap to clone.
#[derive(Debug, Clone)]
pub struct LlmClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    url: url::Url,
    config: LlmConfig,
    authorization: Option<HeaderValue>,
}

impl LlmClient {
    /// Checks the configuration and builds the client; calls nobody.
    pub fn new(config: LlmConfig) -> Result<Self, SetupError> {
        let base = http::base_url(&config.base_url, "the language model base URL")?;
        let authorization = config
            .api_key
            .as_ref()
            .map(|key| http::bearer(key.expose_secret(), "the language model key"))
            .transpose()?;
        let inner = Inner {
            http: http::build(http::builder(Duration::from_secs(10)))?,
            url: http::join(&base, &["chat", "completions"]),
            config,
            authorization,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The model that answers requests that name none.
    pub fn model(&self) -> &str {
        &self.inner.config.model
    }

    /// Asks for one completion within the configured budget.
    ///
    /// Overload, server errors and broken lines are retried. A `Retry-After` longer than the budget comes back as
    /// [`LlmError::Unavailable`] at once, so that the caller can put the work aside.
    pub async fn complete(&self, request: ChatRequest) -> Result<ChatAnswer, LlmError> {
        self.complete_within(request, self.inner.config.budget)
            .await
    }

    /// As [`LlmClient::complete`], within the caller's own budget if that is shorter.
    #[tracing::instrument(name = "upstream.llm.chat", skip_all, fields(llm.model = self.model_of(&request)))]
    pub async fn complete_within(
        &self,
        request: ChatRequest,
        budget: Duration,
    ) -> Result<ChatAnswer, LlmError> {
        let inner = &self.inner;
        let headers = inner.headers(&request)?;
        let body = bytes::Bytes::from(wire::body(&inner.config, &request).to_string());
        let model = self.model_of(&request);
        let budget = Budget::start(budget.min(inner.config.budget));
        let tried = AtomicU32::new(0);
        let attempt = || {
            let tried = tried.fetch_add(1, Ordering::Relaxed) + 1;
            inner.attempt(model, headers.clone(), body.clone(), budget, tried)
        };
        let outcome = retry::run(inner.config.retry, budget, attempt, || CALL.retried()).await;
        outcome.map_err(|gave_up| {
            let error = match gave_up {
                GiveUp::Failed(error) | GiveUp::Later { error, .. } => error,
            };
            tracing::warn!(%error, attempts = tried.load(Ordering::Relaxed), "completion failed");
            error
        })
    }

    fn model_of<'a>(&'a self, request: &'a ChatRequest) -> &'a str {
        request.model.as_deref().unwrap_or(self.model())
    }
}

impl Inner {
    fn headers(&self, request: &ChatRequest) -> Result<HeaderMap, LlmError> {
        let mut headers = telemetry::trace_headers();
        headers.insert(
            reqwest::header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if let Some(value) = &self.authorization {
            headers.insert(AUTHORIZATION, value.clone());
        }
        if let Some(key) = &request.call_key {
            let value = HeaderValue::from_str(key)
                .map_err(|_| LlmError::Invalid("call key cannot stand in a header"))?;
            headers.insert(CALL_KEY, value);
        }
        Ok(headers)
    }

    async fn attempt(
        &self,
        model: &str,
        headers: HeaderMap,
        body: bytes::Bytes,
        budget: Budget,
        tried: u32,
    ) -> Result<ChatAnswer, LlmError> {
        let begun = Instant::now();
        let (outcome, result) = self
            .exchange(model, headers, body, budget, tried, begun)
            .await;
        CALL.record(outcome, begun.elapsed());
        result
    }

    async fn exchange(
        &self,
        model: &str,
        headers: HeaderMap,
        body: bytes::Bytes,
        budget: Budget,
        tried: u32,
        begun: Instant,
    ) -> (&'static str, Result<ChatAnswer, LlmError>) {
        let sent = self
            .http
            .post(self.url.clone())
            .headers(headers)
            .timeout(budget.attempt(self.config.attempt_timeout))
            .body(body)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return network(NetworkCause::of(&error)),
        };
        let status = response.status().as_u16();
        let outcome = telemetry::outcome(status);
        if !response.status().is_success() {
            let retry_after = http::retry_after(response.headers());
            let code = wire::error_code(&http::read_error(response).await);
            let error = LlmError::of_status(status, code, retry_after);
            return (outcome, Err(error));
        }
        let request_id = http::request_id(response.headers());
        let body = match http::read(response, LARGEST_ANSWER).await {
            Ok(body) => body,
            Err(cause) => return network(cause),
        };
        match wire::parse(&body, model, begun.elapsed(), tried, request_id) {
            Ok(answer) => (outcome, Ok(answer)),
            Err(error) => ("malformed", Err(error)),
        }
    }
}

fn network(cause: NetworkCause) -> (&'static str, Result<ChatAnswer, LlmError>) {
    (
        telemetry::network_outcome(cause),
        Err(LlmError::of_network(cause)),
    )
}
