//! Settings of the fiche cache (`events-and-config.md` F3).

mod jobs;

pub use jobs::JobSettings;

use secrecy::SecretString;
use std::time::Duration;
use vigie_service::env::{Env, EnvErrors, FromEnv};
use vigie_upstream::crm::{CrmConfig, normalise_base_url};

/// How long what is cached counts.
#[derive(Debug, Clone, Copy)]
pub struct Lifetimes {
    /// `FICHE_CACHE_TTL_HOURS`: details.
    pub details: Duration,
    /// `FICHE_NOT_FOUND_TTL_MS`: a marker, and the least time between two 404s that both count.
    pub not_found: Duration,
    /// `FICHE_FORCE_REFRESH_COOLDOWN_MS`: a forced fetch is not honoured sooner after the last; 0
    /// always honours it.
    pub cooldown: Duration,
}

impl Default for Lifetimes {
    fn default() -> Self {
        Self {
            details: Duration::from_hours(DETAILS_HOURS),
            not_found: Duration::from_millis(NOT_FOUND_MS),
            cooldown: Duration::from_millis(COOLDOWN_MS),
        }
    }
}

/// Everything that the service reads from the environment.
pub struct Config {
    /// The gateway: `FICHE_API_BASE_URL` (or `FICHE_API_URL`), `FICHE_API_AUTH_TOKEN`,
    /// `FICHE_SALES_INCLUDE_RECORDINGS`, `FICHE_FETCH_CONCURRENCY`, `FICHE_SALES_SEARCH_CONCURRENCY`.
    pub crm: CrmConfig,
    /// Lives of rows.
    pub lifetimes: Lifetimes,
    /// How days of sales are fetched.
    pub jobs: JobSettings,
    /// `FICHE_ACCESS_LOG_DAYS`: how long it is known who read a fiche.
    pub access_days: i32,
    /// How webhooks tell of it.
    pub webhooks: vigie_webhooks::Settings,
}

const DETAILS_HOURS: u64 = 240;
const NOT_FOUND_MS: u64 = 300_000;
const NOT_FOUND_MIN_MS: u64 = 60_000;
const COOLDOWN_MS: u64 = 1_800_000;
const ACCESS_DAYS: i32 = 365;
const FETCHES: usize = 3;
const SEARCHES: usize = 1;

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let crm = crm(env);
        let lifetimes = Lifetimes {
            details: Duration::from_hours(env.int_min("FICHE_CACHE_TTL_HOURS", DETAILS_HOURS, 1)),
            not_found: env.millis("FICHE_NOT_FOUND_TTL_MS", NOT_FOUND_MS, NOT_FOUND_MIN_MS),
            cooldown: env.millis("FICHE_FORCE_REFRESH_COOLDOWN_MS", COOLDOWN_MS, 0),
        };
        let access_days = env.int_min("FICHE_ACCESS_LOG_DAYS", ACCESS_DAYS, 1);
        let (jobs, webhooks) = jobs::read(env, crm.sales_concurrency);
        env.done(Self {
            crm,
            lifetimes,
            jobs,
            access_days,
            webhooks,
        })
    }
}

fn crm(env: &mut Env) -> CrmConfig {
    let alias = env.optional("FICHE_API_URL");
    let base_url = match (env.optional("FICHE_API_BASE_URL"), alias) {
        (Some(url), _) | (None, Some(url)) => url,
        (None, None) => env.required("FICHE_API_BASE_URL"),
    };
    if !base_url.is_empty() && normalise_base_url(&base_url).is_err() {
        env.problem("FICHE_API_BASE_URL", "must be an http(s) URL");
    }
    let token: Option<SecretString> = env.optional_secret("FICHE_API_AUTH_TOKEN");
    CrmConfig {
        token,
        // Only `1`: other truthy words were never understood here, and lists would grow at once.
        sales_include_recordings: env
            .optional("FICHE_SALES_INCLUDE_RECORDINGS")
            .is_some_and(|value| value == "1"),
        fiche_concurrency: env.int_min("FICHE_FETCH_CONCURRENCY", FETCHES, 1),
        sales_concurrency: env.int_min("FICHE_SALES_SEARCH_CONCURRENCY", SEARCHES, 1),
        ..CrmConfig::new(base_url)
    }
}

#[cfg(test)]
mod tests {
    use super::Config;
    use std::time::Duration;
    use vigie_service::Env;

    #[test]
    fn defaults_are_those_of_the_specification() {
        let config: Config = Env::from_map([
            ("VIGIE_ENV", "development"),
            ("FICHE_API_URL", "https://crm.test/"),
        ])
        .read()
        .unwrap();
        assert_eq!(config.lifetimes.details, Duration::from_hours(240));
        assert_eq!(config.lifetimes.not_found, Duration::from_mins(5));
        assert_eq!(config.lifetimes.cooldown, Duration::from_mins(30));
        assert_eq!(config.crm.fiche_concurrency, 3);
        assert_eq!(config.crm.sales_concurrency, 1);
        assert!(!config.crm.sales_include_recordings);
    }

    #[test]
    fn problems_name_their_variable() {
        let env = Env::from_map([
            ("VIGIE_ENV", "development"),
            ("FICHE_API_BASE_URL", "ftp://crm"),
            ("FICHE_NOT_FOUND_TTL_MS", "10"),
            ("FICHE_FETCH_CONCURRENCY", "0"),
        ]);
        let errors = env.read::<Config>().err().unwrap();
        let names: Vec<_> = errors
            .problems()
            .iter()
            .map(|it| it.name.as_str())
            .collect();
        assert_eq!(
            names,
            [
                "FICHE_API_BASE_URL",
                "FICHE_FETCH_CONCURRENCY",
                "FICHE_NOT_FOUND_TTL_MS"
            ]
        );
    }

    #[test]
    fn recordings_in_lists_are_turned_on_by_one_only() {
        for (value, on) in [("1", true), ("true", false), ("0", false)] {
            let env = Env::from_map([
                ("VIGIE_ENV", "development"),
                ("FICHE_API_BASE_URL", "https://crm.test"),
                ("FICHE_SALES_INCLUDE_RECORDINGS", value),
            ]);
            let config: Config = env.read().unwrap();
            assert_eq!(config.crm.sales_include_recordings, on);
        }
    }
}
