//! Passages that say what a control point asks for.

use super::concepts::Concept;
use crate::domain::judgement::Transcript;
use std::collections::HashSet;
use vigie_scorecard::{Chunk, Citation, NOT_AVAILABLE, Recording, best_passage, minutage};

/// Chunks that are read closely, of those that hold a word of the point.
const CHUNKS_READ: usize = 6;
/// Passages quoted for one point.
const MAX_QUOTES: usize = 2;

/// How well the words of a point were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// At least half of its ideas stand in the passages quoted.
    Clear,
    /// Less, but something that is not said everywhere.
    Weak,
    /// Nothing.
    None,
}

/// What was found for one control point.
#[derive(Debug)]
pub struct Evidence {
    /// How well.
    pub strength: Strength,
    /// The proof; empty when there is none.
    pub citations: Vec<Citation>,
}

impl Evidence {
    /// Looks for a point's ideas: the chunks that hold its rarest words are read first; a second
    /// passage is quoted when it adds an idea.
    pub fn find(transcript: &Transcript, concepts: &[Concept]) -> Self {
        let wanted = wanted(concepts);
        let mut said: HashSet<usize> = HashSet::new();
        let mut citations = Vec::new();
        for hit in transcript.index.search(&wanted).iter().take(CHUNKS_READ) {
            let place = transcript.timeline.recording(hit.recording_index);
            let Some((recording, chunk)) =
                place.and_then(|rec| Some((rec, rec.chunk(hit.chunk_index)?)))
            else {
                continue;
            };
            let place = (hit.recording_index, hit.chunk_index);
            let passages = transcript
                .passages
                .get(&place)
                .map_or(&[][..], Vec::as_slice);
            let Some(passage) = best_passage(passages, &wanted) else {
                continue;
            };
            let before = said.len();
            said.extend((0..concepts.len()).filter(|&i| concepts[i].is_in(passage)));
            if said.len() > before {
                citations.push(cite(recording, chunk, &passage.speaker, &passage.text));
            }
            if citations.len() == MAX_QUOTES || said.len() == concepts.len() {
                break;
            }
        }
        let strength = strength(said.len(), concepts.len());
        if strength == Strength::None {
            citations.clear();
        }
        Self {
            strength,
            citations,
        }
    }
}

fn strength(said: usize, asked: usize) -> Strength {
    if said == 0 {
        Strength::None
    } else if 2 * said >= asked {
        Strength::Clear
    } else {
        Strength::Weak
    }
}

/// Every word of the point once, in a fixed order: sums of scores must not depend on hashing.
fn wanted(concepts: &[Concept]) -> Vec<&str> {
    let mut terms: Vec<_> = concepts
        .iter()
        .flat_map(Concept::terms)
        .map(String::as_str)
        .collect();
    terms.sort_unstable();
    terms.dedup();
    terms
}

fn cite(recording: &Recording, chunk: &Chunk, speaker: &str, text: &str) -> Citation {
    let or_na = |text: &str| if text.is_empty() { NOT_AVAILABLE } else { text }.to_owned();
    Citation {
        texte: text.to_owned(),
        minutage: minutage(chunk.start_timestamp),
        minutage_secondes: chunk.start_timestamp,
        speaker: speaker.to_owned(),
        recording_index: recording.recording_index,
        chunk_index: chunk.chunk_index,
        recording_date: or_na(&recording.recording_date),
        recording_time: or_na(&recording.recording_time),
        recording_url: NOT_AVAILABLE.to_owned(),
        call_id: None,
    }
}

impl Transcript {
    /// Whether every one of these words is said somewhere.
    pub fn mentions(&self, words: &[String]) -> bool {
        !words.is_empty()
            && words
                .iter()
                .all(|word| !self.index.search(&[word]).is_empty())
    }
}
