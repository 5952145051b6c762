//! From a script to words with times.
//!
//! Speech runs at a natural pace; what is missing to the stated length is silence between turns
//! (someone looks for a paper, a form is filled in), and what is too much quickens the pace.

use super::{Call, Word, WordKind};

/// Milliseconds of a word without its letters.
const WORD_MS: u64 = 90;
/// Milliseconds of a letter.
const LETTER_MS: u64 = 55;
/// Milliseconds between words.
const SPACING_MS: u64 = 60;
/// Added after the end of a sentence.
const SENTENCE_MS: u64 = 280;
/// Least silence between turns.
const TURN_MS: u64 = 450;

/// Parses `title:` and `duration:` (seconds), then `A:`, `C:` and `E:` (sound) lines.
pub(super) fn parse(slug: &'static str, script: &str) -> Call {
    let mut title = String::new();
    let mut target_ms = 0;
    let mut turns = Vec::new();
    for line in script.lines() {
        let Some((head, rest)) = line.split_once(':') else {
            continue;
        };
        let rest = rest.trim();
        match head {
            "title" => rest.clone_into(&mut title),
            "duration" => target_ms = rest.parse::<u64>().unwrap_or_default() * 1_000,
            "A" => turns.push(Turn::spoken("speaker_0", rest)),
            "C" => turns.push(Turn::spoken("speaker_1", rest)),
            "E" => turns.push(Turn::sound(rest)),
            _ => {}
        }
    }
    let words = timed(&turns, target_ms);
    Call {
        slug,
        title,
        text: words.iter().map(|word| word.text.as_str()).collect(),
        duration_seconds: words.last().map_or(0.0, |word| word.end),
        words,
    }
}

struct Turn<'a> {
    speaker: &'static str,
    kind: WordKind,
    words: Vec<&'a str>,
}

impl<'a> Turn<'a> {
    fn spoken(speaker: &'static str, text: &'a str) -> Self {
        Self {
            speaker,
            kind: WordKind::Word,
            words: text.split_whitespace().collect(),
        }
    }

    fn sound(text: &'a str) -> Self {
        Self {
            speaker: "speaker_1",
            kind: WordKind::AudioEvent,
            words: vec![text],
        }
    }

    fn length_ms(&self) -> u64 {
        let spoken: u64 = self.words.iter().map(|word| word_ms(word)).sum();
        let between = self.words.iter().rev().skip(1);
        spoken + between.map(|word| after_ms(word)).sum::<u64>()
    }

    /// How much of the silence falls before this turn: long answers take longer to prepare.
    fn weight(&self) -> u64 {
        10 + (self.words.len() as u64).min(60)
    }
}

fn timed(turns: &[Turn<'_>], target_ms: u64) -> Vec<Word> {
    let natural: u64 = turns.iter().map(|turn| turn.length_ms() + TURN_MS).sum();
    let weights: u64 = turns.iter().map(Turn::weight).sum::<u64>().max(1);
    let silence = target_ms.saturating_sub(natural);
    // Thousandths of the natural pace.
    let pace = if natural > target_ms && target_ms > 0 {
        target_ms * 1_000 / natural
    } else {
        1_000
    };
    let mut clock = 0;
    let mut words = Vec::new();
    for (index, turn) in turns.iter().enumerate() {
        let gap = TURN_MS * pace / 1_000 + silence * turn.weight() / weights;
        if index > 0 {
            words.push(entry(
                " ",
                clock,
                clock + gap,
                WordKind::Spacing,
                turns[index - 1].speaker,
            ));
        }
        clock += gap;
        for (place, text) in turn.words.iter().enumerate() {
            let end = clock + word_ms(text) * pace / 1_000;
            words.push(entry(text, clock, end, turn.kind, turn.speaker));
            clock = end;
            if place + 1 < turn.words.len() {
                let next = end + after_ms(text) * pace / 1_000;
                words.push(entry(" ", end, next, WordKind::Spacing, turn.speaker));
                clock = next;
            }
        }
    }
    words
}

fn word_ms(word: &str) -> u64 {
    WORD_MS + LETTER_MS * word.chars().count() as u64
}

fn after_ms(word: &str) -> u64 {
    if word.ends_with(['.', '?', '!']) {
        SPACING_MS + SENTENCE_MS
    } else {
        SPACING_MS
    }
}

fn entry(text: &str, start: u64, end: u64, kind: WordKind, speaker_id: &'static str) -> Word {
    Word {
        text: text.to_owned(),
        start: seconds(start),
        end: seconds(end),
        kind,
        speaker_id,
    }
}

/// Two decimals, as providers give them.
fn seconds(ms: u64) -> f64 {
    f64::from(u32::try_from(ms / 10).unwrap_or(u32::MAX)) / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "title: Essai\nduration: 60\n\nA: Bonjour madame.\nC: Oui, bonjour.\n";

    #[test]
    fn turns_become_words_and_spacings() {
        let call = parse("essai", SCRIPT);
        assert_eq!(call.title, "Essai");
        assert_eq!(call.text, "Bonjour madame. Oui, bonjour.");
        let kinds: Vec<_> = call.words.iter().map(|word| word.kind).collect();
        let (word, blank) = (WordKind::Word, WordKind::Spacing);
        assert_eq!(kinds, [word, blank, word, blank, word, blank, word]);
        assert_eq!(call.words[0].speaker_id, "speaker_0");
        assert_eq!(call.words[4].speaker_id, "speaker_1");
    }

    #[test]
    fn silence_fills_the_stated_length() {
        let call = parse("essai", SCRIPT);
        assert!((call.duration_seconds - 60.0).abs() < 1.0);
        assert_eq!(call, parse("essai", SCRIPT));
    }

    #[test]
    fn a_script_too_long_is_spoken_faster() {
        let call = parse("essai", &SCRIPT.replace("60", "2"));
        assert!((call.duration_seconds - 2.0).abs() < 0.3);
    }
}
