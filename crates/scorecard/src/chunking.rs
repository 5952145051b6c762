//! From words to speaker turns to chunks (3.3, 3.4, A7).
//!
//! Audits cite chunks by number, so the result is bit-stable: no sorting, trimming, merging or
//! rounding, whatever the words look like.

use serde::{Deserialize, Serialize};

use crate::{Chunk, number};

/// Turns per chunk.
pub const CHUNK_TURNS: usize = 10;

/// Speaker of a word that names none.
const UNKNOWN: &str = "unknown";

/// Words per invented speaker turn (A7.4).
const SYNTHETIC_TURN_WORDS: usize = 10;

/// One token of a speech-to-text result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Word {
    /// The token, verbatim.
    pub text: String,
    /// Seconds from the start of the recording.
    #[serde(
        default,
        deserialize_with = "number::or_zero",
        serialize_with = "number::plain"
    )]
    pub start: f64,
    /// Seconds from the start of the recording.
    #[serde(
        default,
        deserialize_with = "number::or_zero",
        serialize_with = "number::plain"
    )]
    pub end: f64,
    /// What the token is.
    #[serde(default, rename = "type")]
    pub kind: WordKind,
    /// Label of the speaker, when told apart.
    #[serde(default)]
    pub speaker_id: Option<String>,
}

/// Kind of token.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WordKind {
    /// A spoken word.
    #[default]
    Word,
    /// White space: the only kind that is dropped.
    Spacing,
    /// Laughter, a ring tone.
    AudioEvent,
    /// A kind this version does not know, kept like a word.
    #[serde(other)]
    Other,
}

/// Consecutive words of one speaker.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Label of the speaker, or `unknown`.
    pub speaker: String,
    /// The words, joined by one blank.
    pub text: String,
    /// Start of the first word; 0 for an unlabelled opening.
    pub start: f64,
    /// End of the last word.
    pub end: f64,
}

/// Words to speaker turns (A7.1).
pub fn turns(words: &[Word]) -> Vec<Turn> {
    let mut turns = Vec::new();
    // Words without a speaker at the very start continue this one, and so begin at 0.
    let mut turn = Turn {
        speaker: UNKNOWN.to_owned(),
        text: String::new(),
        start: 0.0,
        end: 0.0,
    };
    let mut empty = true;
    for word in words.iter().filter(|word| word.kind != WordKind::Spacing) {
        let speaker = word.speaker_id.as_deref().unwrap_or(UNKNOWN);
        if speaker == turn.speaker {
            if !empty {
                turn.text.push(' ');
            }
            turn.text.push_str(&word.text);
            turn.end = word.end;
        } else {
            let next = Turn {
                speaker: speaker.to_owned(),
                text: word.text.clone(),
                start: word.start,
                end: word.end,
            };
            let done = std::mem::replace(&mut turn, next);
            if !empty {
                turns.push(done);
            }
        }
        empty = false;
    }
    if !empty {
        turns.push(turn);
    }
    turns
}

/// Turns to chunks of `size` turns (A7.2).
pub fn chunk_turns(turns: &[Turn], size: usize) -> Vec<Chunk> {
    let groups = turns.chunks(size.max(1)).enumerate();
    groups
        .filter_map(|(index, group)| chunk(number::count(index), group))
        .collect()
}

/// Words to chunks of the size audits use.
pub fn chunks_of_words(words: &[Word]) -> Vec<Chunk> {
    chunk_turns(&turns(words), CHUNK_TURNS)
}

fn chunk(chunk_index: i32, turns: &[Turn]) -> Option<Chunk> {
    let (first, last) = (turns.first()?, turns.last()?);
    let mut speakers: Vec<String> = Vec::new();
    let mut full_text = String::new();
    for turn in turns {
        if !speakers.contains(&turn.speaker) {
            speakers.push(turn.speaker.clone());
        }
        if !full_text.is_empty() {
            full_text.push('\n');
        }
        full_text.push_str(&turn.speaker);
        full_text.push_str(": ");
        full_text.push_str(&turn.text);
    }
    Some(Chunk {
        chunk_index,
        start_timestamp: first.start,
        end_timestamp: last.end,
        message_count: number::count(turns.len()),
        speakers,
        full_text,
    })
}

/// Words of a transcript that has only its text (A7.4). Times and speakers are invented:
/// recordings made of them are marked `synthetic`.
#[expect(
    clippy::cast_precision_loss,
    reason = "a transcript has fewer than 2^52 words"
)]
pub fn synthetic_words(text: &str, duration_seconds: Option<f64>) -> Vec<Word> {
    let tokens: Vec<&str> = text.split_whitespace().collect();
    let total = tokens.len() as f64;
    let duration = duration_seconds
        .filter(|seconds| seconds.is_finite() && *seconds > 0.0)
        .unwrap_or_else(|| (0.5 * total).round().max(1.0));
    let step = (duration / total).max(0.05);
    let words = tokens.into_iter().enumerate().map(|(i, token)| Word {
        text: token.to_owned(),
        start: i as f64 * step,
        end: (i + 1) as f64 * step,
        kind: WordKind::Word,
        speaker_id: Some(format!("speaker_{}", i / SYNTHETIC_TURN_WORDS % 2)),
    });
    words.collect()
}

#[cfg(test)]
mod tests;
