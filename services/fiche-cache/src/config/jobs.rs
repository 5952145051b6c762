//! How days of sales are fetched, and how webhooks tell of it.

use chrono_tz::Tz;
use std::sync::Arc;
use std::time::Duration;
use vigie_sealed::SealingKeys;
use vigie_service::Mode;
use vigie_service::env::Env;
use vigie_webhooks::{ATTEMPTS, GuardConfig, Settings};

/// Settings of jobs that fetch days of sales.
#[derive(Debug, Clone)]
pub struct JobSettings {
    /// `VIGIE_TIMEZONE`: where today is.
    pub timezone: Tz,
    /// `PROGRESSIVE_FETCH_DAY_CONCURRENCY`: days at once, over all replicas.
    pub day_concurrency: usize,
    /// `PROGRESSIVE_FETCH_WEBHOOK_FREQUENCY`: a webhook every so many days.
    pub webhook_frequency: usize,
    /// `PROGRESSIVE_FETCH_MAX_RANGE_DAYS`.
    pub max_range_days: i64,
    /// `FICHE_REVALIDATE_RECENT_DAYS`: looked at each hour; 0 turns it off.
    pub revalidate_recent_days: u64,
    /// `AUTOMATION_REVALIDATION_COOLDOWN_MS`: a day fetched since is left alone.
    pub revalidate_cooldown: Duration,
    /// `API_BASE_URL`: stands in webhooks.
    pub api_base_url: String,
    /// Before a failed day is tried again; four times as long each time.
    pub retry_pause: Duration,
    /// Whether secrets can be stored.
    pub can_seal: bool,
}

impl Default for JobSettings {
    fn default() -> Self {
        Self {
            timezone: chrono_tz::Europe::Paris,
            day_concurrency: 1,
            webhook_frequency: FREQUENCY,
            max_range_days: MAX_RANGE_DAYS,
            revalidate_recent_days: RECENT_DAYS,
            revalidate_cooldown: Duration::from_millis(COOLDOWN_MS),
            api_base_url: API_BASE_URL.to_owned(),
            retry_pause: RETRY_PAUSE,
            can_seal: false,
        }
    }
}

const FREQUENCY: usize = 5;
const MAX_RANGE_DAYS: i64 = 92;
const RECENT_DAYS: u64 = 2;
const COOLDOWN_MS: u64 = 1_800_000;
const API_BASE_URL: &str = "http://localhost:3002";
const RETRY_PAUSE: Duration = Duration::from_secs(10);
const WEBHOOK_TIMEOUT_MS: u64 = 10_000;

/// Reads them; `searches` is the cap of sales lists.
pub(super) fn read(env: &mut Env, searches: usize) -> (JobSettings, Settings) {
    let mode = env.parsed("VIGIE_ENV", Mode::Production);
    let keys = keys(env, mode);
    let jobs = JobSettings {
        timezone: env.parsed("VIGIE_TIMEZONE", chrono_tz::Europe::Paris),
        day_concurrency: env.int_min("PROGRESSIVE_FETCH_DAY_CONCURRENCY", searches, 1),
        webhook_frequency: env.int_min("PROGRESSIVE_FETCH_WEBHOOK_FREQUENCY", FREQUENCY, 1),
        max_range_days: env.int_min("PROGRESSIVE_FETCH_MAX_RANGE_DAYS", MAX_RANGE_DAYS, 1),
        revalidate_recent_days: env.int_min("FICHE_REVALIDATE_RECENT_DAYS", RECENT_DAYS, 0),
        revalidate_cooldown: env.millis("AUTOMATION_REVALIDATION_COOLDOWN_MS", COOLDOWN_MS, 0),
        api_base_url: env.string("API_BASE_URL", API_BASE_URL),
        retry_pause: RETRY_PAUSE,
        can_seal: keys.is_some(),
    };
    let webhooks = Settings {
        guard: GuardConfig {
            development: mode == Mode::Development,
            allowed_origins: env.csv("WEBHOOK_ALLOWED_ORIGINS"),
            subject: "webhookUrl",
        },
        timeout: env.millis("WEBHOOK_TIMEOUT", WEBHOOK_TIMEOUT_MS, 1),
        max_attempts: env.int_min("WEBHOOK_MAX_ATTEMPTS", ATTEMPTS, 1),
        keys: Arc::new(keys.unwrap_or_default()),
    };
    (jobs, webhooks)
}

/// `VIGIE_ENCRYPTION_KEY`; only development can do without.
fn keys(env: &mut Env, mode: Mode) -> Option<SealingKeys> {
    let list = match mode {
        Mode::Production => Some(env.secret("VIGIE_ENCRYPTION_KEY")),
        Mode::Development => env.optional_secret("VIGIE_ENCRYPTION_KEY"),
    }?;
    SealingKeys::parse(&list)
        .map_err(|error| env.problem("VIGIE_ENCRYPTION_KEY", error.to_string()))
        .ok()
}

#[cfg(test)]
mod tests {
    use super::read;
    use std::time::Duration;
    use vigie_service::Env;

    #[test]
    fn defaults_are_those_of_the_specification() {
        let mut env = Env::from_map([("VIGIE_ENV", "development")]);
        let (jobs, webhooks) = read(&mut env, 2);
        assert_eq!(jobs.timezone, chrono_tz::Europe::Paris);
        assert_eq!((jobs.day_concurrency, jobs.webhook_frequency), (2, 5));
        assert_eq!((jobs.max_range_days, jobs.revalidate_recent_days), (92, 2));
        assert_eq!(jobs.revalidate_cooldown, Duration::from_mins(30));
        assert_eq!(jobs.api_base_url, "http://localhost:3002");
        assert!(!jobs.can_seal);
        assert_eq!(webhooks.timeout, Duration::from_secs(10));
        assert_eq!(webhooks.max_attempts, 11);
        assert!(webhooks.guard.development);
        assert!(env.done(()).is_ok());
    }

    #[test]
    fn problems_name_their_variable() {
        let mut env = Env::from_map([
            ("VIGIE_TIMEZONE", "Mars/Olympus"),
            ("VIGIE_ENCRYPTION_KEY", "short"),
            ("PROGRESSIVE_FETCH_WEBHOOK_FREQUENCY", "0"),
        ]);
        read(&mut env, 1);
        let errors = env.done(()).unwrap_err();
        let mut names: Vec<_> = errors.problems().iter().map(|it| it.name.clone()).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "PROGRESSIVE_FETCH_WEBHOOK_FREQUENCY",
                "VIGIE_ENCRYPTION_KEY",
                "VIGIE_TIMEZONE"
            ]
        );
    }
}
