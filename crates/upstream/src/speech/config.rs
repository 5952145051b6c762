//! Settings of the speech client.

use std::time::Duration;

use secrecy::SecretString;

/// Who transcribes, and for how long a request may run.
#[derive(Debug, Clone)]
pub struct SpeechConfig {
    /// The one provider in use.
    pub provider: SpeechProvider,
    /// Limit of one request, upload included.
    pub timeout: Duration,
}

impl SpeechConfig {
    /// The provider with ten minutes a request.
    pub const fn new(provider: SpeechProvider) -> Self {
        Self {
            provider,
            timeout: Duration::from_mins(10),
        }
    }
}

/// A transcription provider.
#[derive(Debug, Clone)]
pub enum SpeechProvider {
    /// ElevenLabs, with speakers.
    ElevenLabs(ElevenLabsConfig),
    /// Any OpenAI-compatible endpoint, without speakers.
    OpenAi(OpenAiSpeechConfig),
}

/// ElevenLabs.
#[derive(Debug, Clone)]
pub struct ElevenLabsConfig {
    /// Without `/v1`.
    pub base_url: String,
    /// As given; normalised by the client. Without it every request fails as not configured.
    pub api_key: Option<SecretString>,
    /// Model.
    pub model_id: String,
    /// ISO 639-3.
    pub language_code: String,
}

impl Default for ElevenLabsConfig {
    fn default() -> Self {
        Self {
            base_url: "https://api.elevenlabs.io".to_owned(),
            api_key: None,
            model_id: "scribe_v2".to_owned(),
            language_code: "fra".to_owned(),
        }
    }
}

/// An OpenAI-compatible `/audio/transcriptions`.
#[derive(Debug, Clone)]
pub struct OpenAiSpeechConfig {
    /// Up to and including `/v1`.
    pub base_url: String,
    /// `None` for endpoints without a key.
    pub api_key: Option<SecretString>,
    /// Model.
    pub model: String,
    /// ISO 639-1.
    pub language: String,
}

impl OpenAiSpeechConfig {
    /// An endpoint with `whisper-1` and French.
    pub fn new(base_url: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: "whisper-1".to_owned(),
            language: "fr".to_owned(),
        }
    }
}
