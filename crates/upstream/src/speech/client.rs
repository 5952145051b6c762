//! The client of one provider.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use reqwest::multipart::Form;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;

use super::audio::Audio;
use super::config::{SpeechConfig, SpeechProvider};
use super::error::{SpeechError, SpeechFailure};
use super::key::normalise_key;
use super::provider_error::{self, ErrorAnswer};
use super::transcript::Transcript;
use crate::telemetry::{self, Call};
use crate::{NetworkCause, SetupError, http};

const LARGEST_ANSWER: usize = 64 * 1024 * 1024;
const XI_API_KEY: HeaderName = HeaderName::from_static("xi-api-key");

/// Has audio transcribed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SpeechClient {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    http: reqwest::Client,
    url: Url,
    config: SpeechConfig,
    key: Option<SecretString>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl SpeechClient {
    /// Checks the configuration and builds the client; calls nobody.
    pub fn new(config: SpeechConfig) -> Result<Self, SetupError> {
        let what = "the speech-to-text base URL";
        let (url, key) = match &config.provider {
            SpeechProvider::ElevenLabs(it) => {
                let base = http::base_url(&it.base_url, what)?;
                (http::join(&base, &["v1", "speech-to-text"]), &it.api_key)
            }
            SpeechProvider::OpenAi(it) => {
                let base = http::base_url(&it.base_url, what)?;
                (http::join(&base, &["audio", "transcriptions"]), &it.api_key)
            }
        };
        let key = key.as_ref().and_then(normalise_key);
        let header = key
            .as_ref()
            .map(|key| header(&config.provider, key))
            .transpose()?;
        let inner = Inner {
            http: http::build(http::builder(Duration::from_secs(10)))?,
            url,
            config,
            key,
            header,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Whether requests can be made at all: a key, where the provider needs one.
    pub fn is_configured(&self) -> bool {
        self.inner.key.is_some() || matches!(self.inner.config.provider, SpeechProvider::OpenAi(_))
    }

    /// The provider as metrics and records name it.
    pub fn provider_name(&self) -> &'static str {
        self.inner.call().provider
    }

    /// The model asked for.
    pub fn model(&self) -> &str {
        match &self.inner.config.provider {
            SpeechProvider::ElevenLabs(it) => &it.model_id,
            SpeechProvider::OpenAi(it) => &it.model,
        }
    }

    /// Sends one recording, once.
    #[tracing::instrument(name = "upstream.speech.transcribe", skip_all, fields(speech.provider = self.provider_name()))]
    pub async fn transcribe(&self, audio: &Audio) -> Result<Transcript, SpeechError> {
        if !self.is_configured() {
            return Err(SpeechError::NotConfigured);
        }
        let begun = Instant::now();
        let (outcome, result) = self.inner.exchange(audio).await;
        self.inner.call().record(outcome, begun.elapsed());
        if let Err(error) = &result {
            let request = error.failure().and_then(|it| it.request_id.as_deref());
            tracing::warn!(%error, request.id = request, "transcription request failed");
        }
        result
    }
}

fn header(
    provider: &SpeechProvider,
    key: &SecretString,
) -> Result<(HeaderName, HeaderValue), SetupError> {
    let what = "the speech-to-text key";
    Ok(match provider {
        SpeechProvider::ElevenLabs(_) => (XI_API_KEY, http::sensitive(key.expose_secret(), what)?),
        SpeechProvider::OpenAi(_) => (AUTHORIZATION, http::bearer(key.expose_secret(), what)?),
    })
}

impl Inner {
    const fn call(&self) -> Call {
        Call {
            provider: match self.config.provider {
                SpeechProvider::ElevenLabs(_) => "elevenlabs",
                SpeechProvider::OpenAi(_) => "openai",
            },
            operation: "transcribe",
        }
    }

    const fn what(&self) -> &'static str {
        match self.config.provider {
            SpeechProvider::ElevenLabs(_) => "ElevenLabs speech-to-text failed",
            SpeechProvider::OpenAi(_) => "OpenAI speech-to-text failed",
        }
    }

    async fn form(&self, audio: &Audio) -> std::io::Result<Form> {
        let (part, _) = audio.part().await?;
        let form = Form::new();
        Ok(match &self.config.provider {
            SpeechProvider::ElevenLabs(it) => form
                .text("model_id", it.model_id.clone())
                .text("language_code", it.language_code.clone())
                .text("timestamps_granularity", "word")
                .text("diarize", "true"),
            SpeechProvider::OpenAi(it) => form
                .text("model", it.model.clone())
                .text("language", it.language.clone())
                .text("response_format", "verbose_json")
                .text("timestamp_granularities[]", "word"),
        }
        .part("file", part))
    }

    async fn exchange(&self, audio: &Audio) -> (&'static str, Result<Transcript, SpeechError>) {
        let form = match self.form(audio).await {
            Ok(form) => form,
            Err(error) => return ("local", Err(SpeechError::File(error.kind()))),
        };
        let mut headers: HeaderMap = telemetry::trace_headers();
        if let Some((name, value)) = &self.header {
            headers.insert(name.clone(), value.clone());
        }
        let sent = self
            .http
            .post(self.url.clone())
            .headers(headers)
            .timeout(self.config.timeout)
            .multipart(form)
            .send()
            .await;
        let response = match sent {
            Ok(response) => response,
            Err(error) => return self.network(NetworkCause::of(&error)),
        };
        let status = response.status().as_u16();
        let outcome = telemetry::outcome(status);
        let request_id = http::request_id(response.headers());
        if !response.status().is_success() {
            return (outcome, Err(self.refused(response, request_id).await));
        }
        let body = match http::read(response, LARGEST_ANSWER).await {
            Ok(body) => body,
            Err(cause) => return self.network(cause),
        };
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let (name, transcript) = match self.config.provider {
            SpeechProvider::ElevenLabs(_) => {
                ("ElevenLabs", Transcript::of_elevenlabs(&body, request_id))
            }
            SpeechProvider::OpenAi(_) => ("OpenAI", Transcript::of_openai(&body, request_id)),
        };
        match transcript {
            Some(transcript) => (outcome, Ok(transcript)),
            None => ("malformed", Err(SpeechError::InvalidResponse(name))),
        }
    }

    async fn refused(
        &self,
        response: reqwest::Response,
        request_id: Option<String>,
    ) -> SpeechError {
        let answer = ErrorAnswer {
            what: self.what(),
            status: response.status().as_u16(),
            retry_after: http::retry_after(response.headers()),
            request_id,
            secret: self.key.as_ref(),
            key_setting: match self.config.provider {
                SpeechProvider::ElevenLabs(_) => "ELEVENLABS_API_KEY",
                SpeechProvider::OpenAi(_) => "TRANSCRIPTION_OPENAI_API_KEY",
            },
        };
        let body = http::read_error(response).await;
        SpeechError::Provider(provider_error::read(answer, &body))
    }

    fn network(&self, cause: NetworkCause) -> (&'static str, Result<Transcript, SpeechError>) {
        let failure = SpeechFailure::of_network(self.what(), cause);
        (
            telemetry::network_outcome(cause),
            Err(SpeechError::Provider(failure)),
        )
    }
}
