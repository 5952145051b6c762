//! Chat completion bodies, whole or streamed.

use axum::Json;
use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use chrono::Utc;
use futures::stream;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::tools::ToolCall;

/// Characters in one piece of a stream.
const PIECE: usize = 48;

/// What the model says in one turn.
pub(super) enum Reply {
    /// An answer, and whether it came to its end.
    Text { content: String, whole: bool },
    /// It declines.
    Refusal(String),
    /// It wants a tool called.
    Tool(ToolCall),
}

impl Reply {
    /// The text that completion tokens are counted on.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text { content, .. } => content.clone(),
            Self::Refusal(refusal) => refusal.clone(),
            Self::Tool(call) => call.arguments.to_string(),
        }
    }

    fn finish_reason(&self) -> &'static str {
        match self {
            Self::Text { whole: false, .. } => "length",
            Self::Tool(_) => "tool_calls",
            Self::Text { .. } | Self::Refusal(_) => "stop",
        }
    }

    fn message(&self, id: &str) -> Value {
        match self {
            Self::Text { content, .. } => {
                json!({ "role": "assistant", "content": content, "refusal": null })
            }
            Self::Refusal(refusal) => {
                json!({ "role": "assistant", "content": null, "refusal": refusal })
            }
            Self::Tool(call) => json!({
                "role": "assistant",
                "content": null,
                "refusal": null,
                "tool_calls": [tool_call(call, id, &call.arguments.to_string())],
            }),
        }
    }

    /// The pieces of a stream, without role and end.
    fn deltas(&self, id: &str) -> Vec<Value> {
        match self {
            Self::Text { content, .. } => pieces(content)
                .into_iter()
                .map(|piece| json!({ "content": piece }))
                .collect(),
            Self::Refusal(refusal) => vec![json!({ "refusal": refusal })],
            Self::Tool(call) => {
                let mut first = tool_call(call, id, "");
                first["index"] = json!(0);
                let mut deltas = vec![json!({ "tool_calls": [first] })];
                deltas.extend(pieces(&call.arguments.to_string()).into_iter().map(|piece| {
                    json!({ "tool_calls": [{ "index": 0, "function": { "arguments": piece } }] })
                }));
                deltas
            }
        }
    }
}

/// What every body of one answer carries.
pub(super) struct Envelope {
    pub(super) model: String,
    pub(super) id: String,
    pub(super) usage: Value,
    /// Whether a stream ends with the usage.
    pub(super) include_usage: bool,
}

impl Envelope {
    pub(super) fn whole(&self, reply: &Reply) -> Response {
        let mut body = self.head("chat.completion");
        body["choices"] = json!([{
            "index": 0,
            "message": reply.message(&self.id),
            "logprobs": null,
            "finish_reason": reply.finish_reason(),
        }]);
        body["usage"] = self.usage.clone();
        Json(body).into_response()
    }

    pub(super) fn streamed(&self, reply: &Reply) -> Response {
        let mut chunks = vec![self.chunk(&json!({ "role": "assistant", "content": "" }), None)];
        chunks.extend(
            reply
                .deltas(&self.id)
                .iter()
                .map(|delta| self.chunk(delta, None)),
        );
        chunks.push(self.chunk(&json!({}), Some(reply.finish_reason())));
        if self.include_usage {
            let mut last = self.head("chat.completion.chunk");
            last["choices"] = json!([]);
            last["usage"] = self.usage.clone();
            chunks.push(last);
        }
        let mut frames: Vec<String> = chunks
            .iter()
            .map(|chunk| format!("data: {chunk}\n\n"))
            .collect();
        frames.push("data: [DONE]\n\n".to_owned());
        let frames = frames
            .into_iter()
            .map(|frame| Ok::<_, std::convert::Infallible>(Bytes::from(frame)));
        (
            [(header::CONTENT_TYPE, "text/event-stream")],
            Body::from_stream(stream::iter(frames)),
        )
            .into_response()
    }

    fn chunk(&self, delta: &Value, finish_reason: Option<&str>) -> Value {
        let mut chunk = self.head("chat.completion.chunk");
        chunk["choices"] = json!([{
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason,
        }]);
        if self.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn head(&self, object: &str) -> Value {
        json!({
            "id": format!("chatcmpl-{}", self.id),
            "object": object,
            "created": Utc::now().timestamp(),
            "model": self.model,
            "system_fingerprint": "fp_vigie",
        })
    }
}

fn tool_call(call: &ToolCall, id: &str, arguments: &str) -> Value {
    let digest = hex::encode(Sha256::digest(format!("{id}{}", call.arguments)));
    json!({
        "id": format!("call_{}", &digest[..16]),
        "type": "function",
        "function": { "name": call.name, "arguments": arguments },
    })
}

fn pieces(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters
        .chunks(PIECE)
        .map(|piece| piece.iter().collect())
        .collect()
}
