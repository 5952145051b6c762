//! Settings of the service (`events-and-config.md` F4, F10).

use crate::domain::prices::SpeechPrices;
use crate::speech::Limits;
use crate::workflow::Settings;
use secrecy::SecretString;
use std::time::Duration;
use url::Url;
use vigie_service::{Env, EnvErrors, FromEnv};
use vigie_upstream::speech::{
    Backoff, DownloadConfig, ElevenLabsConfig, OpenAiSpeechConfig, SpeechConfig, SpeechProvider,
};

/// Default of `WORKER_PARALLELISM_PER_SERVER`.
const PARALLELISM: i64 = 10;
const MAX_AUDIO_BYTES: u64 = 500 * 1024 * 1024;

/// How many messages are worked on at once.
#[derive(Debug, Clone, Copy)]
pub struct Concurrency {
    /// `TRANSCRIPTION_FICHE_CONCURRENCY`: fiches planned at once in each lane, platform-wide.
    pub fiches: i64,
    /// `TRANSCRIPTION_RECORDING_WORKER_CONCURRENCY`: recordings at once in each lane, platform-wide.
    pub recordings: i64,
    /// `WORKER_PARALLELISM_PER_SERVER`: recordings at once in each lane of this replica.
    pub parallelism: usize,
}

/// Everything that the environment decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// How runs are run.
    pub settings: Settings,
    /// The provider.
    pub speech: SpeechConfig,
    /// Bounds of downloads.
    pub download: DownloadConfig,
    /// Bounds of provider requests.
    pub limits: Limits,
    /// What they cost.
    pub prices: SpeechPrices,
    /// Bounds of consumers.
    pub concurrency: Concurrency,
}

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let parallelism = env.int_min("WORKER_PARALLELISM_PER_SERVER", PARALLELISM, 1);
        let replicas = env.int_min("SERVER_REPLICAS", 1, 1);
        let everywhere = parallelism * replicas;
        let config = Self {
            settings: Settings {
                progress_every: env.int_min("TRANSCRIPTION_PROGRESS_WEBHOOK_FREQUENCY", 3, 1),
                max_recordings: env.int_min("TRANSCRIPTION_MAX_RECORDINGS_PER_FICHE", 50, 1),
                per_fiche: env.int_min(
                    "TRANSCRIPTION_RECORDING_PER_FICHE_CONCURRENCY",
                    parallelism,
                    1,
                ),
                deadline: env.seconds("TRANSCRIPTION_MAX_WAIT_SECONDS", 900, 30),
                item_lease: env.seconds("TRANSCRIPTION_ITEM_LEASE_SECONDS", 900, 30),
                log: env.flag("WORKFLOW_LOG_DB_ENABLED", true),
                log_retention: days(env.int_min("WORKFLOW_LOG_RETENTION_DAYS", 90, 1)),
                provider_configured: true,
            },
            speech: speech(env),
            download: download(env),
            limits: limits(env),
            prices: prices(env),
            concurrency: Concurrency {
                fiches: env.int_min("TRANSCRIPTION_FICHE_CONCURRENCY", everywhere, 1),
                recordings: env.int_min(
                    "TRANSCRIPTION_RECORDING_WORKER_CONCURRENCY",
                    everywhere,
                    1,
                ),
                parallelism: usize::try_from(parallelism).unwrap_or(usize::MAX),
            },
        };
        env.done(config)
    }
}

const fn days(days: u32) -> Duration {
    Duration::from_hours(days as u64 * 24)
}

fn speech(env: &mut Env) -> SpeechConfig {
    let provider = env.string("TRANSCRIPTION_PROVIDER", "elevenlabs");
    let key: Option<SecretString> = env.optional_secret("ELEVENLABS_API_KEY");
    let default = ElevenLabsConfig::default();
    let elevenlabs = ElevenLabsConfig {
        base_url: env.string("ELEVENLABS_BASE_URL", &default.base_url),
        api_key: key,
        model_id: env.string("ELEVENLABS_MODEL_ID", &default.model_id),
        language_code: env.string("ELEVENLABS_LANGUAGE_CODE", &default.language_code),
    };
    let provider = match provider.as_str() {
        "openai" => {
            let base_url = env.required("TRANSCRIPTION_OPENAI_BASE_URL");
            SpeechProvider::OpenAi(OpenAiSpeechConfig {
                api_key: env.optional_secret("TRANSCRIPTION_OPENAI_API_KEY"),
                model: env.string("TRANSCRIPTION_OPENAI_MODEL", "whisper-1"),
                ..OpenAiSpeechConfig::new(base_url)
            })
        }
        "elevenlabs" => SpeechProvider::ElevenLabs(elevenlabs),
        _ => {
            env.problem("TRANSCRIPTION_PROVIDER", "must be elevenlabs or openai");
            SpeechProvider::ElevenLabs(elevenlabs)
        }
    };
    SpeechConfig {
        provider,
        timeout: env.millis("TRANSCRIPTION_PROVIDER_TIMEOUT_MS", 600_000, 1_000),
    }
}

