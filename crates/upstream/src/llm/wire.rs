//! The JSON of `/chat/completions`, both ways.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    ChatAnswer, ChatMessage, ChatRequest, FinishReason, LlmConfig, LlmError, ToolCall, ToolChoice,
    Usage,
};

/// The request body.
pub(super) fn body(config: &LlmConfig, request: &ChatRequest) -> Value {
    let model = request.model.as_deref().unwrap_or(&config.model);
    let mut body = Map::new();
    body.insert("model".into(), model.into());
    body.insert(
        "messages".into(),
        request.messages.iter().map(message).collect(),
    );
    let reasoning = config.dialect.is_reasoning(model);
    if let Some(max) = request.max_tokens.or(config.max_tokens) {
        let key = if reasoning {
            "max_completion_tokens"
        } else {
            "max_tokens"
        };
        body.insert(key.into(), max.into());
    }
    if reasoning {
        if let Some(effort) = &config.reasoning_effort {
            body.insert("reasoning_effort".into(), effort.as_str().into());
        }
        if let Some(verbosity) = &config.verbosity {
            body.insert("verbosity".into(), verbosity.as_str().into());
        }
    } else if let Some(temperature) = config.temperature {
        body.insert("temperature".into(), temperature.into());
    }
    if let Some(format) = &request.response_schema {
        body.insert(
            "response_format".into(),
            json!({"type": "json_schema",
                   "json_schema": {"name": format.name, "strict": true, "schema": format.schema}}),
        );
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function",
                   "function": {"name": tool.name, "description": tool.description,
                                "parameters": tool.parameters, "strict": true}})
        });
        body.insert("tools".into(), tools.collect());
        body.insert("tool_choice".into(), tool_choice(&request.tool_choice));
    }
    Value::Object(body)
}

fn message(message: &ChatMessage) -> Value {
    match message {
        ChatMessage::System(content) => json!({"role": "system", "content": content}),
        ChatMessage::User(content) => json!({"role": "user", "content": content}),
        ChatMessage::Tool {
            tool_call_id,
            content,
        } => json!({"role": "tool", "tool_call_id": tool_call_id, "content": content}),
        ChatMessage::Assistant {
            content,
            tool_calls,
        } => {
            let mut message = json!({"role": "assistant", "content": content});
            // An empty list is refused.
            if !tool_calls.is_empty() {
                message["tool_calls"] = tool_calls
                    .iter()
                    .map(|call| {
                        json!({"id": call.id, "type": "function",
                               "function": {"name": call.name, "arguments": call.arguments}})
                    })
                    .collect();
            }
            message
        }
    }
}

fn tool_choice(choice: &ToolChoice) -> Value {
    match choice {
        ToolChoice::Auto => "auto".into(),
        ToolChoice::Required => "required".into(),
        ToolChoice::None => "none".into(),
        ToolChoice::Function(name) => json!({"type": "function", "function": {"name": name}}),
    }
}

#[derive(Deserialize)]
struct Completion {
    model: Option<String>,
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<WireUsage>,
}

#[derive(Deserialize)]
struct Choice {
    message: WireMessage,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct WireMessage {
    content: Option<String>,
    refusal: Option<String>,
    tool_calls: Option<Vec<WireToolCall>>,
}

#[derive(Deserialize)]
struct WireToolCall {
    #[serde(default)]
    id: String,
    function: WireFunction,
}

#[derive(Deserialize)]
struct WireFunction {
    name: String,
    #[serde(default)]
    arguments: String,
}

#[derive(Deserialize)]
struct WireUsage {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    prompt_tokens_details: Option<PromptDetails>,
}

#[derive(Deserialize)]
struct PromptDetails {
    cached_tokens: Option<u64>,
}

/// Reads a completion. `latency`, `attempts` and `request_id` are what the caller measured.
pub(super) fn parse(
    body: &[u8],
    requested_model: &str,
    latency: Duration,
    attempts: u32,
    request_id: Option<String>,
) -> Result<ChatAnswer, LlmError> {
    let value: Value = serde_json::from_slice(body).map_err(|_| LlmError::Garbled)?;
    let completion: Completion =
        serde_json::from_value(value).map_err(|_| LlmError::Malformed("not a chat completion"))?;
    let choice = completion
        .choices
        .into_iter()
        .next()
        .ok_or(LlmError::Malformed("no choice"))?;
    let filled = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(ChatAnswer {
        content: filled(choice.message.content),
        tool_calls: choice
            .message
            .tool_calls
            .unwrap_or_default()
            .into_iter()
            .map(|call| ToolCall {
                id: call.id,
                name: call.function.name,
                arguments: call.function.arguments,
            })
            .collect(),
        finish_reason: FinishReason::parse(choice.finish_reason.as_deref()),
        refusal: filled(choice.message.refusal),
        model: completion
            .model
            .filter(|model| !model.is_empty())
            .unwrap_or_else(|| requested_model.to_owned()),
        usage: completion.usage.map(usage).unwrap_or_default(),
        latency,
        attempts,
        request_id,
    })
}

fn usage(usage: WireUsage) -> Usage {
    let prompt_tokens = usage.prompt_tokens.unwrap_or(0);
    let completion_tokens = usage.completion_tokens.unwrap_or(0);
    Usage {
        prompt_tokens,
        completion_tokens,
        cached_tokens: usage
            .prompt_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0),
        total_tokens: usage
            .total_tokens
            .unwrap_or(prompt_tokens + completion_tokens),
    }
}

