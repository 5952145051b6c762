use rstest::rstest;

use super::*;
use crate::sample;

fn source(id: &str, start: Option<&str>) -> SourceRecording {
    SourceRecording {
        id: id.to_owned(),
        call_id: format!("call-{id}"),
        start_time: start.map(str::to_owned),
        recording_url: Some("https://audio.exemple.test/a.mp3".to_owned()),
        has_transcription: true,
        chunks: vec![sample::chunk(0, "speaker_0: oui")],
        ..SourceRecording::default()
    }
}

#[test]
fn recordings_are_ordered_then_numbered() {
    let (timeline, missing) = Timeline::build(vec![
        source("9", None),
        source("8", Some("")),
        source("3", Some("2026-01-05T10:00:00.000Z")),
        SourceRecording {
            has_transcription: false,
            ..source("0", Some("2026-01-01T00:00:00.000Z"))
        },
        source("2", Some("2026-01-05T10:00:00.000Z")),
        source("1", Some("2026-01-06T10:00:00.000Z")),
    ]);
    let order: Vec<_> = timeline
        .recordings
        .iter()
        .map(|r| (r.recording_index, r.call_id.as_str()))
        .collect();
    let expected = [
        (0, "call-2"),
        (1, "call-3"),
        (2, "call-1"),
        (3, "call-8"),
        (4, "call-9"),
    ];
    assert_eq!(order, expected);
    let call_id = "call-0".to_owned();
    assert_eq!(
        missing,
        [MissingRecording {
            call_id,
            reason: LeftOut::NotTranscribed
        }]
    );
    assert_eq!(timeline.total_chunks(), 5);
}

#[test]
fn what_cannot_be_cited_is_left_out() {
    let reason = |source| Timeline::build(vec![source]).1[0].reason;
    assert_eq!(
        reason(SourceRecording {
            recording_url: None,
            ..source("1", None)
        }),
        LeftOut::NoUrl
    );
    let blank = Some(String::new());
    assert_eq!(
        reason(SourceRecording {
            recording_url: blank,
            ..source("1", None)
        }),
        LeftOut::NoUrl
    );
    let empty = SourceRecording {
        chunks: vec![],
        text: Some(" ".to_owned()),
        ..source("1", None)
    };
    assert_eq!(reason(empty), LeftOut::EmptyTranscript);
}

#[test]
fn words_stand_in_for_chunks_and_text_for_words() {
    let words = crate::synthetic_words("oui bonjour", Some(4.0));
    let bare = SourceRecording {
        chunks: vec![],
        text: Some("non merci".to_owned()),
        ..source("1", None)
    };
    let from = |source| Timeline::build(vec![source]).0.recordings.remove(0);
    let worded = from(SourceRecording {
        words,
        ..bare.clone()
    });
    assert_eq!(worded.chunks[0].full_text, "speaker_0: oui bonjour");
    assert_eq!(worded.diarization, Diarization::Provider);
    let texted = from(bare);
    assert_eq!(texted.chunks[0].full_text, "speaker_0: non merci");
    assert_eq!(
        texted.diarization,
        Diarization::Synthetic,
        "invented speakers are marked"
    );
}

#[test]
fn chunks_are_found_by_their_index() {
    let chunks = vec![
        sample::chunk(1, "speaker_0: deux"),
        sample::chunk(0, "speaker_0: un"),
    ];
    let (timeline, _) = Timeline::build(vec![SourceRecording {
        chunks,
        ..source("1", None)
    }]);
    assert_eq!(timeline.chunk(0, 1).unwrap().full_text, "speaker_0: deux");
    for (recording, chunk) in [(0, 2), (1, 0), (-1, 0), (0, -1)] {
        assert_eq!(timeline.chunk(recording, chunk), None);
    }
}

#[test]
fn a_stored_timeline_reads_back() {
    let timeline = sample::timeline();
    let json = serde_json::to_string(&timeline).unwrap();
    assert_eq!(serde_json::from_str::<Timeline>(&json).unwrap(), timeline);
}

#[rstest]
#[case(0.0, "00:00")]
#[case(59.999, "00:59")]
#[case(190.4, "03:10")]
#[case(6000.0, "100:00")]
#[case(-1.0, "00:00")]
#[case(f64::NAN, "00:00")]
#[case(f64::INFINITY, "00:00")]
fn minutages(#[case] seconds: f64, #[case] shown: &str) {
    assert_eq!(minutage(seconds), shown);
}
