//! Answers the tool calls of one step, within its budgets.

use crate::domain::judgement::Transcript;
use crate::domain::tools::{CHUNKS_TOOL, SEARCH_TOOL};
use serde_json::json;
use vigie_scorecard::{ToolLimits, search_transcript, transcript_chunks};
use vigie_upstream::llm::{ChatMessage, ToolCall};

/// Tool calls answered in one turn; a model may ask for any number at once.
const CALLS_PER_TURN: usize = 4;
/// Characters of transcript that one step may read, previews not counted: about an hour of speech.
const CHARS_PER_STEP: usize = 80_000;

/// The tools over one transcript.
pub struct Toolbox<'a> {
    transcript: &'a Transcript,
    limits: ToolLimits,
    left: usize,
    read: bool,
}

impl<'a> Toolbox<'a> {
    /// Tools with a full budget.
    pub const fn new(transcript: &'a Transcript, limits: ToolLimits) -> Self {
        Self {
            transcript,
            limits,
            left: CHARS_PER_STEP,
            read: false,
        }
    }

    /// Whether any of the transcript was asked for in a call that could be answered.
    pub const fn was_used(&self) -> bool {
        self.read
    }

    /// The answers to the calls of one turn. A provider wants each call answered, so one that
    /// cannot be carried out is told why.
    pub fn answer(&mut self, calls: &[ToolCall]) -> Vec<ChatMessage> {
        let answers = calls.iter().enumerate().map(|(place, call)| {
            let content = if place < CALLS_PER_TURN {
                self.call(call)
            } else {
                refusal("too many tool calls in one turn")
            };
            ChatMessage::Tool {
                tool_call_id: call.id.clone(),
                content,
            }
        });
        answers.collect()
    }

    fn call(&mut self, call: &ToolCall) -> String {
        let answered = match call.name.as_str() {
            SEARCH_TOOL => self.search(&call.arguments),
            CHUNKS_TOOL => self.chunks(&call.arguments),
            _ => return refused_call("unknown_tool", "unknown tool"),
        };
        let Ok(content) = answered else {
            return refused_call("bad_arguments", "the arguments break the schema");
        };
        metrics::counter!("analyzer.tool.calls", "outcome" => "ok").increment(1);
        self.read = true;
        content
    }

    fn search(&self, arguments: &str) -> serde_json::Result<String> {
        let args = serde_json::from_str(arguments)?;
        let transcript = self.transcript;
        let found = search_transcript(&transcript.timeline, &transcript.index, &args, self.limits);
        serde_json::to_string(&found)
    }

    fn chunks(&mut self, arguments: &str) -> serde_json::Result<String> {
        let args = serde_json::from_str(arguments)?;
        let read = transcript_chunks(&self.transcript.timeline, &args, self.limits, self.left);
        let chars = read
            .chunks
            .iter()
            .map(|chunk| chunk.full_text.chars().count());
        self.left = self.left.saturating_sub(chars.sum());
        serde_json::to_string(&read)
    }
}

fn refused_call(outcome: &'static str, why: &str) -> String {
    metrics::counter!("analyzer.tool.calls", "outcome" => outcome).increment(1);
    refusal(why)
}

fn refusal(why: &str) -> String {
    json!({ "error": why }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use vigie_scorecard::{SourceRecording, Timeline};

    fn transcript() -> Transcript {
        let text = "bonjour budget ".repeat(20_000);
        let source = SourceRecording {
            recording_url: Some("https://records.test/a.mp3".to_owned()),
            has_transcription: true,
            text: Some(text),
            ..SourceRecording::default()
        };
        Transcript::new(Timeline::build(vec![source]).0, String::new())
    }

    fn ask(toolbox: &mut Toolbox<'_>, name: &str, arguments: &Value) -> Value {
        let call = ToolCall {
            id: "c".to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_string(),
        };
        match toolbox.answer(&[call]).remove(0) {
            ChatMessage::Tool { content, .. } => serde_json::from_str(&content).unwrap(),
            other => panic!("{other:?}"),
        }
    }

    fn chars(answer: &Value) -> usize {
        let chunks = answer["chunks"].as_array().unwrap().iter();
        chunks
            .map(|chunk| chunk["full_text"].as_str().unwrap().chars().count())
            .sum()
    }

    #[test]
    fn a_step_reads_no_more_than_its_budget_however_often_it_asks() {
        let transcript = transcript();
        let mut toolbox = Toolbox::new(&transcript, ToolLimits::default());
        let mut total = 0;
        for round in 0..10 {
            let chunks: Vec<_> = (0..20)
                .map(|i| json!({"recording_index": 0, "chunk_index": round * 20 + i}))
                .collect();
            let answer = ask(
                &mut toolbox,
                CHUNKS_TOOL,
                &json!({"chunks": chunks, "maxChars": 80_000}),
            );
            assert!(chars(&answer) <= 20_000);
            total += chars(&answer);
        }
        assert_eq!(total, CHARS_PER_STEP);
    }

    #[test]
    fn a_wrong_call_is_told_so_and_counts_as_no_reading() {
        let transcript = transcript();
        let mut toolbox = Toolbox::new(&transcript, ToolLimits::default());
        assert!(ask(&mut toolbox, "runShell", &json!({}))["error"].is_string());
        assert!(ask(&mut toolbox, SEARCH_TOOL, &json!({"quoi": 1}))["error"].is_string());
        assert!(
            ask(
                &mut toolbox,
                CHUNKS_TOOL,
                &json!({"chunks": [{"recording_index": "a"}]})
            )["error"]
                .is_string()
        );
        assert!(!toolbox.was_used());
        let found = ask(&mut toolbox, SEARCH_TOOL, &json!({"query": "budgets"}));
        assert!(toolbox.was_used());
        assert_eq!(found["matches"].as_array().unwrap().len(), 25);
    }

    #[test]
    fn every_call_of_a_turn_is_answered_and_only_some_are_carried_out() {
        let transcript = transcript();
        let mut toolbox = Toolbox::new(&transcript, ToolLimits::default());
        let calls: Vec<_> = (0..10)
            .map(|i| ToolCall {
                id: i.to_string(),
                name: SEARCH_TOOL.to_owned(),
                arguments: json!({"query": "budget"}).to_string(),
            })
            .collect();
        let answers = toolbox.answer(&calls);
        let refused = answers.iter().filter(|answer| {
            matches!(answer, ChatMessage::Tool { content, .. } if content.contains("too many"))
        });
        assert_eq!((answers.len(), refused.count()), (10, 6));
    }
}