/// The machine code in an error body: `error.code`, else `error.type`. Its prose may quote the prompt and is dropped.
pub(super) fn error_code(body: &[u8]) -> Option<String> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let error = body.get("error")?;
    ["code", "type"]
        .into_iter()
        .filter_map(|key| error.get(key)?.as_str())
        .find_map(crate::sanitize::code)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::llm::{ResponseSchema, ToolSpec};

    fn config(model: &str) -> LlmConfig {
        LlmConfig::new("https://x.test/v1", model)
    }

    #[test]
    fn a_reasoning_model_gets_effort_and_no_temperature() {
        let request = ChatRequest {
            messages: vec![
                ChatMessage::System("rules".into()),
                ChatMessage::User("ask".into()),
            ],
            response_schema: Some(ResponseSchema {
                name: "step".into(),
                schema: json!({"type": "object"}),
            }),
            max_tokens: Some(100),
            ..ChatRequest::default()
        };
        assert_eq!(
            body(&config("gpt-5.2"), &request),
            json!({"model": "gpt-5.2", "max_completion_tokens": 100, "reasoning_effort": "high", "verbosity": "high",
                   "messages": [{"role": "system", "content": "rules"}, {"role": "user", "content": "ask"}],
                   "response_format": {"type": "json_schema",
                       "json_schema": {"name": "step", "strict": true, "schema": {"type": "object"}}}})
        );
    }

    #[test]
    fn another_model_gets_temperature_and_tools() {
        let call = ToolCall {
            id: "c1".into(),
            name: "search".into(),
            arguments: "{}".into(),
        };
        let request = ChatRequest {
            messages: vec![
                ChatMessage::Assistant {
                    content: None,
                    tool_calls: vec![call],
                },
                ChatMessage::Tool {
                    tool_call_id: "c1".into(),
                    content: "[]".into(),
                },
            ],
            tools: vec![ToolSpec {
                name: "search".into(),
                description: "finds".into(),
                parameters: json!({}),
            }],
            tool_choice: ToolChoice::Required,
            ..ChatRequest::default()
        };
        assert_eq!(
            body(&config("mistral"), &request),
            json!({"model": "mistral", "temperature": 0.0, "tool_choice": "required",
                   "messages": [{"role": "assistant", "content": null, "tool_calls": [
                                    {"id": "c1", "type": "function", "function": {"name": "search", "arguments": "{}"}}]},
                                {"role": "tool", "tool_call_id": "c1", "content": "[]"}],
                   "tools": [{"type": "function", "function":
                       {"name": "search", "description": "finds", "parameters": {}, "strict": true}}]})
        );
    }

    #[test]
    fn error_codes_are_found_and_prose_is_not() {
        let code = |body: Value| error_code(body.to_string().as_bytes());
        assert_eq!(
            code(json!({"error": {"code": "rate_limit_exceeded", "type": "requests"}})).as_deref(),
            Some("rate_limit_exceeded")
        );
        assert_eq!(
            code(json!({"error": {"code": null, "type": "server_error"}})).as_deref(),
            Some("server_error")
        );
        assert_eq!(code(json!({"error": {"code": "You said: secret"}})), None);
        assert_eq!(code(json!({"error": "text"})), None);
    }
}
