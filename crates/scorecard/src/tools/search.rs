//! `searchTranscript`: the chunks that speak of something, best first.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{ChunkPlace, ToolLimits, cut};
use crate::normalize::normalize;
use crate::search::{LexicalIndex, terms};
use crate::{Timeline, number};

/// Words of a query that are looked for, at most.
const MAX_TERMS: usize = 40;
/// Shortest word looked for when the model does not say.
const MIN_TERM_LENGTH: usize = 3;

const FOUND: &str =
    "Les aperçus sont coupés : lis un chunk avec getTranscriptChunks avant de le citer.";
const NOTHING_FOUND: &str = "Aucun passage ne contient ces mots : essaie d'autres mots.";
const NO_TERM: &str = "La requête ne contient aucun mot utilisable.";

/// What the model asks for.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchArgs {
    /// Words.
    pub query: String,
    /// 1 to 50, never more than the limit.
    #[serde(default)]
    pub max_results: Option<usize>,
    /// 2 to 8.
    #[serde(default)]
    pub min_term_length: Option<usize>,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SearchResult {
    /// As asked.
    pub query: String,
    /// Folded (5.1); absent when it holds no usable word.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalized_query: Option<String>,
    /// Words looked for; absent when there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms: Option<Vec<String>>,
    /// Recordings searched.
    pub total_recordings: i32,
    /// Chunks searched.
    pub total_chunks: i32,
    /// Best first.
    pub matches: Vec<SearchMatch>,
    /// Advice to the model.
    pub note: &'static str,
}

/// A chunk that holds some of the words.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SearchMatch {
    /// Where.
    #[serde(flatten)]
    pub place: ChunkPlace,
    /// BM25, to three decimals; comparable within one search only.
    pub score: f64,
    /// The beginning of the chunk.
    pub preview_text: String,
}

/// Searches by BM25 over folded, French-stemmed words; equal scores keep the order of the calls.
pub fn search_transcript(
    timeline: &Timeline,
    index: &LexicalIndex,
    args: &SearchArgs,
    limits: ToolLimits,
) -> SearchResult {
    let folded = normalize(&args.query);
    let shortest = args.min_term_length.unwrap_or(MIN_TERM_LENGTH).clamp(2, 8);
    let mut seen = HashSet::new();
    let words: Vec<&str> = folded
        .split(' ')
        .filter(|word| word.chars().count() >= shortest && !terms(word).is_empty())
        .filter(|word| seen.insert(*word))
        .take(MAX_TERMS)
        .collect();
    let mut result = SearchResult {
        query: args.query.clone(),
        normalized_query: None,
        terms: None,
        total_recordings: number::count(timeline.recordings.len()),
        total_chunks: timeline.total_chunks(),
        matches: Vec::new(),
        note: NO_TERM,
    };
    if words.is_empty() {
        return result;
    }
    let most = args.max_results.unwrap_or(limits.search_results);
    let most = most.clamp(1, limits.search_results);
    // Forms of one word are one term: none of them may count twice.
    let hits = index.search(&terms(&words.join(" ")));
    result.matches = hits
        .iter()
        .filter_map(|hit| {
            let recording = timeline.recording(hit.recording_index)?;
            let chunk = recording.chunk(hit.chunk_index)?;
            Some(SearchMatch {
                place: ChunkPlace::of(recording, chunk),
                score: (hit.score * 1_000.0).round() / 1_000.0,
                preview_text: cut(&chunk.full_text, limits.preview_chars).0,
            })
        })
        .take(most)
        .collect();
    result.note = if result.matches.is_empty() {
        NOTHING_FOUND
    } else {
        FOUND
    };
    result.terms = Some(words.into_iter().map(str::to_owned).collect());
    result.normalized_query = Some(folded);
    result
}
