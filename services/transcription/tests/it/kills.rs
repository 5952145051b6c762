//! Workers killed in each phase of a recording: whoever comes next ends it, and nothing that is
//! stored is paid for again.

use crate::world::{World, recording};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;
use vigie_bus::Worker;
use vigie_events::transcription::RunOutcome;
use vigie_simulators::faults::{Rule, kind};
use vigie_testkit::wait::until;
use vigie_transcription::events::TranscribeRecording;
use vigie_transcription::sweeper::Sweeper;
use wiremock::matchers::{method, path};
use wiremock::{Mock, ResponseTemplate};

/// The worker of recording `a` works until `reached`, and is gone.
async fn killed(world: &World, run: Uuid, reached: impl AsyncFn() -> bool) {
    let worker = TranscribeRecording::new(world.state.clone());
    let delivery = crate::world::delivered(recording(run, "44", "a"));
    let there = until("the phase", Duration::from_secs(20), || async {
        Ok(reached().await.then_some(()))
    });
    tokio::select! {
        _ = worker.work(&delivery) => panic!("it was not killed"),
        there = there => there.unwrap(),
    }
}

/// The dead worker's lease runs out, the sweeper sends the recording again, and it is done.
async fn taken_over(world: &World, run: Uuid) {
    world
        .execute(
            "UPDATE transcription_run_items SET lease_until = now() - interval '1 second'
              WHERE state = 'in_progress'",
        )
        .await;
    let sweeper = Sweeper {
        db: world.state.db.clone(),
        workflow: world.state.workflow.clone(),
    };
    let repairs = sweeper.round(None).await.unwrap();
    assert_eq!(repairs.expired, 1);
    let work = world.recording(run, "44", "a");
    timeout(Duration::from_secs(30), work)
        .await
        .unwrap()
        .unwrap();
    let end = world.ended(run).await;
    assert_eq!(
        (end.status, end.transcribed_count),
        (RunOutcome::Completed, 1)
    );
    let sent = world.sent("transcription/recording.transcribe").await;
    assert_eq!(sent[1], format!("transcription-recording-{run}-a#1"));
}

#[tokio::test]
async fn while_the_audio_is_fetched() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    let slow = ResponseTemplate::new(200).set_delay(Duration::from_secs(30));
    Mock::given(method("GET"))
        .and(path("/a.mp3"))
        .respond_with(slow)
        .up_to_n_times(1)
        .with_priority(1)
        .mount(&world.media)
        .await;
    killed(&world, run, async || {
        !world.media.received_requests().await.unwrap().is_empty()
    })
    .await;
    taken_over(&world, run).await;
    assert_eq!(world.requests(), 1);
    assert_eq!(world.count("SELECT count(*) FROM speech_calls").await, 1);
}

#[tokio::test]
async fn while_the_provider_works_the_request_stays_in_doubt() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.simulators.stt.add(Rule {
        count: 1,
        ..Rule::new(kind::HANG)
    });
    killed(&world, run, async || world.requests() == 1).await;
    taken_over(&world, run).await;
    assert_eq!(world.requests(), 2);
    let outcomes: Vec<String> =
        sqlx::query_scalar("SELECT outcome FROM speech_calls ORDER BY attempt")
            .fetch_all(world.pool())
            .await
            .unwrap();
    assert_eq!(outcomes, ["in_doubt", "ok"]);
}

#[tokio::test]
async fn between_the_transcript_and_the_end_of_the_recording() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    // The work is done, but nobody stores that.
    let worker = TranscribeRecording::new(world.state.clone());
    let delivery = crate::world::delivered(recording(run, "44", "a"));
    let settlement = worker.work(&delivery).await.unwrap();
    assert!(settlement.is_some());
    assert_eq!(world.count("SELECT count(*) FROM transcripts").await, 1);
    taken_over(&world, run).await;
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn before_the_first_step_the_command_comes_again() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    // Claimed, and gone at once.
    killed(&world, run, async || {
        let claimed = "SELECT count(*) FROM transcription_run_items WHERE state = 'in_progress'";
        world.count(claimed).await == 1
    })
    .await;
    taken_over(&world, run).await;
}
