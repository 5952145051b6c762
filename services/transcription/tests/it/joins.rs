//! A person joins the run of a schedule: it goes on in their lane.

use crate::world::{World, asked};
use vigie_events::ids::AutomationRunId;
use vigie_events::transcription::{FicheTranscribe, Priority, RunOutcome};

/// An automation run asks, in the lane of schedules.
async fn scheduled(world: &World, fiche: &str) {
    let run = AutomationRunId::new(3);
    let fiche = fiche.parse().unwrap();
    let ask = FicheTranscribe::for_automation(run, fiche, Priority::Normal, false, 0);
    world.transcribe(ask).await;
}

const SUBJECTS: &str = "SELECT count(*) FROM outbox WHERE subject LIKE '%.interactive'";
const HURRIED: &str = "SELECT count(*) FROM transcription_runs
    WHERE lane = 'interactive' AND deadline_at <= now() + interval '16 minutes'";

#[tokio::test]
async fn recordings_that_wait_are_sent_again_in_the_lane_of_persons() {
    let world = World::new().await;
    world.recorded("44", &["a", "b", "c"]).await;
    scheduled(&world, "44").await;
    let run = world.run_of("44").await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(
        (world.count(SUBJECTS).await, world.count(HURRIED).await),
        (0, 0)
    );

    world.transcribe(asked("44", 1, false)).await;
    let again = ["b", "c"].map(|call| format!("transcription-recording-{run}-{call}#1"));
    let sent = world.sent("transcription/recording.transcribe").await;
    assert_eq!(sent[3..], again);
    assert_eq!(
        (world.count(SUBJECTS).await, world.count(HURRIED).await),
        (2, 1)
    );
    // A second person changes nothing more.
    world.transcribe(asked("44", 2, false)).await;
    assert_eq!(world.count(SUBJECTS).await, 2);

    // Both sendings of each command arrive.
    for call in ["b", "c", "b", "c"] {
        world.recording(run, "44", call).await.unwrap();
    }
    let end = world.ended(run).await;
    assert_eq!(
        (end.status, end.transcribed_count),
        (RunOutcome::Completed, 3)
    );
    assert_eq!(world.requests(), 3);
}

#[tokio::test]
async fn a_refresh_that_waits_is_asked_for_again() {
    let world = World::new().await;
    // Not cached: the automation run has to wait for a refresh.
    scheduled(&world, "44").await;
    let run = world.run_of("44").await;
    world.transcribe(asked("44", 1, true)).await;
    let fetch = format!("transcription-{run}-fetch");
    assert_eq!(
        world.sent("fiche/fetch").await,
        [fetch.clone(), format!("{fetch}-again-1")]
    );
    assert_eq!(
        (world.count(SUBJECTS).await, world.count(HURRIED).await),
        (1, 1)
    );
    let forced = world.count("SELECT count(*) FROM transcription_runs WHERE force");
    assert_eq!(forced.await, 1);
    // Both answers arrive.
    world.recorded("44", &["a"]).await;
    world.fetched(run, "44").await;
    world.fetched(run, "44").await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
}

#[tokio::test]
async fn a_schedule_that_joins_a_person_slows_nobody_down() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    scheduled(&world, "44").await;
    assert_eq!(world.count(HURRIED).await, 1);
    assert_eq!(
        world.sent("transcription/recording.transcribe").await.len(),
        1
    );
    world.recording(run, "44", "a").await.unwrap();
    let ids = world.ended(run).await.request_ids;
    assert_eq!(ids, ["transcribe-44-1", "automation-3-transcribe-44"]);
}
