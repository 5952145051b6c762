//! Finding what was said: words folded, stemmed and ranked, quotes taken verbatim.
//!
//! Used by the `lexical` engine and for the excerpts of 3.7. Deterministic: equal scores keep the
//! order of the call.

use std::collections::{HashMap, HashSet};

use rust_stemmers::{Algorithm, Stemmer};

use crate::citation::MinQuoteChars;
use crate::normalize::{normalize, utf16_length};
use crate::{Chunk, Timeline};

/// Shortest word that is looked for, unless it holds a digit.
const MIN_TERM_CHARS: usize = 3;

/// French words that say nothing about a subject, folded.
const STOP_WORDS: &[&str] = &[
    "alors", "apres", "assez", "au", "aucun", "aucune", "aussi", "autre", "aux", "avec", "avez",
    "avoir", "avons", "bien", "car", "ceci", "cela", "celle", "celui", "ces", "cet", "cette",
    "ceux", "chez", "comme", "dans", "des", "donc", "dont", "elle", "elles", "encore", "entre",
    "est", "etait", "ete", "etes", "etre", "eux", "faire", "fait", "fois", "hein", "ici", "ils",
    "les", "leur", "leurs", "lui", "mais", "meme", "mes", "moi", "mon", "nos", "notre", "nous",
    "ont", "oui", "par", "pas", "peu", "plus", "pour", "puis", "que", "quel", "quelle", "quelles",
    "quels", "qui", "quoi", "sans", "ses", "soit", "sommes", "son", "sont", "suis", "sur", "tes",
    "toi", "ton", "tous", "tout", "toute", "toutes", "tres", "une", "vers", "voila", "vos",
    "votre", "vous",
];

/// Saturation and length normalisation of BM25, at their usual values.
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// What a speaker said in one turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Label of the speaker.
    pub speaker: &'a str,
    /// The words, verbatim.
    pub text: &'a str,
}

/// A passage of a chunk that is long enough to be cited, with its terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passage {
    /// Label of the speaker.
    pub speaker: String,
    /// The words, verbatim, of this speaker only.
    pub text: String,
    terms: HashSet<String>,
}

/// A chunk that holds some of the terms.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// 0-based.
    pub recording_index: i32,
    /// 0-based.
    pub chunk_index: i32,
    /// BM25; comparable within one search only.
    pub score: f64,
}

/// Where every term of a timeline occurs.
#[derive(Debug, Clone, Default)]
pub struct LexicalIndex {
    /// Chunks in order: recording, chunk, number of terms.
    chunks: Vec<(i32, i32, f64)>,
    /// Per term the places in `chunks` and how often it occurs there.
    postings: HashMap<String, Vec<(usize, f64)>>,
    mean_length: f64,
}

/// Distinct search terms of a text in order: folded, without small words, stemmed.
pub fn terms(text: &str) -> Vec<String> {
    let mut seen = HashSet::new();
    stems(text)
        .into_iter()
        .filter(|term| seen.insert(term.clone()))
        .collect()
}

/// Terms of a text, repetitions included.
fn stems(text: &str) -> Vec<String> {
    let stemmer = Stemmer::create(Algorithm::French);
    let folded = normalize(text);
    let words = folded.split(' ').filter(|word| is_term(word));
    words
        .map(|word| stemmer.stem(masculine(word)).into_owned())
        .collect()
}

/// Folding hides `-ée` and `-ées` from the stemmer, so these become the masculine form.
fn masculine(word: &str) -> &str {
    let singular = word
        .strip_suffix('s')
        .filter(|singular| singular.ends_with("ee"));
    let singular = singular.unwrap_or(word);
    if singular.ends_with("ee") {
        &singular[..singular.len() - 1]
    } else {
        word
    }
}

fn is_term(word: &str) -> bool {
    let telling =
        word.chars().count() >= MIN_TERM_CHARS && STOP_WORDS.binary_search(&word).is_err();
    telling || word.bytes().any(|byte| byte.is_ascii_digit())
}

