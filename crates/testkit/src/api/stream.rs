//! Live events over SSE, resumed where they broke off.

use super::ApiClient;
use super::client::accept;
use anyhow::{Context, Result, bail};
use futures::StreamExt;
use futures::stream::BoxStream;
use reqwest::Method;
use serde_json::Value;
use std::collections::VecDeque;
use std::time::Duration;

/// Reconnections without a single frame in between.
const MAX_FRUITLESS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(300);
/// Longer than two of the server's heartbeats.
const SILENCE: Duration = Duration::from_secs(45);

/// One event of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Where to resume.
    pub id: Option<String>,
    /// The event's name.
    pub event: String,
    /// Its payload.
    pub data: Value,
}

/// An open stream. The first frame, `ready`, was read when it was opened.
pub struct LiveEvents<'a> {
    api: &'a ApiClient,
    channels: String,
    last_id: Option<String>,
    body: BoxStream<'static, reqwest::Result<bytes::Bytes>>,
    parser: Parser,
}

impl ApiClient {
    /// `GET /api/realtime/stream`, from now on.
    pub async fn live(&self, channels: &[&str]) -> Result<LiveEvents<'_>> {
        self.live_from(channels, None).await
    }

    /// The same, after the frame with this id.
    pub async fn live_from(
        &self,
        channels: &[&str],
        last_event_id: Option<&str>,
    ) -> Result<LiveEvents<'_>> {
        let channels = channels.join(",");
        let last_id = last_event_id.map(str::to_owned);
        let body = connect(self, &channels, last_event_id).await?;
        let mut live = LiveEvents {
            api: self,
            channels,
            last_id,
            body,
            parser: Parser::default(),
        };
        let first = live.next().await?;
        match first.event.as_str() {
            "ready" => {}
            // What could not be resumed is told before anything else.
            "reset" => live.parser.frames.push_front(first),
            other => bail!("the stream began with {other}"),
        }
        Ok(live)
    }
}

impl LiveEvents<'_> {
    /// The next event. A broken connection is opened again where it broke off.
    pub async fn next(&mut self) -> Result<Frame> {
        let mut fruitless = 0;
        loop {
            if let Some(frame) = self.parser.frames.pop_front() {
                self.last_id.clone_from(&frame.id);
                return Ok(frame);
            }
            if let Ok(Some(Ok(bytes))) = tokio::time::timeout(SILENCE, self.body.next()).await {
                self.parser.feed(&bytes);
                // The frame that opens a resumed stream says nothing new.
                if fruitless > 0 {
                    self.parser.frames.retain(|frame| frame.event != "ready");
                }
                continue;
            }
            self.parser = Parser::default();
            loop {
                fruitless += 1;
                match connect(self.api, &self.channels, self.last_id.as_deref()).await {
                    Ok(body) => {
                        self.body = body;
                        break;
                    }
                    Err(error) if fruitless >= MAX_FRUITLESS => return Err(error),
                    Err(_) => tokio::time::sleep(PAUSE * fruitless).await,
                }
            }
        }
    }
}

async fn connect(
    api: &ApiClient,
    channels: &str,
    last_id: Option<&str>,
) -> Result<BoxStream<'static, reqwest::Result<bytes::Bytes>>> {
    let path = format!("/api/realtime/stream?channels={channels}");
    let mut request = api.request(Method::GET, &path);
    if let Some(id) = last_id {
        request = request.header("Last-Event-ID", id);
    }
    let answer = request.send().await.context("opening the live stream")?;
    let status = answer.status();
    if !status.is_success() {
        let text = answer.text().await.unwrap_or_default();
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        accept(&Method::GET, &path, status, body)?;
        bail!("{path} gave no stream");
    }
    Ok(answer.bytes_stream().boxed())
}

#[derive(Debug, Default)]
struct Parser {
    rest: Vec<u8>,
    id: Option<String>,
    event: String,
    data: String,
    frames: VecDeque<Frame>,
}

impl Parser {
    fn feed(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line)
                .trim_end_matches(['\r', '\n'])
                .to_owned();
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return self.dispatch();
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "id" => self.id = Some(value.to_owned()),
            "event" => value.clone_into(&mut self.event),
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // Comments and `retry`.
            _ => {}
        }
    }

    fn dispatch(&mut self) {
        let (event, data) = (
            std::mem::take(&mut self.event),
            std::mem::take(&mut self.data),
        );
        if event.is_empty() && data.is_empty() {
            return;
        }
        let data = serde_json::from_str(&data).unwrap_or(Value::String(data));
        self.frames.push_back(Frame {
            id: self.id.clone(),
            event,
            data,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn frames_survive_any_cut() {
        let text = ": hello\nretry: 3000\n\nid: 17-4\nevent: audit.progress\ndata: {\"é\":1}\n\n";
        for cut in 0..text.len() {
            let mut parser = Parser::default();
            parser.feed(&text.as_bytes()[..cut]);
            parser.feed(&text.as_bytes()[cut..]);
            let expected = Frame {
                id: Some("17-4".to_owned()),
                event: "audit.progress".to_owned(),
                data: json!({ "é": 1 }),
            };
            assert_eq!(parser.frames, [expected]);
        }
    }
}
