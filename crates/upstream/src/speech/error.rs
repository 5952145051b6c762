//! Why there is no transcript. The texts are stored and shown: no URL, key or transcript is in them.

use std::fmt;
use std::time::Duration;

use crate::NetworkCause;
use crate::retry::is_transient_status;

/// What a failure means for the next attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechErrorClass {
    /// Try this recording again later.
    Retryable,
    /// This recording will never work.
    Permanent,
    /// The account is spent: stop sending, tell somebody.
    Quota,
    /// The key is refused: stop sending, tell somebody.
    Key,
}

/// Why a download or a transcription failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpeechError {
    /// No key.
    #[error("ElevenLabs API key not configured (set ELEVENLABS_API_KEY)")]
    NotConfigured,
    /// A success that is none.
    #[error("{0} response invalid (expected JSON object)")]
    InvalidResponse(&'static str),
    /// The provider or the network failed.
    #[error(transparent)]
    Provider(SpeechFailure),
    /// The audio could not be fetched.
    #[error(transparent)]
    Download(SpeechFailure),
    /// The URL, or one it leads to, must not be fetched.
    #[error("Audio download failed: {0}")]
    Refused(String),
    /// More than the limit.
    #[error("Audio download failed: larger than {limit_bytes} bytes")]
    TooLarge {
        /// The limit.
        limit_bytes: u64,
    },
    /// What came is a page, not audio.
    #[error("Audio download failed: not audio ({0})")]
    NotAudio(String),
    /// The local disk failed.
    #[error("audio file: {0}")]
    File(std::io::ErrorKind),
}

/// The facts of a failed exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpeechFailure {
    /// `ElevenLabs speech-to-text failed`, `Audio download failed`, ...
    pub what: &'static str,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What broke below HTTP.
    pub network: Option<NetworkCause>,
    /// The provider's words, cut and cleaned.
    pub provider_message: Option<String>,
    /// The provider's error code.
    pub provider_code: Option<String>,
    /// The provider's name for the request, for support.
    pub request_id: Option<String>,
    /// Come back after this.
    pub retry_after: Option<Duration>,
    /// What it means.
    pub class: SpeechErrorClass,
    /// The setting to look at after a 401.
    pub key_setting: Option<&'static str>,
}

impl SpeechFailure {
    pub(super) fn of_network(what: &'static str, cause: NetworkCause) -> Self {
        let class = if cause.is_transient() {
            SpeechErrorClass::Retryable
        } else {
            SpeechErrorClass::Permanent
        };
        Self {
            network: Some(cause),
            ..Self::blank(what, class)
        }
    }

    pub(super) fn of_status(what: &'static str, status: u16) -> Self {
        let class = if is_transient_status(status) {
            SpeechErrorClass::Retryable
        } else {
            SpeechErrorClass::Permanent
        };
        Self {
            status: Some(status),
            ..Self::blank(what, class)
        }
    }

    const fn blank(what: &'static str, class: SpeechErrorClass) -> Self {
        Self {
            what,
            status: None,
            network: None,
            provider_message: None,
            provider_code: None,
            request_id: None,
            retry_after: None,
            class,
            key_setting: None,
        }
    }
}

impl fmt::Display for SpeechFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)?;
        if let Some(status) = self.status {
            write!(f, " status={status}")?;
        }
        if let Some(cause) = self.network {
            write!(f, " code={}", cause.code())?;
        }
        if let Some(message) = &self.provider_message {
            write!(f, " provider_message={message}")?;
        }
        if let (Some(401), Some(setting)) = (self.status, self.key_setting) {
            write!(f, " (Unauthorized: check {setting})")?;
        }
        Ok(())
    }
}

impl std::error::Error for SpeechFailure {}

impl SpeechError {
    /// What it means for the next attempt.
    pub const fn class(&self) -> SpeechErrorClass {
        match self {
            Self::Provider(failure) | Self::Download(failure) => failure.class,
            Self::NotConfigured => SpeechErrorClass::Key,
            // Local disks fill up and are emptied; a garbled success is a gateway's hiccup.
            Self::File(_) | Self::InvalidResponse(_) => SpeechErrorClass::Retryable,
            Self::Refused(_) | Self::TooLarge { .. } | Self::NotAudio(_) => {
                SpeechErrorClass::Permanent
            }
        }
    }

    /// Whether this recording should be tried again.
    pub const fn is_retryable(&self) -> bool {
        matches!(self.class(), SpeechErrorClass::Retryable)
    }

    /// The facts of the failed exchange, if there was one.
    pub const fn failure(&self) -> Option<&SpeechFailure> {
        match self {
            Self::Provider(failure) | Self::Download(failure) => Some(failure),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub fn status(&self) -> Option<u16> {
        self.failure()?.status
    }

    /// How long to stay away, if the other side said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.failure()?.retry_after
    }
}
