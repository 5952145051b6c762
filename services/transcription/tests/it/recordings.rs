//! One recording and its provider.

use crate::world::World;
use std::time::Duration;
use uuid::Uuid;
use vigie_bus::Failure;
use vigie_events::ids::CallId;
use vigie_events::transcription::RunOutcome;
use vigie_simulators::faults::{Rule, kind};
use vigie_transcription::store::item;
use vigie_transcription::workflow::{Settlement, WorkflowError};

fn answers(status: u16, count: u32) -> Rule {
    Rule {
        status: Some(status),
        count,
        ..Rule::new(kind::STATUS)
    }
}

fn failed(lease: Option<i32>) -> Settlement {
    Settlement::Failed {
        class: "permanent".to_owned(),
        error: "no".to_owned(),
        request_id: None,
        lease,
    }
}

async fn settle(
    world: &World,
    run: Uuid,
    call: &str,
    end: &Settlement,
) -> Result<(), WorkflowError> {
    let call: CallId = call.parse().unwrap();
    let mut tx = world.state.db.begin().await.unwrap();
    let settled = world.state.workflow.settle(&mut tx, run, &call, end).await;
    match &settled {
        Ok(()) => tx.commit().await.unwrap(),
        Err(_) => tx.rollback().await.unwrap(),
    }
    settled
}

#[tokio::test]
async fn throttling_is_waited_for() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(Rule {
        retry_after: Some(1),
        ..answers(429, 1)
    });
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    assert_eq!(world.requests(), 2);
    let failed = world.count("SELECT count(*) FROM speech_calls WHERE outcome = 'failed'");
    assert_eq!(failed.await, 1);
}

#[tokio::test]
async fn a_long_wait_leaves_the_queue_and_the_recording_is_free_meanwhile() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(Rule {
        retry_after: Some(90),
        ..answers(429, 1)
    });
    let failure = world.recording(run, "44", "a").await.unwrap_err();
    assert!(
        matches!(failure, Failure::Defer { after, .. } if after >= Duration::from_secs(90)),
        "{failure:?}"
    );
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    let attempts = world.count("SELECT attempts::int8 FROM transcription_run_items");
    assert_eq!(attempts.await, 2);
}

#[tokio::test]
async fn a_refused_recording_fails_alone() {
    let world = World::new().await;
    let run = world.running("44", &["a", "b"]).await;
    world.simulators.stt.add(answers(422, 1));
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "b").await.unwrap();
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Partial);
    assert_eq!((end.transcribed_count, end.failed_count), (1, 1));
    assert_eq!(world.requests(), 2);
    let shown = &world.payloads("transcription.recording_failed").await[0];
    let error = shown["error"].as_str().unwrap();
    assert!(error.contains("status=422"), "{error}");
}

#[tokio::test]
async fn attempts_are_bounded() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(answers(503, 0));
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    assert_eq!(world.requests(), 3);
}

#[tokio::test]
async fn audio_that_is_gone_fails_without_a_request_and_without_its_address() {
    let world = World::new().await;
    let run = world.running("44", &["gone"]).await;
    world.recording(run, "44", "gone").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    assert_eq!(world.requests(), 0);
    let leaks = world.count("SELECT count(*) FROM outbox WHERE payload LIKE '%sig=%'");
    assert_eq!(leaks.await, 0);
}

#[tokio::test]
async fn a_refused_key_stops_everything_for_a_while() {
    let world = World::new().await;
    let run = world.running("44", &["a", "b"]).await;
    world.simulators.stt.add(answers(401, 1));
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "b").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn the_rate_holds() {
    let world = World::with(&[("TRANSCRIPTION_ELEVENLABS_RATE_LIMIT_PER_MINUTE", "1")]).await;
    let run = world.running("44", &["a", "b", "c"]).await;
    // One, and one saved up; the next is a minute away.
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "b").await.unwrap();
    let failure = world.recording(run, "44", "c").await.unwrap_err();
    assert!(matches!(failure, Failure::Defer { .. }), "{failure:?}");
    assert_eq!(world.requests(), 2);
    // Audio that could not be sent is not fetched.
    assert_eq!(world.media.received_requests().await.unwrap().len(), 2);
    let untouched = world.count(
        "SELECT count(*) FROM transcription_run_items WHERE state = 'pending' AND attempts = 0",
    );
    assert_eq!(untouched.await, 1);
}

