//! What a caller asks of a model.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChatMessage {
    /// Rules that stand above the conversation.
    System(String),
    /// The question.
    User(String),
    /// An earlier answer of the model.
    Assistant {
        /// Its text.
        content: Option<String>,
        /// The tools it called.
        tool_calls: Vec<ToolCall>,
    },
    /// What a tool returned.
    Tool {
        /// The call it answers.
        tool_call_id: String,
        /// The result, usually JSON.
        content: String,
    },
}

/// A tool the model wants called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// To be repeated in the answer.
    pub id: String,
    /// The tool.
    pub name: String,
    /// JSON text as the model wrote it: not yet known to be valid.
    pub arguments: String,
}

/// A tool the model may call.
#[derive(Debug, Clone, PartialEq)]
pub struct ToolSpec {
    /// Unique within the request.
    pub name: String,
    /// When and how to use it.
    pub description: String,
    /// JSON schema of the arguments.
    pub parameters: Value,
}

/// Whether tools are called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// The model decides.
    #[default]
    Auto,
    /// At least one must be called.
    Required,
    /// None may be called.
    None,
    /// This one must be called.
    Function(String),
}

/// The strict JSON schema an answer must follow.
#[derive(Debug, Clone, PartialEq)]
pub struct ResponseSchema {
    /// A short name: letters, digits, `_`, `-`.
    pub name: String,
    /// The schema: every object closed, every property required.
    pub schema: Value,
}

/// One completion. Unset options take the client's configuration.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChatRequest {
    /// The conversation so far.
    pub messages: Vec<ChatMessage>,
    /// The form of the answer; `None` is free text.
    pub response_schema: Option<ResponseSchema>,
    /// What the model may call.
    pub tools: Vec<ToolSpec>,
    /// Ignored without tools.
    pub tool_choice: ToolChoice,
    /// Sent as `x-vigie-call-key`: the same for every try of one piece of work.
    pub call_key: Option<String>,
    /// Another model than the client's.
    pub model: Option<String>,
    /// Another answer budget than the client's.
    pub max_tokens: Option<u32>,
}
