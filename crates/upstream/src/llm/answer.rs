//! What a model answers.

use std::time::Duration;

use super::ToolCall;

/// Why the model stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinishReason {
    /// It was done.
    Stop,
    /// The token budget ended the answer: the text is cut.
    Length,
    /// It waits for tools.
    ToolCalls,
    /// A filter withheld the answer.
    ContentFilter,
    /// Something this client does not know.
    Other,
}

impl FinishReason {
    pub(super) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("stop") => Self::Stop,
            Some("length") => Self::Length,
            Some("tool_calls" | "function_call") => Self::ToolCalls,
            Some("content_filter") => Self::ContentFilter,
            _ => Self::Other,
        }
    }

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
            Self::Other => "other",
        }
    }
}

/// What an answer cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Tokens read, cached ones included.
    pub prompt_tokens: u64,
    /// Tokens read from the provider's cache.
    pub cached_tokens: u64,
    /// Tokens written, reasoning included.
    pub completion_tokens: u64,
    /// The sum, as the provider counts it.
    pub total_tokens: u64,
}

impl std::ops::AddAssign for Usage {
    fn add_assign(&mut self, other: Self) {
        self.prompt_tokens += other.prompt_tokens;
        self.cached_tokens += other.cached_tokens;
        self.completion_tokens += other.completion_tokens;
        self.total_tokens += other.total_tokens;
    }
}

/// One completion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatAnswer {
    /// The text; `None` when the model only called tools or refused.
    pub content: Option<String>,
    /// Tools to call.
    pub tool_calls: Vec<ToolCall>,
    /// Why it stopped.
    pub finish_reason: FinishReason,
    /// The model's own words when it declines to answer.
    pub refusal: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// Tokens.
    pub usage: Usage,
    /// From sending to the last byte of the attempt that succeeded.
    pub latency: Duration,
    /// Attempts made, this one included.
    pub attempts: u32,
    /// The provider's name for the request, for support.
    pub request_id: Option<String>,
}