fn download(env: &mut Env) -> DownloadConfig {
    let origins = env.csv("RECORDING_ALLOWED_ORIGINS");
    let allowed_origins = origins
        .iter()
        .filter_map(|origin| match Url::parse(origin) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Some(url),
            Ok(_) | Err(_) => {
                env.problem("RECORDING_ALLOWED_ORIGINS", "must be http(s) origins");
                None
            }
        })
        .collect();
    DownloadConfig {
        timeout: env.millis("TRANSCRIPTION_DOWNLOAD_TIMEOUT_MS", 60_000, 1_000),
        max_bytes: env.int_min("TRANSCRIPTION_MAX_AUDIO_BYTES", MAX_AUDIO_BYTES, 1),
        allowed_origins,
    }
}

fn prices(env: &mut Env) -> SpeechPrices {
    let Some(text) = env.optional("MODEL_PRICES") else {
        return SpeechPrices::default();
    };
    SpeechPrices::parse(&text).unwrap_or_else(|error| {
        env.problem(
            "MODEL_PRICES",
            format!("must be JSON of prices by model: {error}"),
        );
        SpeechPrices::default()
    })
}

fn limits(env: &mut Env) -> Limits {
    let base = env.seconds("TRANSCRIPTION_ELEVENLABS_BACKOFF_BASE_SECONDS", 2, 1);
    let cap: Duration = env.seconds("TRANSCRIPTION_ELEVENLABS_BACKOFF_MAX_SECONDS", 60, 1);
    Limits {
        per_minute: env.int_min("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", 10, 1),
        at_once: env.int_min("TRANSCRIPTION_PROVIDER_CONCURRENCY", 5, 1),
        attempts: env.int_min("TRANSCRIPTION_ELEVENLABS_MAX_ATTEMPTS", 6, 1),
        backoff: Backoff {
            base,
            cap: cap.max(base),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_those_of_the_specification() {
        let config: Config = Env::from_map([("", "")]).read().unwrap();
        assert_eq!(config.limits.per_minute, 10);
        assert_eq!(config.limits.burst(), 5);
        assert_eq!(config.limits.attempts, 6);
        assert_eq!(config.limits.backoff, Backoff::default());
        assert_eq!(config.settings.deadline, Duration::from_mins(15));
        assert_eq!(config.settings.max_recordings, 50);
        assert_eq!(config.settings.progress_every, 3);
        assert_eq!(config.settings.log_retention, days(90));
        // A delivery ends before the run that waits for it (C-T21).
        assert!(config.settings.item_deadline() < config.settings.deadline);
        assert_eq!(config.concurrency.recordings, 10);
        assert!(matches!(
            config.speech.provider,
            SpeechProvider::ElevenLabs(ref it) if it.api_key.is_none() && it.model_id == "scribe_v2"
        ));
    }

    #[test]
    fn every_problem_is_told() {
        let env = Env::from_map([
            ("TRANSCRIPTION_PROVIDER", "openai"),
            ("RECORDING_ALLOWED_ORIGINS", "ftp://media"),
            ("TRANSCRIPTION_MAX_WAIT_SECONDS", "1"),
            ("MODEL_PRICES", "cheap"),
        ]);
        let problems = env.read::<Config>().unwrap_err();
        assert_eq!(problems.problems().len(), 4, "{problems}");
    }

    #[test]
    fn a_cap_is_never_below_its_base() {
        let env = Env::from_map([
            ("TRANSCRIPTION_ELEVENLABS_BACKOFF_BASE_SECONDS", "20"),
            ("TRANSCRIPTION_ELEVENLABS_BACKOFF_MAX_SECONDS", "5"),
        ]);
        let config: Config = env.read().unwrap();
        assert_eq!(config.limits.backoff.cap, Duration::from_secs(20));
    }
}
