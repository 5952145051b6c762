//! What providers and the hosts of recordings do wrong, for both providers alike.

use crate::world::World;
use futures::future::join_all;
use std::time::Duration;
use vigie_events::transcription::RunOutcome;
use vigie_simulators::faults::{Rule, kind};
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

const PROVIDERS: [&str; 2] = ["elevenlabs", "openai"];

/// Timeouts are waited out by the tests of silence only, and far above what an answer takes on a
/// machine that is busy.
async fn world(provider: &str) -> World {
    World::with(&[
        ("TRANSCRIPTION_PROVIDER", provider),
        ("TRANSCRIPTION_PROVIDER_TIMEOUT_MS", "6000"),
        ("TRANSCRIPTION_DOWNLOAD_TIMEOUT_MS", "6000"),
    ])
    .await
}

/// The first answer is a fault; the recording is transcribed with the second.
async fn survives(provider: &str, rule: Rule) {
    let world = world(provider).await;
    let run = world.running("44", &["a"]).await;
    let name = rule.kind.clone();
    world.simulators.stt.add(Rule { count: 1, ..rule });
    world.recording(run, "44", "a").await.unwrap();
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Completed, "{provider} {name}");
    assert_eq!(world.requests(), 2, "{provider} {name}");
    let outcomes: Vec<String> =
        sqlx::query_scalar("SELECT outcome FROM speech_calls ORDER BY attempt")
            .fetch_all(world.pool())
            .await
            .unwrap();
    assert_eq!(outcomes, ["failed", "ok"], "{provider} {name}");
}

#[tokio::test]
async fn errors_of_the_moment_are_tried_again() {
    let rule = |status| Rule {
        status: Some(status),
        ..Rule::new(kind::STATUS)
    };
    for provider in PROVIDERS {
        let rules = [408, 429, 500, 502, 503, 504].map(rule);
        join_all(rules.map(|rule| survives(provider, rule))).await;
    }
}

#[tokio::test]
async fn silence_cuts_and_garbage_are_tried_again() {
    for provider in PROVIDERS {
        let kinds = [
            kind::HANG,
            kind::RESET,
            kind::RESET_AFTER,
            kind::MALFORMED_BODY,
            kind::SCHEMA_VIOLATION,
        ];
        join_all(kinds.map(|kind| survives(provider, Rule::new(kind)))).await;
    }
}

#[tokio::test]
async fn refusals_are_final() {
    for provider in PROVIDERS {
        for status in [400, 413, 415, 422] {
            let world = world(provider).await;
            let run = world.running("44", &["a"]).await;
            world.simulators.stt.add(Rule {
                status: Some(status),
                ..Rule::new(kind::STATUS)
            });
            world.recording(run, "44", "a").await.unwrap();
            assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
            assert_eq!(world.requests(), 1, "{provider} {status}");
        }
    }
}

#[tokio::test]
async fn a_host_of_recordings_that_fails_or_hangs_is_tried_again() {
    let world = world("elevenlabs").await;
    let run = world.running("44", &["a", "b"]).await;
    for (call, answer) in [
        ("a", ResponseTemplate::new(503)),
        (
            "b",
            ResponseTemplate::new(200).set_delay(Duration::from_secs(60)),
        ),
    ] {
        Mock::given(method("GET"))
            .and(path(format!("/{call}.mp3")))
            .respond_with(answer)
            .up_to_n_times(1)
            .with_priority(1)
            .mount(&world.media)
            .await;
        world.recording(run, "44", call).await.unwrap();
    }
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    // No request is paid for audio that is not there.
    assert_eq!(world.requests(), 2);
    let attempts = world.count("SELECT sum(attempts)::int8 FROM transcription_run_items");
    assert_eq!(attempts.await, 4);
}

#[tokio::test]
async fn what_is_no_audio_or_too_much_of_it_is_refused() {
    let world = World::with(&[("TRANSCRIPTION_MAX_AUDIO_BYTES", "64")]).await;
    let run = world.running("44", &["large", "page"]).await;
    let page = ResponseTemplate::new(200).set_body_raw("<html>", "text/html");
    Mock::given(method("GET"))
        .and(path("/page.mp3"))
        .respond_with(page)
        .with_priority(1)
        .mount(&world.media)
        .await;
    world.recording(run, "44", "large").await.unwrap();
    world.recording(run, "44", "page").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    assert_eq!(world.requests(), 0);
    let classes = world.count(
        "SELECT count(*) FROM transcription_run_items
          WHERE error_class = 'permanent' AND error LIKE 'Audio download failed: %'",
    );
    assert_eq!(classes.await, 2);
}
