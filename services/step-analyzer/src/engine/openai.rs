//! Judges with a language model: strict JSON schema, repair, and a count of every call.

use crate::domain::judgement::{JudgeError, Judgement, Question};
use crate::domain::prompt;
use std::time::{Duration, Instant};
use vigie_events::audit::ModelCall;
use vigie_scorecard::{
    ExcerptRules, SCHEMA_NAME, StepMetadata, Usage, llm_schema, parse_model_output,
};
use vigie_upstream::llm::{
    ChatAnswer, ChatRequest, FinishReason, LlmClient, LlmError, ResponseSchema,
};

/// How long to leave a provider alone that does not say.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(30);
/// An answer of the wrong shape is asked for once more: models are not deterministic.
const SHAPE_ATTEMPTS: u32 = 2;

/// The `openai` engine.
pub struct OpenAi {
    client: LlmClient,
    excerpt: ExcerptRules,
}

impl OpenAi {
    /// An engine over this client.
    pub fn new(client: LlmClient, excerpt: ExcerptRules) -> Self {
        Self { client, excerpt }
    }

    /// The configured model.
    pub fn model(&self) -> &str {
        self.client.model()
    }

    /// Asks the model; an answer that breaks the schema twice is a failure.
    pub async fn judge(&self, question: Question<'_>) -> Result<Judgement, JudgeError> {
        let request = ChatRequest {
            messages: prompt::messages(question, self.excerpt),
            response_schema: Some(ResponseSchema {
                name: SCHEMA_NAME.to_owned(),
                schema: llm_schema(),
            }),
            call_key: Some(question.call_key.to_owned()),
            ..ChatRequest::default()
        };
        let mut calls = Vec::new();
        let mut reason = String::new();
        for _ in 0..SHAPE_ATTEMPTS {
            let begun = Instant::now();
            let answer = match self.client.complete(request.clone()).await {
                Ok(answer) => answer,
                Err(error) => {
                    calls.push(self.failed_call(begun.elapsed()));
                    return Err(refused(&error, calls));
                }
            };
            match read(&answer) {
                Ok(mut result) => {
                    calls.push(call(&answer, true));
                    result.step_metadata = Some(StepMetadata::of(question.step));
                    result.usage = Some(usage(&calls));
                    return Ok(Judgement { result, calls });
                }
                Err(problem) => {
                    calls.push(call(&answer, false));
                    metrics::counter!("analyzer.answer.invalid").increment(1);
                    // Within the span of the command, whose id names audit and step.
                    tracing::warn!(
                        call.key = question.call_key,
                        problem,
                        "the model's answer is of no use"
                    );
                    reason = problem;
                }
            }
        }
        Err(JudgeError::Failed { reason, calls })
    }

    fn failed_call(&self, latency: Duration) -> ModelCall {
        ModelCall {
            engine: "openai".to_owned(),
            model: self.client.model().to_owned(),
            prompt_tokens: 0,
            cached_tokens: 0,
            completion_tokens: 0,
            latency_ms: millis(latency),
            ok: false,
        }
    }
}

fn read(answer: &ChatAnswer) -> Result<vigie_scorecard::StepResult, String> {
    if answer.refusal.is_some() {
        return Err("the model refused to answer".to_owned());
    }
    if answer.finish_reason == FinishReason::ContentFilter {
        return Err("the provider's filter withheld the answer".to_owned());
    }
    parse_model_output(answer.content.as_deref().unwrap_or_default())
        .map_err(|error| error.to_string())
}

fn refused(error: &LlmError, calls: Vec<ModelCall>) -> JudgeError {
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

fn call(answer: &ChatAnswer, ok: bool) -> ModelCall {
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

/// What the step cost, calls whose answer was of no use included.
fn usage(calls: &[ModelCall]) -> Usage {
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
