use proptest::prelude::*;
use serde_json::json;

use super::*;

/// The input of A7.3, as a speech provider writes it.
fn ribot() -> Vec<Word> {
    let words = json!([
        {"text": "(sonnerie)", "start": 0.30, "end": 1.10, "type": "audio_event"},
        {"text": "Allô,", "start": 1.20, "end": 1.55, "type": "word", "speaker_id": "speaker_1"},
        {"text": " ", "start": 1.55, "end": 1.60, "type": "spacing", "speaker_id": "speaker_1"},
        {"text": "oui", "start": 1.60, "end": 1.90, "type": "word", "speaker_id": "speaker_1"},
        {"text": "Bonjour", "start": 2.05, "end": 2.50, "type": "word", "speaker_id": "speaker_0"},
        {"text": " ", "start": 2.50, "end": 2.52, "type": "spacing", "speaker_id": "speaker_0"},
        {"text": "madame", "start": 2.52, "end": 2.95, "type": "word", "speaker_id": "speaker_0"},
        {"text": "Ribot.", "start": 2.97, "end": 3.40, "speaker_id": "speaker_0"},
        {"text": "Bonjour.", "start": 3.70, "end": 4.10, "type": "word", "speaker_id": "speaker_1"},
        {"text": "Je", "start": 4.40, "end": 4.50, "type": "word", "speaker_id": "speaker_0"},
        {"text": "vous", "start": 4.50, "end": 4.70, "type": "new_kind", "speaker_id": "speaker_0"},
        {"text": "appelle", "start": 4.72, "end": 5.20, "type": "word", "speaker_id": "speaker_0"},
    ]);
    serde_json::from_value(words).unwrap()
}

fn word(text: &str, speaker: Option<&str>, start: f64) -> Word {
    Word {
        text: text.to_owned(),
        start,
        end: start + 0.5,
        kind: WordKind::Word,
        speaker_id: speaker.map(str::to_owned),
    }
}

#[test]
fn worked_example_in_one_chunk() {
    let expected = json!([{
        "chunk_index": 0, "start_timestamp": 0, "end_timestamp": 5.2, "message_count": 5,
        "speakers": ["unknown", "speaker_1", "speaker_0"],
        "full_text": "unknown: (sonnerie)\nspeaker_1: Allô, oui\nspeaker_0: Bonjour madame Ribot.\nspeaker_1: Bonjour.\nspeaker_0: Je vous appelle",
    }]);
    assert_eq!(
        serde_json::to_value(chunks_of_words(&ribot())).unwrap(),
        expected
    );
}

#[test]
fn worked_example_in_chunks_of_three() {
    let expected = json!([
        {
            "chunk_index": 0, "start_timestamp": 0, "end_timestamp": 3.4, "message_count": 3,
            "speakers": ["unknown", "speaker_1", "speaker_0"],
            "full_text": "unknown: (sonnerie)\nspeaker_1: Allô, oui\nspeaker_0: Bonjour madame Ribot.",
        },
        {
            "chunk_index": 1, "start_timestamp": 3.7, "end_timestamp": 5.2, "message_count": 2,
            "speakers": ["speaker_1", "speaker_0"],
            "full_text": "speaker_1: Bonjour.\nspeaker_0: Je vous appelle",
        },
    ]);
    assert_eq!(
        serde_json::to_value(chunk_turns(&turns(&ribot()), 3)).unwrap(),
        expected
    );
}

#[test]
fn spacing_alone_is_nothing() {
    let spacing = Word {
        kind: WordKind::Spacing,
        ..word(" ", Some("speaker_0"), 1.0)
    };
    assert_eq!(chunks_of_words(&[spacing.clone(), spacing]), []);
}

#[test]
fn twenty_one_turns_are_ten_ten_and_one() {
    let speakers = ["speaker_0", "speaker_1"].into_iter().cycle();
    let words: Vec<_> = speakers
        .take(21)
        .map(|s| word("oui", Some(s), 1.0))
        .collect();
    let counts: Vec<_> = chunks_of_words(&words)
        .iter()
        .map(|chunk| chunk.message_count)
        .collect();
    assert_eq!(counts, [10, 10, 1]);
}

