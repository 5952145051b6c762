//! Whether a quote was really said where it claims to have been (5.2).

use crate::normalize::{normalize, utf16_length};
use crate::{Citation, Timeline};

/// Shortest quote that counts as evidence, in UTF-16 code units of its normalised text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MinQuoteChars(usize);

impl MinQuoteChars {
    /// The default of `AUDIT_EVIDENCE_MIN_QUOTE_CHARS`.
    pub const DEFAULT: Self = Self(12);

    /// A fixed minimum.
    pub const fn new(chars: usize) -> Self {
        Self(chars)
    }

    /// Reads the setting: unparsable or 0 means the default, negative means none.
    pub fn from_setting(setting: &str) -> Self {
        match setting.trim().parse::<i64>() {
            Err(_) | Ok(0) => Self::DEFAULT,
            Ok(chars) => Self(usize::try_from(chars).unwrap_or(0)),
        }
    }

    /// The minimum.
    pub const fn get(self) -> usize {
        self.0
    }
}

impl Default for MinQuoteChars {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A timeline whose chunks are normalised once, for any number of quotes to be looked up in.
#[derive(Debug, Clone, PartialEq)]
pub struct NormalizedTimeline {
    timeline: Timeline,
    texts: Vec<Vec<String>>,
}

impl NormalizedTimeline {
    /// Normalises every chunk.
    pub fn new(timeline: Timeline) -> Self {
        let texts = timeline.recordings.iter().map(|recording| {
            recording
                .chunks
                .iter()
                .map(|chunk| normalize(&chunk.full_text))
                .collect()
        });
        Self {
            texts: texts.collect(),
            timeline,
        }
    }

    /// The timeline as it was.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// Normalised text of a chunk.
    pub fn text(&self, recording_index: i32, chunk_index: i32) -> Option<&str> {
        let chunks = self.texts.get(usize::try_from(recording_index).ok()?)?;
        chunks
            .get(usize::try_from(chunk_index).ok()?)
            .map(String::as_str)
    }

    /// Whether a citation is valid (5.2).
    pub fn confirms(&self, citation: &Citation, min: MinQuoteChars) -> bool {
        let Some(text) = self.text(citation.recording_index, citation.chunk_index) else {
            return false;
        };
        let quote = normalize(&citation.texte);
        // An empty chunk contains no quote that is not empty.
        !quote.is_empty() && utf16_length(&quote) >= min.get() && text.contains(&quote)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::sample;

    #[rstest]
    #[case::c1("Cet appel est enregistré, vous pouvez vous y opposer.", 0, 1, true)]
    #[case::c2("cet appel est enregistre vous pouvez", 0, 1, true)]
    #[case::c3("C'est exact", 0, 1, false)]
    #[case::c4("c’est exact, d’accord", 0, 1, true)]
    #[case::c5("un coup de coeur pour l'optique", 0, 1, false)]
    #[case::c6("vous y opposer. C'est exact", 0, 1, false)]
    #[case::c7("vous y opposer. speaker_1: C'est exact", 0, 1, true)]
    #[case::c8("Cet appel est enregistré", 0, 0, false)]
    #[case::c9("Cet appel est enregistré", 2, 0, false)]
    #[case::c10("forfait optique est de 250 euros", 1, 0, true)]
    #[case::c11("euros par an", 1, 0, true)]
    #[case::c12("!!! ??? ...", 1, 0, false)]
    #[case::negative_index("euros par an", -1, 0, false)]
    #[case::huge_index("euros par an", i32::MAX, i32::MAX, false)]
    fn vectors(#[case] quote: &str, #[case] rec: i32, #[case] chunk: i32, #[case] valid: bool) {
        let timeline = NormalizedTimeline::new(sample::timeline());
        let citation = sample::citation(quote, rec, chunk);
        assert_eq!(timeline.confirms(&citation, MinQuoteChars::DEFAULT), valid);
    }

    #[rstest]
    #[case("", 12)]
    #[case("douze", 12)]
    #[case("0", 12)]
    #[case("-3", 0)]
    #[case(" 20 ", 20)]
    fn the_setting(#[case] setting: &str, #[case] chars: usize) {
        assert_eq!(MinQuoteChars::from_setting(setting).get(), chars);
    }

    #[test]
    fn without_a_minimum_an_empty_quote_is_still_none() {
        let timeline = NormalizedTimeline::new(sample::timeline());
        let none = MinQuoteChars::new(0);
        assert!(timeline.confirms(&sample::citation("C'est exact", 0, 1), none));
        assert!(!timeline.confirms(&sample::citation(" … ", 0, 1), none));
    }

    #[test]
    fn length_counts_utf16_code_units() {
        assert_eq!(utf16_length("a𝟘"), 3);
    }
}
