//! Settings of step-analyzer (`events-and-config.md` F5).

use crate::domain::mishearings::Mishearings;
use crate::engine::{Engine, Lexical, OpenAi};
use std::time::Duration;
use vigie_scorecard::ExcerptRules;
use vigie_service::env::{Env, EnvErrors, FromEnv};
use vigie_upstream::llm::{DEFAULT_BASE_URL, LlmClient, LlmConfig};

/// Everything that step-analyzer reads from the environment.
pub struct Config {
    /// `AUDIT_ENGINE`, `OPENAI_*`: who judges.
    pub engine: EngineConfig,
    /// `AUDIT_STEP_WORKER_CONCURRENCY`: steps judged at once, of each lane, over all replicas.
    pub max_concurrency: i64,
    /// `WORKER_PARALLELISM_PER_SERVER`: steps judged at once, of each lane, by this replica.
    pub slots: usize,
    /// `AUDIT_CONTEXT_TTL_SECONDS`: life of contexts in memory.
    pub context_ttl: Duration,
}

/// Which engine, with its settings.
pub enum EngineConfig {
    /// A model.
    OpenAi {
        /// Where and how to ask.
        llm: Box<LlmConfig>,
        /// `AUDIT_STEP_TIMELINE_*`.
        excerpt: ExcerptRules,
        /// `AUDIT_MISHEARINGS`.
        mishearings: Mishearings,
    },
    /// The built-in engine.
    Lexical,
}

const MODEL: &str = "gpt-5.2";
const CONTEXT_SECONDS: u64 = 6 * 3600;

impl FromEnv for Config {
    fn from_env(env: &mut Env) -> Result<Self, EnvErrors> {
        let slots: usize = env.int_min("WORKER_PARALLELISM_PER_SERVER", 10, 1);
        let replicas: i64 = env.int_min("SERVER_REPLICAS", 1, 1);
        let engine = engine(env);
        // What all slots take at once: a lower ceiling would let them wait for each other.
        let taken = slots.saturating_mul(engine.steps_at_once());
        let platform_wide = replicas.saturating_mul(i64::try_from(taken).unwrap_or(i64::MAX));
        let ttl = env.int_min("AUDIT_CONTEXT_TTL_SECONDS", CONTEXT_SECONDS, 60);
        let config = Self {
            engine,
            max_concurrency: env.int_min("AUDIT_STEP_WORKER_CONCURRENCY", platform_wide, 1),
            slots,
            context_ttl: Duration::from_secs(ttl),
        };
        env.done(config)
    }
}

/// The model when there is a key, else the built-in engine; `AUDIT_ENGINE` decides otherwise.
fn engine(env: &mut Env) -> EngineConfig {
    let api_key = env.optional_secret("OPENAI_API_KEY");
    let base_url = env.string("OPENAI_BASE_URL", DEFAULT_BASE_URL);
    let model = env.string("OPENAI_MODEL_AUDIT", MODEL);
    let excerpt = ExcerptRules {
        enabled: env.flag("AUDIT_STEP_TIMELINE_EXCERPT", true),
        max_chunks: env.int_min("AUDIT_STEP_TIMELINE_MAX_CHUNKS", 40, 10),
    };
    let mishearings = mishearings(env);
    let wanted = env.optional("AUDIT_ENGINE");
    match (wanted.as_deref(), &api_key) {
        (Some("lexical"), _) | (None, None) => EngineConfig::Lexical,
        (Some("openai"), _) | (None, Some(_)) => {
            let llm = Box::new(LlmConfig {
                api_key,
                ..LlmConfig::new(base_url, model)
            });
            EngineConfig::OpenAi {
                llm,
                excerpt,
                mishearings,
            }
        }
        (Some(_), _) => {
            env.problem("AUDIT_ENGINE", "must be openai or lexical");
            EngineConfig::Lexical
        }
    }
}

fn mishearings(env: &mut Env) -> Mishearings {
    let Some(text) = env.optional("AUDIT_MISHEARINGS") else {
        return Mishearings::default();
    };
    Mishearings::parse(&text).unwrap_or_else(|error| {
        env.problem("AUDIT_MISHEARINGS", error.to_string());
        Mishearings::default()
    })
}

/// Steps of the built-in engine that a slot takes at once.
const LEXICAL_BATCH: usize = 8;

impl EngineConfig {
    /// Steps that a slot takes at once. A model takes seconds for each, so a slot that waits for
    /// one leaves the others to free slots; the built-in engine is faster than asking for work.
    pub const fn steps_at_once(&self) -> usize {
        match self {
            Self::OpenAi { .. } => 1,
            Self::Lexical => LEXICAL_BATCH,
        }
    }

    /// The engine.
    pub fn build(&self) -> anyhow::Result<Engine> {
        Ok(match self {
            Self::Lexical => Engine::Lexical(Lexical::default()),
            Self::OpenAi {
                llm,
                excerpt,
                mishearings,
            } => {
                let engine = OpenAi::new(LlmClient::new(llm.as_ref().clone())?, *excerpt);
                Engine::OpenAi(engine.with_mishearings(mishearings.clone()))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engine_of(variables: &[(&str, &str)]) -> &'static str {
        let mut env = Env::from_map(variables.iter().copied());
        match Config::from_env(&mut env).map(|config| config.engine) {
            Ok(EngineConfig::Lexical) => "lexical",
            Ok(EngineConfig::OpenAi { .. }) => "openai",
            Err(_) => "error",
        }
    }

    #[test]
    fn a_key_chooses_the_model_unless_told_otherwise() {
        assert_eq!(engine_of(&[]), "lexical");
        assert_eq!(engine_of(&[("OPENAI_API_KEY", "k")]), "openai");
        assert_eq!(
            engine_of(&[("OPENAI_API_KEY", "k"), ("AUDIT_ENGINE", "lexical")]),
            "lexical"
        );
        assert_eq!(
            engine_of(&[("AUDIT_ENGINE", "openai")]),
            "openai",
            "endpoints without keys"
        );
        assert_eq!(engine_of(&[("AUDIT_ENGINE", "magic")]), "error");
        assert_eq!(engine_of(&[("AUDIT_MISHEARINGS", "ORIAS")]), "error");
        let own = ("AUDIT_MISHEARINGS", "Alizé = à Lisé");
        assert_eq!(engine_of(&[("OPENAI_API_KEY", "k"), own]), "openai");
    }
}
