//! Settings of a language model client.

use std::time::Duration;

use secrecy::SecretString;

use crate::retry::RetryPolicy;

/// Where chat completions go when no base URL is set.
pub const DEFAULT_BASE_URL: &str = "https://api.openai.com/v1";

/// Which sampling parameters an endpoint takes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// [`Dialect::Reasoning`] for `gpt-5…` and `o<digit>…`, else [`Dialect::Sampling`].
    #[default]
    Auto,
    /// `reasoning_effort`, `verbosity`, `max_completion_tokens`; these models refuse a temperature.
    Reasoning,
    /// `temperature`, `max_tokens`; everything else may be refused as unknown.
    Sampling,
}

impl Dialect {
    /// Whether `model` is spoken to as a reasoning model. A vendor prefix (`openai/gpt-5.2`) is ignored.
    pub fn is_reasoning(self, model: &str) -> bool {
        match self {
            Self::Reasoning => true,
            Self::Sampling => false,
            Self::Auto => {
                let name = model.rsplit('/').next().unwrap_or(model);
                let series = name.strip_prefix('o').and_then(|rest| rest.bytes().next());
                name.starts_with("gpt-5") || series.is_some_and(|b| b.is_ascii_digit())
            }
        }
    }
}

/// How to reach a model and what to ask of it.
#[derive(Debug, Clone)]
pub struct LlmConfig {
    /// Up to and including `/v1`.
    pub base_url: String,
    /// `None` for endpoints without a key.
    pub api_key: Option<SecretString>,
    /// The model of requests that name none.
    pub model: String,
    /// Sent to sampling models only.
    pub temperature: Option<f64>,
    /// Sent to reasoning models only.
    pub reasoning_effort: Option<String>,
    /// Sent to reasoning models only.
    pub verbosity: Option<String>,
    /// Answer budget of requests that set none.
    pub max_tokens: Option<u32>,
    /// Which of the above are sent.
    pub dialect: Dialect,
    /// Limit of one attempt.
    pub attempt_timeout: Duration,
    /// Limit of a completion, retries and waits included.
    pub budget: Duration,
    /// Attempts and waits.
    pub retry: RetryPolicy,
}

impl LlmConfig {
    /// An endpoint and a model with the defaults of an audit step: temperature 0, high effort and verbosity,
    /// three retries, 5 minutes an attempt, 10 in all.
    pub fn new(base_url: impl Into<String>, model: impl Into<String>) -> Self {
        Self {
            base_url: base_url.into(),
            api_key: None,
            model: model.into(),
            temperature: Some(0.0),
            reasoning_effort: Some("high".to_owned()),
            verbosity: Some("high".to_owned()),
            max_tokens: None,
            dialect: Dialect::Auto,
            attempt_timeout: Duration::from_mins(5),
            budget: Duration::from_mins(10),
            retry: RetryPolicy::STANDARD.with_attempts(4),
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("gpt-5.2", true)]
    #[case("gpt-5-mini", true)]
    #[case("o3", true)]
    #[case("o4-mini", true)]
    #[case("openai/gpt-5.2", true)]
    #[case("gpt-4o", false)]
    #[case("olmo-2", false)]
    #[case("mistral-large", false)]
    fn reasoning_models_are_known_by_name(#[case] model: &str, #[case] reasoning: bool) {
        assert_eq!(Dialect::Auto.is_reasoning(model), reasoning);
        assert!(Dialect::Reasoning.is_reasoning(model));
        assert!(!Dialect::Sampling.is_reasoning(model));
    }
}
