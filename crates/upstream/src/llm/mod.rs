//! Chat completions of any OpenAI-compatible endpoint: structured output, tools, bounded retries.

mod answer;
mod client;
mod config;
mod error;
mod request;
mod wire;

pub use answer::{ChatAnswer, FinishReason, Usage};
pub use client::LlmClient;
pub use config::{DEFAULT_BASE_URL, Dialect, LlmConfig};
pub use error::LlmError;
pub use request::{ChatMessage, ChatRequest, ResponseSchema, ToolCall, ToolChoice, ToolSpec};
