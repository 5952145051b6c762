//! What a model's answer is worth, and what it cost.

use crate::domain::judgement::JudgeError;
use std::time::Duration;
use vigie_events::audit::ModelCall;
use vigie_scorecard::{StepResult, Usage, parse_model_output};
use vigie_upstream::llm::{ChatAnswer, FinishReason, LlmError};

/// How long to leave a provider alone that does not say.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Longest answer taken: the result must fit into one message of the bus, notes of the evidence
/// check included. A full answer to twenty points is about 30 KiB.
const LONGEST_ANSWER: usize = 256 * 1024;

/// The step result in an answer, or what is wrong with it. The words of the model stay out.
pub fn read(answer: &ChatAnswer) -> Result<StepResult, String> {
    if answer.refusal.is_some() {
        return Err("the model refused to answer".to_owned());
    }
    if answer.finish_reason == FinishReason::ContentFilter {
        return Err("the provider's filter withheld the answer".to_owned());
    }
    let content = answer.content.as_deref().unwrap_or_default();
    if content.len() > LONGEST_ANSWER {
        return Err("the model's answer is too long".to_owned());
    }
    parse_model_output(content).map_err(|error| match answer.finish_reason {
        FinishReason::Length => "the model's answer was cut off".to_owned(),
        _ => error.to_string(),
    })
}

/// A provider that gave no answer at all.
pub fn refused(error: &LlmError, calls: Vec<ModelCall>) -> JudgeError {
    let reason = error.to_string();
    let lasting = matches!(error, LlmError::Auth { .. } | LlmError::Quota { .. });
    if error.is_transient() || lasting {
        // A wrong key or an empty account is mended by people: the audit waits until its deadline.
        let retry_after = error.retry_after().unwrap_or(DEFAULT_RETRY_AFTER);
        return JudgeError::Unavailable {
            reason,
            retry_after,
            calls,
        };
    }
    JudgeError::Failed { reason, calls }
}

/// One answered call.
pub fn call(answer: &ChatAnswer, ok: bool) -> ModelCall {
    ModelCall {
        engine: "openai".to_owned(),
        model: answer.model.clone(),
        prompt_tokens: answer.usage.prompt_tokens.cast_signed(),
        cached_tokens: answer.usage.cached_tokens.cast_signed(),
        completion_tokens: answer.usage.completion_tokens.cast_signed(),
        latency_ms: millis(answer.latency),
        ok,
    }
}

/// One call without an answer.
pub fn failed_call(model: &str, latency: Duration) -> ModelCall {
    ModelCall {
        engine: "openai".to_owned(),
        model: model.to_owned(),
        prompt_tokens: 0,
        cached_tokens: 0,
        completion_tokens: 0,
        latency_ms: millis(latency),
        ok: false,
    }
}

/// What the step cost, calls whose answer was of no use included.
pub fn usage(calls: &[ModelCall]) -> Usage {
    let sum = |tokens: fn(&ModelCall) -> i64| calls.iter().map(tokens).sum();
    let (prompt_tokens, completion_tokens) = (
        sum(|call| call.prompt_tokens),
        sum(|call| call.completion_tokens),
    );
    Usage {
        prompt_tokens,
        completion_tokens,
        total_tokens: prompt_tokens + completion_tokens,
    }
}

fn millis(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
