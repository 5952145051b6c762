//! The transcript as a model reads it (3.6) and the excerpt a product step reads (3.7).

use std::collections::BTreeSet;

use crate::normalize::normalize;
use crate::search::{LexicalIndex, terms};
use crate::{Chunk, Diarization, Recording, StepDefinition, Timeline};

/// Names of things looked for, at most (3.7 row 1).
const MAX_CANDIDATES: usize = 40;

/// Shortest name looked for, normalised.
const MIN_CANDIDATE_CHARS: usize = 4;

/// Least number of chunks chosen for an excerpt (3.7 row 3).
const MIN_CHUNKS: usize = 10;

/// Chunks of each recording shown when nothing matched (3.7 row 5).
const OPENING_CHUNKS: i32 = 2;

const TITLE: &str = "=== TRANSCRIPTION DES APPELS ===\n";
const END: &str = "\n=== FIN DE LA TRANSCRIPTION ===\n";
const EXCERPT_NOTICE: &str = "\
    EXTRAIT : seuls les passages les plus proches de l'étape sont reproduits. Une preuve qui n'y \
    figure pas est considérée comme absente : ABSENT, ou PARTIEL si elle n'est qu'évoquée.\n";
const SYNTHETIC_NOTICE: &str =
    "Locuteurs et minutages reconstitués : ils ne prouvent ni qui parle ni à quel moment.\n";

/// When a step reads an excerpt: `AUDIT_STEP_TIMELINE_EXCERPT`, `AUDIT_STEP_TIMELINE_MAX_CHUNKS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExcerptRules {
    /// Whether product steps read an excerpt at all.
    pub enabled: bool,
    /// Chunks chosen, their neighbours not counted; at least 10.
    pub max_chunks: usize,
}

impl Default for ExcerptRules {
    fn default() -> Self {
        Self {
            enabled: true,
            max_chunks: 40,
        }
    }
}

/// The whole timeline (3.6): 0-based numbers as citations use them, no recording URL.
pub fn timeline_text(timeline: &Timeline) -> String {
    let mut text = String::from(TITLE);
    for recording in &timeline.recordings {
        write_recording(&mut text, recording, recording.chunks.iter());
    }
    text.push_str(END);
    text
}

/// What a step reads: an excerpt when the rules and the step ask for one, else everything (3.7).
pub fn step_timeline_text(
    timeline: &Timeline,
    index: &LexicalIndex,
    step: &StepDefinition,
    rules: ExcerptRules,
) -> String {
    if !rules.enabled || !step.verify_product_info {
        return timeline_text(timeline);
    }
    let chosen = excerpt_chunks(timeline, index, step, rules.max_chunks);
    let mut text = format!("{TITLE}{EXCERPT_NOTICE}");
    for recording in &timeline.recordings {
        let shown =
            |chunk: &&Chunk| chosen.contains(&(recording.recording_index, chunk.chunk_index));
        let mut chunks = recording.chunks.iter().filter(shown).peekable();
        if chunks.peek().is_some() {
            write_recording(&mut text, recording, chunks);
        }
    }
    text.push_str(END);
    text
}

/// The chunks a step's excerpt consists of, as `(recording_index, chunk_index)`.
///
/// Whole control points hardly ever occur verbatim, so the words of the name, keywords and control
/// points are looked for, rare ones weighing more (W-16); the rest is 3.7.
pub fn excerpt_chunks(
    timeline: &Timeline,
    index: &LexicalIndex,
    step: &StepDefinition,
    max_chunks: usize,
) -> BTreeSet<(i32, i32)> {
    let names = std::iter::once(&step.name)
        .chain(&step.keywords)
        .chain(&step.control_points);
    let candidates: Vec<String> = names
        .map(|name| normalize(name))
        .filter(|name| name.chars().count() >= MIN_CANDIDATE_CHARS)
        .take(MAX_CANDIDATES)
        .collect();
    let hits = index.search(&terms(&candidates.join(" ")));
    if hits.is_empty() {
        let openings = timeline
            .chunks()
            .filter(|(_, chunk)| chunk.chunk_index < OPENING_CHUNKS);
        return openings
            .map(|(rec, chunk)| (rec.recording_index, chunk.chunk_index))
            .collect();
    }
    let best = hits.into_iter().take(max_chunks.max(MIN_CHUNKS));
    let with_neighbours = best.flat_map(|hit| {
        (hit.chunk_index - 1..=hit.chunk_index + 1).map(move |chunk| (hit.recording_index, chunk))
    });
    with_neighbours
        .filter(|&(rec, chunk)| timeline.chunk(rec, chunk).is_some())
        .collect()
}

