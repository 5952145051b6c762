//! What a model may ask of a transcript it was not given: `searchTranscript` and
//! `getTranscriptChunks` (4.7).

mod chunks;
mod search;

pub use chunks::{ChunkRef, ChunkText, ChunksArgs, ChunksResult, transcript_chunks};
pub use search::{SearchArgs, SearchMatch, SearchResult, search_transcript};

use serde::Serialize;

use crate::{Chunk, NOT_AVAILABLE, Recording, minutage};

/// How much of a transcript one step may read; no argument of the model goes beyond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToolLimits {
    turns: u32,
    search_results: usize,
    chunks_per_fetch: usize,
    chars_per_fetch: usize,
    preview_chars: usize,
}

impl Default for ToolLimits {
    fn default() -> Self {
        Self {
            turns: 8,
            search_results: 25,
            chunks_per_fetch: 20,
            chars_per_fetch: 20_000,
            preview_chars: 450,
        }
    }
}

impl ToolLimits {
    /// Turns of the model, at least 2: one that asks, one that answers.
    #[must_use]
    pub fn turns(self, turns: u32) -> Self {
        Self {
            turns: turns.max(2),
            ..self
        }
    }

    /// Chunks that one search names, 1 to 50.
    #[must_use]
    pub fn search_results(self, results: usize) -> Self {
        Self {
            search_results: results.clamp(1, 50),
            ..self
        }
    }

    /// Chunks that one fetch asks for, 1 to 40.
    #[must_use]
    pub fn chunks_per_fetch(self, chunks: usize) -> Self {
        Self {
            chunks_per_fetch: chunks.clamp(1, 40),
            ..self
        }
    }

    /// Characters that one fetch returns, 1,000 to 80,000.
    #[must_use]
    pub fn chars_per_fetch(self, chars: usize) -> Self {
        Self {
            chars_per_fetch: chars.clamp(1_000, 80_000),
            ..self
        }
    }

    /// Characters of a preview, 80 to 2,000.
    #[must_use]
    pub fn preview_chars(self, chars: usize) -> Self {
        Self {
            preview_chars: chars.clamp(80, 2_000),
            ..self
        }
    }

    /// Most turns of the model.
    pub const fn max_turns(self) -> u32 {
        self.turns
    }
}

/// Where a chunk stands, as both tools tell it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChunkPlace {
    /// 0-based.
    pub recording_index: i32,
    /// 0-based.
    pub chunk_index: i32,
    /// Start of the chunk.
    pub minutage_secondes: f64,
    /// The same as `MM:SS`.
    pub minutage: String,
    /// Seconds.
    pub start_timestamp: f64,
    /// Seconds.
    pub end_timestamp: f64,
    /// Labels.
    pub speakers: Vec<String>,
    /// `DD/MM/YYYY` or `N/A`.
    pub recording_date: String,
    /// `HH:MM` or `N/A`.
    pub recording_time: String,
    /// Always `N/A`: addresses are no business of the model (3.6).
    pub recording_url: &'static str,
}

impl ChunkPlace {
    fn of(recording: &Recording, chunk: &Chunk) -> Self {
        let or_na = |fact: &str| match fact.trim() {
            "" => NOT_AVAILABLE.to_owned(),
            fact => fact.to_owned(),
        };
        Self {
            recording_index: recording.recording_index,
            chunk_index: chunk.chunk_index,
            minutage_secondes: chunk.start_timestamp,
            minutage: minutage(chunk.start_timestamp),
            start_timestamp: chunk.start_timestamp,
            end_timestamp: chunk.end_timestamp,
            speakers: chunk.speakers.clone(),
            recording_date: or_na(&recording.recording_date),
            recording_time: or_na(&recording.recording_time),
            recording_url: NOT_AVAILABLE,
        }
    }
}

/// At most `max` characters, the last of them `…` when something was cut.
fn cut(text: &str, max: usize) -> (String, bool) {
    if text.chars().count() <= max {
        return (text.to_owned(), false);
    }
    let mut kept: String = text.chars().take(max.saturating_sub(1)).collect();
    kept.push('…');
    (kept, true)
}

#[cfg(test)]
mod tests;
