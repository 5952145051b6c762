//! Fetches a recording to a temporary file, within bounds.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::Response;
use reqwest::header::{CONTENT_TYPE, LOCATION};
use tempfile::NamedTempFile;
use tokio::fs::File;
use tokio::io::AsyncWriteExt as _;
use url::{Origin, Url};
use vigie_webhooks::UrlGuard;

use super::audio::{Audio, AudioSource, audio_type};
use super::error::{SpeechError, SpeechFailure};
use crate::telemetry::{self, Call};
use crate::{NetworkCause, SetupError, http};

const WHAT: &str = "Audio download failed";
const CALL: Call = Call {
    provider: "recordings",
    operation: "download",
};
/// Redirects followed; each hop is checked like the first.
const MOST_REDIRECTS: u32 = 3;

/// Bounds of a download.
#[derive(Debug, Clone)]
pub struct DownloadConfig {
    /// Limit of the whole download, redirects included.
    pub timeout: Duration,
    /// Largest audio taken.
    pub max_bytes: u64,
    /// Origins (`https://host[:port]`) fetched without the guard's checks.
    pub allowed_origins: Vec<Url>,
}

impl Default for DownloadConfig {
    fn default() -> Self {
        Self {
            timeout: Duration::from_mins(1),
            max_bytes: 500 * 1024 * 1024,
            allowed_origins: Vec::new(),
        }
    }
}

/// Fetches recordings. Cheap to clone.
#[derive(Clone)]
pub struct Downloader {
    inner: Arc<Inner>,
}

struct Inner {
    guarded: reqwest::Client,
    trusted: reqwest::Client,
    guard: UrlGuard,
    origins: Vec<Origin>,
    config: DownloadConfig,
}

/// Audio on disk; the file goes when this is dropped.
#[derive(Debug)]
pub struct Downloaded {
    file: NamedTempFile,
    content_type: String,
    size_bytes: u64,
}

impl Downloaded {
    /// Where it lies.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Its `audio/*` type; `audio/mpeg` when the server told none.
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// Its length.
    pub const fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// What to send to a provider. Keep this alive until it is sent.
    pub fn audio(&self) -> Audio {
        Audio {
            source: AudioSource::File(self.path().to_owned()),
            content_type: self.content_type.clone(),
            file_name: "audio.mp3".to_owned(),
        }
    }
}

impl Downloader {
    /// Builds the client. Only what `guard` accepts is fetched, but for the allowed origins.
    pub fn new(config: DownloadConfig, guard: UrlGuard) -> Result<Self, SetupError> {
        let connect = Duration::from_secs(10).min(config.timeout);
        let guarded = http::builder(connect)
            .dns_resolver(Arc::new(guard.resolver()))
            // Every fetch resolves and checks anew, so none may use the connection of another.
            .pool_max_idle_per_host(0);
        let inner = Inner {
            guarded: http::build(guarded)?,
            trusted: http::build(http::builder(connect))?,
            guard,
            origins: config.allowed_origins.iter().map(Url::origin).collect(),
            config,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// Fetches `url` into a new file in `directory`, once.
    #[tracing::instrument(name = "upstream.speech.download", skip_all)]
    pub async fn download(&self, url: &str, directory: &Path) -> Result<Downloaded, SpeechError> {
        let begun = Instant::now();
        let work = self.inner.fetch(url, directory);
        let result = tokio::time::timeout(self.inner.config.timeout, work)
            .await
            .unwrap_or_else(|_| Err(network(NetworkCause::Timeout)));
        let outcome = match &result {
            Ok(_) => "ok",
            Err(SpeechError::Download(it)) => match (it.status, it.network) {
                (Some(status), _) => telemetry::outcome(status),
                (None, Some(cause)) => telemetry::network_outcome(cause),
                (None, None) => "refused",
            },
            Err(_) => "refused",
        };
        CALL.record(outcome, begun.elapsed());
        if let Err(error) = &result {
            tracing::warn!(%error, "recording not fetched");
        }
        result
    }
}

impl Inner {
    async fn fetch(&self, url: &str, directory: &Path) -> Result<Downloaded, SpeechError> {
        let unusable = || SpeechError::Refused("unusable URL".to_owned());
        let mut url = Url::parse(url.trim()).map_err(|_| unusable())?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.get(&url).await?;
            if !response.status().is_redirection() {
                return self.store(response, directory).await;
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|value| value.to_str().ok())
                .ok_or_else(unusable)?;
            url = url.join(target).map_err(|_| unusable())?;
        }
        Err(SpeechError::Refused("too many redirects".to_owned()))
    }

    async fn get(&self, url: &Url) -> Result<Response, SpeechError> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err(SpeechError::Refused("not an http(s) URL".to_owned()));
        }
        let client = if self.origins.contains(&url.origin()) {
            &self.trusted
        } else {
            self.guard
                .check(url.as_str())
                .map_err(|refused| SpeechError::Refused(refused.to_string()))?;
            &self.guarded
        };
        // No trace headers: the host is not ours.
        client
            .get(url.clone())
            .send()
            .await
            .map_err(|error| match NetworkCause::of(&error) {
                NetworkCause::Blocked => SpeechError::Refused("address not allowed".to_owned()),
                cause => network(cause),
            })
    }

    async fn store(
        &self,
        mut response: Response,
        directory: &Path,
    ) -> Result<Downloaded, SpeechError> {
        let status = response.status().as_u16();
        if !response.status().is_success() {
            let retry_after = http::retry_after(response.headers());
            return Err(SpeechError::Download(SpeechFailure {
                retry_after,
                ..SpeechFailure::of_status(WHAT, status)
            }));
        }
        let too_large = || SpeechError::TooLarge {
            limit_bytes: self.config.max_bytes,
        };
        let expected = response.content_length();
        if expected.is_some_and(|length| length > self.config.max_bytes) {
            return Err(too_large());
        }
        let content_type = content_type(&response)?;
        let local = |error: std::io::Error| SpeechError::File(error.kind());
        let file = NamedTempFile::with_prefix_in("recording-", directory).map_err(local)?;
        let mut out = File::from_std(file.reopen().map_err(local)?);
        let mut size_bytes = 0;
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| network(NetworkCause::of(&error)))?
        {
            size_bytes += chunk.len() as u64;
            if size_bytes > self.config.max_bytes {
                return Err(too_large());
            }
            out.write_all(&chunk).await.map_err(local)?;
        }
        out.flush().await.map_err(local)?;
        // An empty file is a recording still being written.
        if size_bytes == 0 {
            return Err(network(NetworkCause::Body));
        }
        Ok(Downloaded {
            file,
            content_type,
            size_bytes,
        })
    }
}

/// The audio type. Pages and JSON are errors in disguise; servers that tell nothing useful are believed.
fn content_type(response: &Response) -> Result<String, SpeechError> {
    let told = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let bare = told
        .split(';')
        .next()
        .unwrap_or("")
        .trim()
        .to_ascii_lowercase();
    if bare.starts_with("text/html") || bare == "application/json" || bare.starts_with("image/") {
        return Err(SpeechError::NotAudio(bare));
    }
    Ok(audio_type(&bare).to_owned())
}

fn network(cause: NetworkCause) -> SpeechError {
    SpeechError::Download(SpeechFailure::of_network(WHAT, cause))
}
