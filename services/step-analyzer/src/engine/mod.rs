//! The engines that judge.

pub mod lexical;
mod openai;

pub use lexical::Lexical;
pub use openai::OpenAi;

use crate::domain::judgement::{JudgeError, Judgement, Question};
use vigie_events::audit::LEXICAL_MODEL;

/// Who judges; chosen once, at start.
pub enum Engine {
    /// A model behind an OpenAI-compatible endpoint.
    OpenAi(OpenAi),
    /// The built-in engine: no key, no network, deterministic.
    Lexical(Lexical),
}

impl Engine {
    /// The name stored with every result.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::OpenAi(_) => "openai",
            Self::Lexical(_) => "lexical",
        }
    }

    /// Whether a judgement costs money.
    pub const fn is_paid(&self) -> bool {
        matches!(self, Self::OpenAi(_))
    }

    /// Whether it can search a transcript by tools; the built-in engine always reads all of it.
    pub const fn has_tools(&self) -> bool {
        matches!(self, Self::OpenAi(_))
    }

    /// The model stored with results.
    pub fn model(&self) -> &str {
        match self {
            Self::OpenAi(engine) => engine.model(),
            Self::Lexical(_) => LEXICAL_MODEL,
        }
    }

    /// The version of what the model is told; of the rules, for the built-in engine.
    pub fn prompt_version(&self) -> &str {
        match self {
            Self::OpenAi(engine) => engine.prompt_version(),
            Self::Lexical(_) => LEXICAL_MODEL,
        }
    }

    /// Judges one step.
    pub async fn judge(&self, question: Question<'_>) -> Result<Judgement, JudgeError> {
        match self {
            Self::OpenAi(engine) => engine.judge(question).await,
            Self::Lexical(engine) => Ok(engine.judge(question)),
        }
    }
}
