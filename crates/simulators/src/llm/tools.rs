//! Tool calls: search what the control points are about, then read what was found.

use serde_json::{Value, json};

use super::prompt::Prompt;
use super::request::{ChatRequest, Tool};
use super::schema;
use super::text::stems;

/// Chunks asked for at once.
const MAX_CHUNKS: usize = 20;

/// A function to call and its arguments.
pub(super) struct ToolCall {
    pub(super) name: String,
    pub(super) arguments: Value,
}

/// The tool this turn calls, if any.
pub(super) fn next_call(request: &ChatRequest, prompt: &Prompt) -> Option<ToolCall> {
    let choice = request.tool_choice.as_ref();
    if choice == Some(&json!("none")) {
        return None;
    }
    let forced = choice.and_then(|choice| choice["function"]["name"].as_str());
    if let Some(name) = forced {
        let tool = request
            .tools
            .iter()
            .find(|tool| tool.function.name == name)?;
        return Some(call(tool, prompt));
    }
    let reader = request.tools.iter().find(|tool| reads_chunks(tool));
    if prompt.lines.is_empty()
        && !prompt.found.is_empty()
        && let Some(reader) = reader
    {
        return Some(call(reader, prompt));
    }
    let required = choice == Some(&json!("required"));
    if required || (prompt.lines.is_empty() && !prompt.searched) {
        return request.tools.first().map(|tool| call(tool, prompt));
    }
    None
}

/// A call that no client can carry out.
pub(super) fn wrong_call() -> ToolCall {
    ToolCall {
        name: "deleteTranscript".to_owned(),
        arguments: json!("tout, vite"),
    }
}

fn reads_chunks(tool: &Tool) -> bool {
    tool.function.parameters["properties"]["chunks"].is_object()
}

pub(super) fn call(tool: &Tool, prompt: &Prompt) -> ToolCall {
    let parameters = &tool.function.parameters;
    let mut arguments = schema::instance(parameters);
    if !arguments.is_object() {
        arguments = json!({});
    }
    if reads_chunks(tool) {
        let mut chunks: Vec<Value> = prompt
            .found
            .iter()
            .take(MAX_CHUNKS)
            .map(|(recording, chunk)| json!({ "recording_index": recording, "chunk_index": chunk }))
            .collect();
        if chunks.is_empty() {
            chunks.push(json!({ "recording_index": 0, "chunk_index": 0 }));
        }
        arguments["chunks"] = json!(chunks);
    }
    if parameters["properties"]["query"].is_object() {
        arguments["query"] = json!(query(prompt));
    }
    for (name, property) in parameters["properties"].as_object().into_iter().flatten() {
        let kinds = property["type"].as_array();
        if kinds.is_some_and(|kinds| kinds.contains(&json!("null"))) {
            arguments[name.as_str()] = Value::Null;
        }
    }
    ToolCall {
        name: tool.function.name.clone(),
        arguments,
    }
}

/// The telling words of the control points and the keywords.
fn query(prompt: &Prompt) -> String {
    let mut words: Vec<&str> = prompt
        .control_points
        .iter()
        .flat_map(|point| point.split(|letter: char| !letter.is_alphanumeric()))
        .filter(|word| !stems(word).is_empty())
        .collect();
    words.extend(prompt.keywords.iter().map(String::as_str));
    words.truncate(30);
    words.join(" ")
}
