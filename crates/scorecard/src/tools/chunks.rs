//! `getTranscriptChunks`: the words of some chunks, within a budget.

use std::collections::{BTreeSet, HashSet};

use serde::{Deserialize, Serialize};

use super::{ChunkPlace, ToolLimits, cut};
use crate::{Timeline, number};

/// References that one call may name; those beyond the limit are dropped.
const MOST_NAMED: usize = 60;
/// Neighbours on each side, at most.
const MOST_NEIGHBOURS: i32 = 2;

const WHOLE: &str = "Cite mot pour mot, dans un seul chunk.";
const CUT: &str = "Budget de caractères atteint : demande les chunks manquants à part.";

/// One chunk asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChunkRef {
    /// 0-based.
    pub recording_index: i32,
    /// 0-based.
    pub chunk_index: i32,
}

/// What the model asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChunksArgs {
    /// 1 to 60.
    pub chunks: Vec<ChunkRef>,
    /// 0 to 2 on each side.
    #[serde(default)]
    pub include_neighbors: Option<i32>,
    /// 1,000 to 80,000, never more than the limit.
    #[serde(default)]
    pub max_chars: Option<usize>,
}

/// What was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ChunksResult {
    /// References kept, before neighbours.
    pub requested: i32,
    /// Chunks given.
    pub returned: i32,
    /// The budget applied.
    pub max_chars: usize,
    /// Whether the budget left something out.
    pub truncated: bool,
    /// In the order of the calls.
    pub chunks: Vec<ChunkText>,
    /// Advice to the model.
    pub note: &'static str,
}

/// One chunk with its words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChunkText {
    /// Where.
    #[serde(flatten)]
    pub place: ChunkPlace,
    /// What was said.
    pub full_text: String,
}

/// Reads chunks. `left` is what the step may still read, in characters.
pub fn transcript_chunks(
    timeline: &Timeline,
    args: &ChunksArgs,
    limits: ToolLimits,
    left: usize,
) -> ChunksResult {
    let mut seen = HashSet::new();
    let kept: Vec<ChunkRef> = args
        .chunks
        .iter()
        .take(MOST_NAMED)
        .copied()
        .filter(|chunk| seen.insert(*chunk))
        .take(limits.chunks_per_fetch)
        .collect();
    let around = args
        .include_neighbors
        .unwrap_or_default()
        .clamp(0, MOST_NEIGHBOURS);
    let wanted: BTreeSet<(i32, i32)> = kept
        .iter()
        .flat_map(|chunk| {
            let places =
                chunk.chunk_index.saturating_sub(around)..=chunk.chunk_index.saturating_add(around);
            places.map(|place| (chunk.recording_index, place))
        })
        .filter(|&(recording, chunk)| timeline.chunk(recording, chunk).is_some())
        .collect();
    let asked = args.max_chars.map_or(limits.chars_per_fetch, |chars| {
        chars.clamp(1_000, limits.chars_per_fetch)
    });
    let max_chars = asked.min(left);
    let mut budget = max_chars;
    let mut truncated = false;
    let mut chunks = Vec::new();
    for (recording, chunk) in wanted {
        if budget == 0 {
            truncated = true;
            break;
        }
        let Some(recording) = timeline.recording(recording) else {
            continue;
        };
        let Some(chunk) = recording.chunk(chunk) else {
            continue;
        };
        let (full_text, was_cut) = cut(&chunk.full_text, budget);
        budget -= full_text.chars().count();
        truncated |= was_cut;
        chunks.push(ChunkText {
            place: ChunkPlace::of(recording, chunk),
            full_text,
        });
    }
    ChunksResult {
        requested: number::count(kept.len()),
        returned: number::count(chunks.len()),
        max_chars,
        truncated,
        chunks,
        note: if truncated { CUT } else { WHOLE },
    }
}
