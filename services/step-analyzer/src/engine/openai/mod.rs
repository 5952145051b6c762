//! Judges with a language model: strict JSON schema, repair, and a count of every call.

mod answer;
mod toolbox;

use crate::domain::judgement::{JudgeError, Judgement, Question};
use crate::domain::mishearings::Mishearings;
use crate::domain::{prompt, tools};
use std::time::Instant;
use toolbox::Toolbox;
use vigie_events::audit::ModelCall;
use vigie_scorecard::{
    ExcerptRules, SCHEMA_NAME, StepMetadata, StepResult, ToolLimits, llm_schema,
};
use vigie_upstream::llm::{
    ChatAnswer, ChatMessage, ChatRequest, LlmClient, ResponseSchema, ToolChoice,
};

/// An answer of the wrong shape is asked for once more: models are not deterministic.
const SHAPE_ATTEMPTS: u32 = 2;

/// The `openai` engine.
pub struct OpenAi {
    client: LlmClient,
    excerpt: ExcerptRules,
    limits: ToolLimits,
    mishearings: Mishearings,
}

/// The calls made for one step.
struct Conversation<'a> {
    question: Question<'a>,
    calls: Vec<ModelCall>,
    reason: String,
}

impl OpenAi {
    /// An engine over this client.
    pub fn new(client: LlmClient, excerpt: ExcerptRules) -> Self {
        Self {
            client,
            excerpt,
            limits: ToolLimits::default(),
            mishearings: Mishearings::default(),
        }
    }

    /// The same with other words that are heard wrongly.
    #[must_use]
    pub fn with_mishearings(self, mishearings: Mishearings) -> Self {
        Self {
            mishearings,
            ..self
        }
    }

    /// The version of what the model is told.
    pub fn prompt_version(&self) -> &str {
        self.mishearings.prompt_version()
    }

    /// The same with other limits of transcript tools.
    #[must_use]
    pub fn with_limits(self, limits: ToolLimits) -> Self {
        Self { limits, ..self }
    }

    /// The configured model.
    pub fn model(&self) -> &str {
        self.client.model()
    }

    /// Asks the model; an answer that breaks the schema twice is a failure.
    pub async fn judge(&self, question: Question<'_>) -> Result<Judgement, JudgeError> {
        let conversation = Conversation {
            question,
            calls: Vec::new(),
            reason: String::new(),
        };
        if question.use_tools {
            self.judge_by_tools(conversation).await
        } else {
            self.judge_at_once(conversation).await
        }
    }

    /// Prompt mode: the transcript stands in the prompt.
    async fn judge_at_once(&self, mut talk: Conversation<'_>) -> Result<Judgement, JudgeError> {
        let request = request(
            talk.question,
            prompt::messages(talk.question, self.excerpt, &self.mishearings),
        );
        for _ in 0..SHAPE_ATTEMPTS {
            let answer = self.ask(request.clone(), &mut talk).await?;
            if let Some(result) = talk.take(&answer, None) {
                return Ok(talk.judged(result));
            }
        }
        Err(talk.failed())
    }

    /// Tools mode (4.7): the first turn must call a tool, the last one may not.
    async fn judge_by_tools(&self, mut talk: Conversation<'_>) -> Result<Judgement, JudgeError> {
        let mut toolbox = Toolbox::new(talk.question.transcript, self.limits);
        let mut request = request(
            talk.question,
            prompt::tool_messages(talk.question, &self.mishearings),
        );
        request.tools = tools::specs();
        let mut spoiled = 0;
        let last = self.limits.max_turns();
        for turn in 1..=last {
            request.tool_choice = if turn == last || spoiled > 0 && toolbox.was_used() {
                ToolChoice::None
            } else if toolbox.was_used() {
                ToolChoice::Auto
            } else {
                ToolChoice::Required
            };
            let answer = self.ask(request.clone(), &mut talk).await?;
            let may_call = request.tool_choice != ToolChoice::None;
            if may_call && !answer.tool_calls.is_empty() {
                talk.calls.push(answer::call(&answer, true));
                let answers = toolbox.answer(&answer.tool_calls);
                request.messages.push(ChatMessage::Assistant {
                    content: answer.content,
                    tool_calls: answer.tool_calls,
                });
                request.messages.extend(answers);
                continue;
            }
            let unread = (!toolbox.was_used())
                .then_some("the model answered without reading the transcript");
            if let Some(result) = talk.take(&answer, unread) {
                return Ok(talk.judged(result));
            }
            spoiled += 1;
            if spoiled == SHAPE_ATTEMPTS {
                break;
            }
        }
        if talk.reason.is_empty() {
            "the model never used the transcript tools as described".clone_into(&mut talk.reason);
        }
        Err(talk.failed())
    }

    async fn ask(
        &self,
        request: ChatRequest,
        talk: &mut Conversation<'_>,
    ) -> Result<ChatAnswer, JudgeError> {
        let begun = Instant::now();
        self.client.complete(request).await.map_err(|error| {
            let failed = answer::failed_call(self.client.model(), begun.elapsed());
            talk.calls.push(failed);
            answer::refused(&error, std::mem::take(&mut talk.calls))
        })
    }
}

fn request(question: Question<'_>, messages: Vec<ChatMessage>) -> ChatRequest {
    ChatRequest {
        messages,
        response_schema: Some(ResponseSchema {
            name: SCHEMA_NAME.to_owned(),
            schema: llm_schema(),
        }),
        call_key: Some(question.call_key.to_owned()),
        ..ChatRequest::default()
    }
}

impl Conversation<'_> {
    /// Counts a final answer and takes its result, unless it is of no use or something else speaks
    /// against it.
    fn take(&mut self, given: &ChatAnswer, against: Option<&str>) -> Option<StepResult> {
        let read = answer::read(given).and_then(|result| match against {
            Some(problem) => Err(problem.to_owned()),
            None => Ok(result),
        });
        self.calls.push(answer::call(given, read.is_ok()));
        match read {
            Ok(result) => Some(result),
            Err(problem) => {
                metrics::counter!("analyzer.answer.invalid").increment(1);
                // Within the span of the command, whose id names audit and step.
                tracing::warn!(
                    call.key = self.question.call_key,
                    problem,
                    "the model's answer is of no use"
                );
                self.reason = problem;
                None
            }
        }
    }

    fn judged(self, mut result: StepResult) -> Judgement {
        result.step_metadata = Some(StepMetadata::of(self.question.step));
        result.usage = Some(answer::usage(&self.calls));
        Judgement {
            result,
            calls: self.calls,
        }
    }

    fn failed(self) -> JudgeError {
        JudgeError::Failed {
            reason: self.reason,
            calls: self.calls,
        }
    }
}
