//! Settings of the service (`events-and-config.md` F5, F10).

use crate::domain::pace::Pace;
use crate::domain::prices::ModelPrices;
use crate::domain::window::StepWindow;
use crate::workflow::{Batches, Deadlines, Settings};
use std::num::NonZeroUsize;
use std::time::Duration;
use vigie_events::audit::LEXICAL_MODEL;
use vigie_events::ids::AuditConfigId;
use vigie_scorecard::{EvidenceRules, MinQuoteChars};
use vigie_service::{Env, EnvErrors, FromEnv};

/// Default of `WORKER_PARALLELISM_PER_SERVER`.
const PARALLELISM: i64 = 10;

/// Everything that the environment decides.
#[derive(Debug, Clone)]
pub struct Config {
    /// How audits are run.
    pub settings: Settings,
    /// `AUDIT_RUN_CONCURRENCY`: audits started at once in each lane, platform-wide.
    pub run_concurrency: i64,
    /// `WORKFLOW_LOG_RETENTION_DAYS`: how long lines of stories are kept.
    pub log_retention: Duration,
}

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let engine = engine(env);
        // Shown in `audit.analysis_started`.
        let model = env.string("OPENAI_MODEL_AUDIT", "gpt-5.2");
        let parallelism = env.int_min("WORKER_PARALLELISM_PER_SERVER", PARALLELISM, 1);
        let replicas = env.int_min("SERVER_REPLICAS", 1, 1);
        let config = Self {
            settings: Settings {
                model: if engine == "lexical" {
                    LEXICAL_MODEL.to_owned()
                } else {
                    model
                },
                engine,
                evidence: evidence(env),
                window: window(env),
                // 0 is no limit.
                max_tokens: env.int_min("AUDIT_MAX_TOKENS", 0, 0),
                deadlines: deadlines(env),
                prices: prices(env),
                log: env.flag("WORKFLOW_LOG_DB_ENABLED", true),
                batches: batches(env),
                // 0 is no limit.
                pace: Pace::per_minute(env.int_min("AUDIT_RUNS_PER_MINUTE", 600, 0)),
            },
            run_concurrency: env.int_min("AUDIT_RUN_CONCURRENCY", parallelism * replicas, 1),
            log_retention: Duration::from_hours(
                24 * env.int_min::<u64>("WORKFLOW_LOG_RETENTION_DAYS", 90, 1),
            ),
        };
        env.done(config)
    }
}

/// `AUDIT_ENGINE`, by default `openai` when there is a key. The key itself is the analyzer's.
fn engine(env: &mut Env) -> String {
    let key = env.optional_secret("OPENAI_API_KEY").is_some();
    let engine = env.string("AUDIT_ENGINE", if key { "openai" } else { "lexical" });
    if !["openai", "lexical"].contains(&engine.as_str()) {
        env.problem("AUDIT_ENGINE", "must be openai or lexical");
    }
    engine
}

fn evidence(env: &mut Env) -> EvidenceRules {
    let min: i64 = env.parsed("AUDIT_EVIDENCE_MIN_QUOTE_CHARS", 0);
    EvidenceRules {
        gating: env.flag("AUDIT_EVIDENCE_GATING", true),
        min_quote_chars: MinQuoteChars::from_setting(&min.to_string()),
    }
}

/// Unset: all steps at once.
fn window(env: &mut Env) -> StepWindow {
    let limit: Option<usize> = env.optional_int_min("AUDIT_STEP_PER_AUDIT_CONCURRENCY", 1);
    StepWindow::new(limit.and_then(NonZeroUsize::new))
}

/// One value sets both lanes.
fn deadlines(env: &mut Env) -> Deadlines {
    let seconds: Option<u64> = env.optional_int_min("AUDIT_DEADLINE_SECONDS", 1);
    let default = Deadlines::default();
    seconds
        .map(Duration::from_secs)
        .map_or(default, |deadline| Deadlines {
            interactive: deadline,
            bulk: deadline,
            ..default
        })
}

fn batches(env: &mut Env) -> Batches {
    let config: Option<i64> = env.optional_int_min("AUDIT_DEFAULT_CONFIG_ID", 1);
    let keep = env.int_min("AUDIT_BATCH_STATE_TTL_SECONDS", 21_600, 60);
    Batches {
        config: config.map(AuditConfigId::new),
        keep: Duration::from_secs(keep),
    }
}

fn prices(env: &mut Env) -> ModelPrices {
    let Some(text) = env.optional("MODEL_PRICES") else {
        return ModelPrices::default();
    };
    ModelPrices::parse(&text).unwrap_or_else(|error| {
        env.problem(
            "MODEL_PRICES",
            format!("must be JSON of prices by model: {error}"),
        );
        ModelPrices::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_key_the_built_in_engine_judges() {
        let config: Config = Env::from_map([("", "")]).read().unwrap();
        assert_eq!(
            (config.settings.engine.as_str(), config.run_concurrency),
            ("lexical", 10)
        );
        assert_eq!(config.settings.model, "lexical-1");
        assert_eq!(config.log_retention, Duration::from_hours(90 * 24));
        assert_eq!(config.settings.pace, Pace::per_minute(600));
        let config: Config = Env::from_map([("OPENAI_API_KEY", "k")]).read().unwrap();
        assert_eq!(config.settings.engine, "openai");
        assert_eq!(config.settings.model, "gpt-5.2");
    }

    #[test]
    fn every_problem_is_told() {
        let env = Env::from_map([("AUDIT_ENGINE", "magic"), ("MODEL_PRICES", "[")]);
        let problems = env.read::<Config>().unwrap_err();
        assert_eq!(problems.problems().len(), 2, "{problems}");
    }
}