/// The turns of a chunk. A line break inside a turn starts another line of the same speaker.
pub fn lines(chunk: &Chunk) -> Vec<Line<'_>> {
    let mut speaker = "unknown";
    let lines = chunk.full_text.split('\n').map(|line| {
        let labelled = chunk.speakers.iter().find_map(|label| {
            let text = line.strip_prefix(label.as_str())?.strip_prefix(": ")?;
            Some((label.as_str(), text))
        });
        let (label, text) = labelled.unwrap_or((speaker, line));
        speaker = label;
        Line {
            speaker: label,
            text,
        }
    });
    lines.collect()
}

/// The passages of a chunk that are long enough to be valid citations: its sentences, or the whole
/// turn where a sentence is too short. Prepare them once for all searches.
pub fn passages(chunk: &Chunk, min: MinQuoteChars) -> Vec<Passage> {
    let long_enough = |text: &&str| utf16_length(&normalize(text)) >= min.get().max(1);
    let mut passages = Vec::new();
    for line in lines(chunk) {
        for sentence in sentences(line.text) {
            let citable = Some(sentence)
                .filter(long_enough)
                .or_else(|| Some(line.text.trim()).filter(long_enough));
            if let Some(text) = citable {
                passages.push(Passage {
                    speaker: line.speaker.to_owned(),
                    text: text.to_owned(),
                    terms: stems(text).into_iter().collect(),
                });
            }
        }
    }
    passages
}

/// The passage that holds the most of `terms`; the first of equals, none without a match.
pub fn best_passage<'a, T: AsRef<str>>(
    passages: &'a [Passage],
    terms: &[T],
) -> Option<&'a Passage> {
    let mut best = None;
    let mut most = 0;
    for passage in passages {
        let held = terms.iter().filter(|term| passage.holds(term.as_ref()));
        let held = held.count();
        if held > most {
            (best, most) = (Some(passage), held);
        }
    }
    best
}

impl Passage {
    /// Whether it says this term.
    pub fn holds(&self, term: &str) -> bool {
        self.terms.contains(term)
    }
}

/// Cuts after `.`, `!`, `?` or `…` followed by white space.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    let mut ended = false;
    text.split_inclusive(move |c: char| {
        let cut = ended && c.is_whitespace();
        ended = matches!(c, '.' | '!' | '?' | '…');
        cut
    })
    .map(str::trim)
    .filter(|sentence| !sentence.is_empty())
}

impl LexicalIndex {
    /// Indexes what was said; the speakers' labels are not part of it.
    #[expect(clippy::cast_precision_loss, reason = "counts of words and chunks")]
    pub fn new(timeline: &Timeline) -> Self {
        let mut index = Self::default();
        for (recording, chunk) in timeline.chunks() {
            let place = index.chunks.len();
            let mut length = 0.0;
            for term in lines(chunk).into_iter().flat_map(|line| stems(line.text)) {
                length += 1.0;
                let postings = index.postings.entry(term).or_default();
                match postings.last_mut() {
                    Some((last, times)) if *last == place => *times += 1.0,
                    _ => postings.push((place, 1.0)),
                }
            }
            index
                .chunks
                .push((recording.recording_index, chunk.chunk_index, length));
        }
        let total: f64 = index.chunks.iter().map(|(_, _, length)| length).sum();
        index.mean_length = (total / index.chunks.len().max(1) as f64).max(1.0);
        index
    }

    /// Chunks that hold at least one of the terms, best first.
    pub fn search<T: AsRef<str>>(&self, terms: &[T]) -> Vec<Hit> {
        let mut scores = vec![0.0; self.chunks.len()];
        for term in terms {
            let Some(postings) = self.postings.get(term.as_ref()) else {
                continue;
            };
            let weight = self.rarity(postings.len());
            for &(place, times) in postings {
                let (_, _, length) = self.chunks[place];
                let norm = K1 * (1.0 - B + B * length / self.mean_length);
                scores[place] += weight * times * (K1 + 1.0) / (times + norm);
            }
        }
        let hits = self
            .chunks
            .iter()
            .zip(scores)
            .filter(|(_, score)| *score > 0.0);
        let mut hits: Vec<Hit> = hits
            .map(|(&(recording_index, chunk_index, _), score)| Hit {
                recording_index,
                chunk_index,
                score,
            })
            .collect();
        hits.sort_by(|a, b| b.score.total_cmp(&a.score));
        hits
    }

