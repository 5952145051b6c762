//! The parts of a chat completion request that this model heeds.

use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A chat completion request.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ChatRequest {
    pub(super) model: String,
    pub(super) messages: Vec<Message>,
    #[serde(default)]
    pub(super) response_format: Option<ResponseFormat>,
    #[serde(default)]
    pub(super) tools: Vec<Tool>,
    #[serde(default)]
    pub(super) tool_choice: Option<Value>,
    #[serde(default)]
    pub(super) stream: bool,
    #[serde(default)]
    pub(super) stream_options: Option<StreamOptions>,
    #[serde(default)]
    pub(super) user: Option<String>,
}

/// One message.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Message {
    pub(super) role: String,
    #[serde(default)]
    content: Option<Content>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
enum Content {
    Text(String),
    Parts(Vec<Part>),
}

#[derive(Debug, Clone, Deserialize)]
struct Part {
    #[serde(default)]
    text: String,
}

/// The answer's format.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct ResponseFormat {
    #[serde(rename = "type")]
    pub(super) kind: String,
    #[serde(default)]
    pub(super) json_schema: Option<NamedSchema>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct NamedSchema {
    #[serde(default)]
    pub(super) schema: Value,
}

/// A function on offer.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Tool {
    pub(super) function: Function,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Function {
    pub(super) name: String,
    #[serde(default)]
    pub(super) parameters: Value,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct StreamOptions {
    #[serde(default)]
    pub(super) include_usage: bool,
}

impl Message {
    /// Its text, parts joined.
    pub(super) fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(Content::Text(text)) => text.clone(),
            Some(Content::Parts(parts)) => {
                let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
                texts.join("\n")
            }
        }
    }
}

impl ChatRequest {
    /// The schema to answer by, if one is asked for.
    pub(super) fn schema(&self) -> Option<&Value> {
        self.response_format
            .as_ref()?
            .json_schema
            .as_ref()
            .map(|named| &named.schema)
    }

    /// Whether an answer may be a call of a tool.
    pub(super) fn may_call_tools(&self) -> bool {
        !self.tools.is_empty()
            && self
                .tool_choice
                .as_ref()
                .is_none_or(|choice| choice != "none")
    }

    /// Whether the answer must be JSON.
    pub(super) fn wants_json(&self) -> bool {
        self.response_format
            .as_ref()
            .is_some_and(|format| format.kind != "text")
    }

    /// Everything said so far, one message after the other.
    pub(super) fn transcript(&self) -> String {
        let texts: Vec<String> = self.messages.iter().map(Message::text).collect();
        texts.join("\n")
    }

    /// The name under which this call is counted: what the client says, else what it asks. Later
    /// turns of one conversation are calls of their own.
    pub(super) fn key(&self, header: Option<&str>) -> String {
        let key = header
            .or(self.user.as_deref())
            .map_or_else(|| self.digest()[..16].to_owned(), str::to_owned);
        let turn = self
            .messages
            .iter()
            .filter(|message| message.role == "assistant")
            .count();
        match turn {
            0 => key,
            _ => format!("{key}#{turn}"),
        }
    }

    /// A digest of what is asked.
    pub(super) fn digest(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.transcript());
        hash.update(self.schema().map(Value::to_string).unwrap_or_default());
        hex::encode(hash.finalize())
    }
}