#[test]
fn only_an_unlabelled_opening_starts_at_zero() {
    let words = [
        word("a", None, 3.0),
        word("b", Some("s"), 4.0),
        word("c", None, 5.0),
    ];
    let starts: Vec<_> = turns(&words)
        .iter()
        .map(|turn| (turn.start, turn.end))
        .collect();
    assert_eq!(starts, [(0.0, 3.5), (4.0, 4.5), (5.0, 5.5)]);
    let named: Word = word("a", Some("unknown"), 3.0);
    assert_eq!(turns(&[named])[0].start.to_bits(), 0.0_f64.to_bits());
}

#[test]
fn a_token_without_text_keeps_its_blank() {
    let words = [
        word("", None, 0.0),
        word("a", None, 1.0),
        word("", None, 2.0),
    ];
    assert_eq!(turns(&words)[0].text, " a ");
}

#[test]
fn null_times_are_zero() {
    let word: Word = serde_json::from_str(r#"{"text":"a","start":null,"end":null}"#).unwrap();
    assert_eq!((word.start.to_bits(), word.end.to_bits()), (0, 0));
}

#[test]
fn synthetic_words_of_a_known_duration() {
    let text = "un deux trois quatre cinq six sept huit neuf dix onze douze treize";
    for (duration, end) in [
        (Some(26.0), 26.0),
        (None, 7.0),
        (Some(0.0), 7.0),
        (Some(f64::NAN), 7.0),
    ] {
        let words = synthetic_words(text, duration);
        assert_eq!(words.len(), 13);
        let chunks = chunks_of_words(&words);
        assert_eq!(chunks.len(), 1);
        assert_eq!(chunks[0].message_count, 2);
        assert_eq!(chunks[0].speakers, ["speaker_0", "speaker_1"]);
        assert!(chunks[0].start_timestamp.abs() < 1e-9);
        assert!((chunks[0].end_timestamp - end).abs() < 1e-9);
        let tokens = |turn: &Turn| turn.text.split(' ').count();
        assert_eq!(
            turns(&words).iter().map(tokens).collect::<Vec<_>>(),
            [10, 3]
        );
    }
    assert_eq!(synthetic_words(" \n ", Some(4.0)), []);
}

#[test]
fn synthetic_words_never_last_less_than_a_twentieth_of_a_second() {
    let words = synthetic_words("a b c d", Some(0.1));
    assert!((words[3].end - 0.2).abs() < 1e-9);
}

prop_compose! {
    fn any_word()(
        text in "[a-zé]{1,5}",
        speaker in prop::option::of(prop::sample::select(vec!["speaker_0", "speaker_1", "unknown"])),
        kind in prop::sample::select(vec![WordKind::Word, WordKind::Spacing, WordKind::AudioEvent]),
        start in 0.0..9.0_f64,
    ) -> Word {
        Word { kind, ..word(&text, speaker, start) }
    }
}

proptest! {
    #[test]
    fn nothing_is_lost_or_moved(words in prop::collection::vec(any_word(), 0..80), size in 0..12_usize) {
        let turns = turns(&words);
        let kept: Vec<_> = words.iter().filter(|w| w.kind != WordKind::Spacing).collect();
        let said: Vec<_> = turns.iter().flat_map(|turn| turn.text.split(' ')).collect();
        prop_assert_eq!(said, kept.iter().map(|w| w.text.as_str()).collect::<Vec<_>>());
        prop_assert!(turns.windows(2).all(|pair| pair[0].speaker != pair[1].speaker));

        let chunks = chunk_turns(&turns, size);
        prop_assert_eq!(chunks.len(), turns.len().div_ceil(size.max(1)));
        let counted: i32 = chunks.iter().map(|chunk| chunk.message_count).sum();
        prop_assert_eq!(counted, number::count(turns.len()));
        let lines: Vec<_> = chunks.iter().flat_map(|chunk| chunk.full_text.split('\n')).collect();
        let expected: Vec<_> = turns.iter().map(|t| format!("{}: {}", t.speaker, t.text)).collect();
        prop_assert_eq!(lines, expected);
        for (place, chunk) in chunks.iter().enumerate() {
            prop_assert_eq!(chunk.chunk_index, number::count(place));
            prop_assert!(chunk.speakers.len() <= usize::try_from(chunk.message_count).unwrap());
        }
    }
}
