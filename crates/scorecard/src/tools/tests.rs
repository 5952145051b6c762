use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{LexicalIndex, SourceRecording, Timeline, sample};

fn timeline_of(chunks: usize, text: &str) -> Timeline {
    let source = SourceRecording {
        recording_url: Some("https://audio.exemple.test/secret.mp3".to_owned()),
        has_transcription: true,
        chunks: (0..chunks).map(|i| sample::chunk(i, text)).collect(),
        ..SourceRecording::default()
    };
    Timeline::build(vec![source]).0
}

fn search(timeline: &Timeline, args: Value, limits: ToolLimits) -> SearchResult {
    let args: SearchArgs = serde_json::from_value(args).unwrap();
    search_transcript(timeline, &LexicalIndex::new(timeline), &args, limits)
}

fn read(timeline: &Timeline, args: Value, limits: ToolLimits) -> ChunksResult {
    let args: ChunksArgs = serde_json::from_value(args).unwrap();
    transcript_chunks(timeline, &args, limits, usize::MAX)
}

fn places(result: &ChunksResult) -> Vec<(i32, i32)> {
    let places = result.chunks.iter().map(|chunk| &chunk.place);
    places.map(|p| (p.recording_index, p.chunk_index)).collect()
}

#[test]
fn limits_stay_in_their_ranges() {
    let low = ToolLimits::default()
        .turns(0)
        .search_results(0)
        .chunks_per_fetch(0)
        .chars_per_fetch(0)
        .preview_chars(0);
    let wanted = ToolLimits {
        turns: 2,
        search_results: 1,
        chunks_per_fetch: 1,
        chars_per_fetch: 1_000,
        preview_chars: 80,
    };
    assert_eq!(low, wanted);
    let high = low
        .search_results(usize::MAX)
        .chunks_per_fetch(usize::MAX)
        .chars_per_fetch(usize::MAX)
        .preview_chars(usize::MAX);
    assert_eq!((high.search_results, high.chunks_per_fetch), (50, 40));
    assert_eq!((high.chars_per_fetch, high.preview_chars), (80_000, 2_000));
}

#[test]
fn accents_and_endings_do_not_matter_to_a_search() {
    let timeline = sample::timeline();
    let found = search(
        &timeline,
        json!({"query": "ENREGISTREMENTS oppôser"}),
        ToolLimits::default(),
    );
    assert_eq!(found.terms.unwrap(), ["enregistrements", "opposer"]);
    let first = &found.matches[0];
    assert_eq!(
        (first.place.recording_index, first.place.chunk_index),
        (0, 1)
    );
    assert!(first.preview_text.starts_with("speaker_0: Cet appel"));
    assert_eq!(first.place.minutage, "01:00");
    assert_eq!((found.total_recordings, found.total_chunks), (2, 3));
}

#[test]
fn a_query_of_small_words_names_no_terms() {
    let timeline = sample::timeline();
    for query in ["", "est-ce que", "le la ?"] {
        let found = search(&timeline, json!({"query": query}), ToolLimits::default());
        let shown = serde_json::to_value(&found).unwrap();
        assert_eq!(shown["matches"], json!([]), "{query}");
        assert!(shown.get("terms").is_none() && shown.get("normalizedQuery").is_none());
    }
    let long = json!({"query": "optique", "minTermLength": 8});
    assert!(
        search(&timeline, long, ToolLimits::default())
            .terms
            .is_none()
    );
}

#[test]
fn equal_scores_keep_the_order_of_the_call_and_results_are_bounded() {
    let timeline = timeline_of(60, "speaker_0: Le budget mensuel.");
    let found = search(
        &timeline,
        json!({"query": "budget", "maxResults": 50}),
        ToolLimits::default(),
    );
    let order: Vec<_> = found.matches.iter().map(|m| m.place.chunk_index).collect();
    assert_eq!(
        order,
        (0..25).collect::<Vec<_>>(),
        "the limit, not the wish"
    );
    let three = json!({"query": "budget", "maxResults": 3, "minTermLength": null});
    assert_eq!(
        search(&timeline, three, ToolLimits::default())
            .matches
            .len(),
        3
    );
}