fn write_recording<'a>(
    text: &mut String,
    recording: &Recording,
    chunks: impl Iterator<Item = &'a Chunk>,
) {
    let or_na = |fact: &str| {
        if fact.trim().is_empty() {
            "N/A".to_owned()
        } else {
            fact.to_owned()
        }
    };
    let header = format!(
        "\n--- Enregistrement recording_index={} ---\n\
         Date : {}, heure : {}\n\
         Appel : {}, de {} vers {}\n\
         Durée : {} s, nombre de chunks : {}\n",
        recording.recording_index,
        or_na(&recording.recording_date),
        or_na(&recording.recording_time),
        or_na(&recording.call_id),
        or_na(&recording.from_number),
        or_na(&recording.to_number),
        recording.duration_seconds,
        recording.total_chunks,
    );
    text.push_str(&header);
    if recording.diarization == Diarization::Synthetic {
        text.push_str(SYNTHETIC_NOTICE);
    }
    for chunk in chunks {
        let heading = format!(
            "\n[recording_index={} chunk_index={}] {:.2}–{:.2} s, locuteurs : {}\n",
            recording.recording_index,
            chunk.chunk_index,
            chunk.start_timestamp,
            chunk.end_timestamp,
            chunk.speakers.join(", "),
        );
        text.push_str(&heading);
        text.push_str(&chunk.full_text);
        text.push('\n');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample;

    /// One recording of `chunks` chunks, of which those listed speak of the guarantee.
    fn long_call(chunks: usize, telling: &[usize]) -> Timeline {
        let mut timeline = sample::timeline();
        let texts = (0..chunks).map(|i| {
            let text = if telling.contains(&i) {
                "la garantie optique"
            } else {
                "il fait beau"
            };
            sample::chunk(i, &format!("speaker_0: {text}"))
        });
        timeline.recordings[0].chunks = texts.collect();
        timeline
    }

    fn product_step() -> StepDefinition {
        StepDefinition {
            verify_product_info: true,
            ..sample::definition(4, 8, &["Garanties optiques annoncées"])
        }
    }

    fn chosen(timeline: &Timeline, max_chunks: usize) -> Vec<(i32, i32)> {
        let index = LexicalIndex::new(timeline);
        excerpt_chunks(timeline, &index, &product_step(), max_chunks)
            .into_iter()
            .collect()
    }

    #[test]
    fn the_model_reads_the_numbers_it_must_cite_and_no_url() {
        let text = timeline_text(&sample::timeline());
        assert!(text.contains("[recording_index=0 chunk_index=1] 60.00–120.00 s, locuteurs : speaker_0, speaker_1\nspeaker_0: Cet appel est ENREGISTRÉ"));
        assert!(text.contains(
            "--- Enregistrement recording_index=1 ---\nDate : 05/01/2026, heure : 01:00\n"
        ));
        assert!(
            text.contains("Appel : call-1, de N/A vers N/A\nDurée : 0 s, nombre de chunks : 1\n")
        );
        assert!(text.starts_with("===") && text.ends_with("===\n") && !text.contains("http"));
    }

    #[test]
    fn invented_speakers_are_announced() {
        let mut timeline = sample::timeline();
        timeline.recordings[1].diarization = Diarization::Synthetic;
        assert_eq!(
            timeline_text(&timeline).matches(SYNTHETIC_NOTICE).count(),
            1
        );
    }

    #[test]
    fn matches_come_with_their_neighbours() {
        let expected = [(0, 0), (0, 1), (0, 8), (0, 9), (0, 10), (1, 0)];
        assert_eq!(chosen(&long_call(30, &[0, 9]), 10), expected);
    }

    #[test]
    fn at_least_ten_chunks_are_chosen_the_earliest_of_equals() {
        let telling: Vec<usize> = (0..15).map(|i| 3 * i).collect();
        let places = chosen(&long_call(45, &telling), 1);
        assert_eq!(places.len(), 29, "ten chunks and their neighbours");
        assert_eq!(places.last(), Some(&(0, 28)));
    }

    #[test]
    fn without_a_match_the_openings_are_shown() {
        let mut timeline = long_call(5, &[]);
        timeline.recordings.truncate(1);
        assert_eq!(chosen(&timeline, 40), [(0, 0), (0, 1)]);
    }

    #[test]
    fn only_product_steps_read_an_excerpt() {
        let timeline = long_call(30, &[9]);
        let index = LexicalIndex::new(&timeline);
        let read = |step, rules| step_timeline_text(&timeline, &index, &step, rules);
        let excerpt = read(product_step(), ExcerptRules::default());
        assert!(excerpt.contains("EXTRAIT") && !excerpt.contains("chunk_index=20]"));
        let full = timeline_text(&timeline);
        assert_eq!(
            read(
                sample::definition(1, 5, &["Garanties"]),
                ExcerptRules::default()
            ),
            full
        );
        let off = ExcerptRules {
            enabled: false,
            ..ExcerptRules::default()
        };
        assert_eq!(read(product_step(), off), full);
    }
}