#[tokio::test]
async fn a_stored_transcript_is_not_paid_for_again() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.recording(run, "44", "a").await.unwrap();
    // As after a crash between the transcript and the end of the recording.
    world
        .execute("UPDATE transcription_run_items SET state = 'pending', completed_at = NULL")
        .await;
    world
        .execute("UPDATE transcription_runs SET state = 'running', processed = 0")
        .await;
    world.execute("DELETE FROM outbox").await;
    world.recording(run, "44", "a").await.unwrap();
    let end = world.ended(run).await;
    assert_eq!((end.transcribed_count, end.cached_count), (1, 0));
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn a_recording_that_somebody_has_is_left_alone() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    let call: CallId = "a".parse().unwrap();
    let mut conn = world.state.db.acquire().await.unwrap();
    let lease = Duration::from_secs(30);
    let first = item::claim(&mut conn, run, &call, lease).await.unwrap();
    let failure = world.recording(run, "44", "a").await.unwrap_err();
    assert!(matches!(failure, Failure::Defer { .. }), "{failure:?}");
    assert_eq!(world.requests(), 0);

    // The worker freezes, somebody else takes over, the worker wakes up.
    let second = item::claim(&mut conn, run, &call, lease).await.unwrap();
    assert!(
        !item::renew(&mut conn, run, &call, first, lease)
            .await
            .unwrap()
    );
    let stale = settle(&world, run, "a", &failed(Some(first))).await;
    assert!(matches!(stale, Err(WorkflowError::Stale(_))));
    settle(&world, run, "a", &failed(Some(second)))
        .await
        .unwrap();
    assert_eq!(world.ended(run).await.failed_count, 1);
    // A result after the end changes nothing.
    let late = Settlement::Cached {
        transcription_id: "stt_1".to_owned(),
    };
    settle(&world, run, "a", &late).await.unwrap();
    assert_eq!(world.ended(run).await.failed_count, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_of_many_finishing_at_once_ends_the_run() {
    let world = World::new().await;
    let calls = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let run = world.running("44", &calls).await;
    let end = failed(None);
    let all = calls
        .iter()
        .chain(&calls)
        .map(|call| settle(&world, run, call, &end));
    for settled in futures::future::join_all(all).await {
        settled.unwrap();
    }
    let fact = world.ended(run).await;
    assert_eq!((fact.status, fact.failed_count), (RunOutcome::Failed, 8));
    let sequences: Vec<i64> = sqlx::query_scalar(
        "SELECT (payload::json ->> 'sequence')::int8 FROM outbox
          WHERE channels IS NOT NULL ORDER BY 1",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    let numbers = (1..).take(sequences.len());
    assert!(sequences.iter().copied().eq(numbers));
}

#[tokio::test]
async fn silence_is_a_transcript_and_a_missing_id_loses_nothing() {
    let world = World::new().await;
    let run = world.running("44", &["a", "b"]).await;
    for kind in ["silence", "missing_transcription_id"] {
        world.simulators.stt.add(Rule {
            count: 1,
            ..Rule::new(kind)
        });
    }
    world.recording(run, "44", "a").await.unwrap();
    world.recording(run, "44", "b").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
    let silent = world.count("SELECT count(*) FROM transcripts WHERE state = 'transcribed_empty'");
    assert_eq!(silent.await, 1);
    let named = world.count("SELECT count(*) FROM transcripts WHERE transcription_id <> ''");
    assert_eq!(named.await, 2);
}