#[test]
fn previews_are_cut_and_addresses_never_shown() {
    let text = format!("speaker_0: budget {}", "é".repeat(900));
    let timeline = timeline_of(1, &text);
    let found = search(&timeline, json!({"query": "budget"}), ToolLimits::default());
    let preview = &found.matches[0].preview_text;
    assert_eq!(preview.chars().count(), 450);
    assert!(preview.ends_with('…'));
    let shown = serde_json::to_value(&found).unwrap().to_string();
    assert!(!shown.contains("secret.mp3"));
    assert!(shown.contains(r#""recording_date":"N/A""#), "{shown}");
}

#[test]
fn chunks_come_once_in_order_with_their_neighbours() {
    let timeline = timeline_of(6, "speaker_0: Bonjour.");
    let args = json!({"includeNeighbors": 1, "chunks": [
        {"recording_index": 0, "chunk_index": 5}, {"recording_index": 0, "chunk_index": 0},
        {"recording_index": 0, "chunk_index": 5}, {"recording_index": 7, "chunk_index": 0}]});
    let result = read(&timeline, args, ToolLimits::default());
    assert_eq!(places(&result), [(0, 0), (0, 1), (0, 4), (0, 5)]);
    assert_eq!(
        (result.requested, result.returned, result.truncated),
        (3, 4, false)
    );
}

#[test]
fn only_the_first_twenty_references_count() {
    let timeline = timeline_of(50, "speaker_0: Bonjour.");
    let chunks: Vec<_> = (0..50)
        .map(|i| json!({"recording_index": 0, "chunk_index": i}))
        .collect();
    let result = read(&timeline, json!({"chunks": chunks}), ToolLimits::default());
    assert_eq!((result.requested, result.returned), (20, 20));
}

#[test]
fn the_last_text_is_cut_where_the_budget_ends() {
    let timeline = timeline_of(3, &format!("speaker_0: {}", "é".repeat(689)));
    let chunks = json!([{"recording_index": 0, "chunk_index": 0},
        {"recording_index": 0, "chunk_index": 1}, {"recording_index": 0, "chunk_index": 2}]);
    let args = json!({"chunks": chunks, "maxChars": 1000});
    let result = read(&timeline, args, ToolLimits::default());
    assert!(result.truncated);
    let lengths: Vec<_> = result
        .chunks
        .iter()
        .map(|c| c.full_text.chars().count())
        .collect();
    assert_eq!(lengths, [700, 300]);
    assert!(result.chunks[1].full_text.ends_with('…'));
    let spent: ChunksArgs = serde_json::from_value(json!({"chunks": chunks})).unwrap();
    let result = transcript_chunks(&timeline, &spent, ToolLimits::default(), 0);
    assert!(
        result.chunks.is_empty() && result.truncated,
        "what the step may read is spent"
    );
}

proptest! {
    #[test]
    fn no_argument_reads_beyond_the_limits(
        refs in prop::collection::vec((any::<i32>(), any::<i32>()), 0..80),
        near in prop::collection::vec(0..40_i32, 0..80),
        around in any::<i32>(), chars in any::<usize>(), left in 0..50_000_usize,
    ) {
        let timeline = timeline_of(40, &format!("speaker_0: {}", "a".repeat(1_500)));
        let near = near.into_iter().map(|chunk| (0, chunk));
        let chunks = refs.into_iter().chain(near);
        let args = ChunksArgs {
            chunks: chunks.map(|(recording_index, chunk_index)| ChunkRef { recording_index, chunk_index }).collect(),
            include_neighbors: Some(around),
            max_chars: Some(chars),
        };
        let result = transcript_chunks(&timeline, &args, ToolLimits::default(), left);
        let total: usize = result.chunks.iter().map(|chunk| chunk.full_text.chars().count()).sum();
        prop_assert!(total <= 20_000.min(left) && total <= result.max_chars);
        prop_assert!(result.requested <= 20 && places(&result).is_sorted());
        let known = places(&result).into_iter().all(|(rec, chunk)| timeline.chunk(rec, chunk).is_some());
        prop_assert!(known);
    }
}