    /// Inverse document frequency, always positive.
    #[expect(clippy::cast_precision_loss, reason = "counts of chunks")]
    fn rarity(&self, holding: usize) -> f64 {
        let (all, holding) = (self.chunks.len() as f64, holding as f64);
        (1.0 + (all - holding + 0.5) / (holding + 0.5)).ln()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{NormalizedTimeline, sample};

    fn best_quote(chunk: &Chunk, terms: &[String]) -> Option<(String, String)> {
        let passages = passages(chunk, MinQuoteChars::DEFAULT);
        best_passage(&passages, terms).map(|found| (found.speaker.clone(), found.text.clone()))
    }

    fn quoted(speaker: &str, text: &str) -> (String, String) {
        (speaker.to_owned(), text.to_owned())
    }

    #[test]
    fn stop_words_are_folded_and_sorted() {
        assert!(STOP_WORDS.is_sorted());
        assert!(STOP_WORDS.iter().all(|word| normalize(word) == **word));
    }

    #[test]
    fn forms_of_a_word_are_one_term() {
        assert_eq!(
            terms("Enregistrement"),
            terms("enregistré, ENREGISTRÉE, enregistrées")
        );
        assert_eq!(terms("résiliation"), terms("résiliations"));
        assert_eq!(terms("Est-ce que c'est à 5 € ?"), ["5"]);
    }

    #[test]
    fn rare_terms_weigh_more_and_the_best_comes_first() {
        let index = LexicalIndex::new(&sample::timeline());
        let hits = index.search(&terms("enregistrement de l'appel, optique"));
        let places: Vec<_> = hits
            .iter()
            .map(|hit| (hit.recording_index, hit.chunk_index))
            .collect();
        assert_eq!(places, [(0, 1), (1, 0)]);
        assert!(index.search(&terms("speaker hippopotame")).is_empty());
        assert!(
            LexicalIndex::new(&Timeline::default())
                .search(&terms("appel"))
                .is_empty()
        );
    }

    #[test]
    fn the_best_sentence_is_quoted_with_its_speaker() {
        let timeline = sample::timeline();
        let chunk = timeline.chunk(0, 1).unwrap();
        let quote = best_quote(chunk, &terms("optique"));
        assert_eq!(
            quote.unwrap(),
            quoted("speaker_1", "Un coup de cœur pour l'optique.")
        );
        // "C'est exact, d'accord." is long enough, the word alone is not.
        let quote = best_quote(chunk, &terms("accord"));
        assert_eq!(
            quote.unwrap(),
            quoted("speaker_1", "C'est exact, d'accord.")
        );
        assert_eq!(best_quote(chunk, &terms("budget")), None);
    }

    #[test]
    fn a_short_sentence_takes_its_turn_along() {
        let chunk = sample::chunk(0, "speaker_0: Budget ? Dites-moi tout.\nspeaker_1: Budget.");
        let quote = best_quote(&chunk, &terms("budget"));
        assert_eq!(
            quote.unwrap(),
            quoted("speaker_0", "Budget ? Dites-moi tout.")
        );
    }

    #[test]
    fn a_line_without_a_label_belongs_to_the_one_before() {
        let mut chunk = sample::chunk(0, "speaker_1: un\nnote: deux\nspeaker_10: trois");
        chunk.speakers = vec!["speaker_1".to_owned(), "speaker_10".to_owned()];
        let shown: Vec<_> = lines(&chunk)
            .iter()
            .map(|line| (line.speaker, line.text))
            .collect();
        let expected = [
            ("speaker_1", "un"),
            ("speaker_1", "note: deux"),
            ("speaker_10", "trois"),
        ];
        assert_eq!(shown, expected);
    }

    proptest! {
        #[test]
        fn every_quote_is_a_valid_citation(
            text in "(speaker_[01]: [a-zéœ'.!? ]{0,40}\n){0,5}", wanted in "[a-zé ]{0,12}",
        ) {
            let mut timeline = sample::timeline();
            timeline.recordings[0].chunks[0] = sample::chunk(0, &text);
            let wanted = terms(&wanted);
            let quote = best_quote(&timeline.recordings[0].chunks[0], &wanted)
                .map(|(_, text)| sample::citation(&text, 0, 0));
            if let Some(citation) = quote {
                let timeline = NormalizedTimeline::new(timeline);
                prop_assert!(timeline.confirms(&citation, MinQuoteChars::DEFAULT));
            }
        }
    }
}
