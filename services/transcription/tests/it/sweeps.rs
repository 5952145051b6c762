//! What the sweeper repairs.

use crate::world::World;
use chrono::{TimeDelta, Utc};
use vigie_events::transcription::RunOutcome;
use vigie_transcription::sweeper::{MOST_EXPIRIES, Repairs, Sweeper};

fn sweeper(world: &World) -> Sweeper {
    Sweeper {
        db: world.state.db.clone(),
        workflow: world.state.workflow.clone(),
    }
}

const EXPIRE: &str = "UPDATE transcription_run_items
    SET state = 'in_progress', lease_no = lease_no + 1, lease_until = now() - interval '1 second'
  WHERE state IN ('pending', 'in_progress')";

#[tokio::test]
async fn nothing_is_repaired_while_all_is_well() {
    let world = World::new().await;
    world.running("44", &["a"]).await;
    world.planned("45").await;
    let repairs = sweeper(&world).round(None).await.unwrap();
    assert_eq!(repairs, Repairs::default());
}

#[tokio::test]
async fn a_killed_workers_recording_is_taken_over_and_given_up_in_the_end() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world
        .execute(
            "INSERT INTO speech_calls (run_id, call_id, attempt, provider, model)
             SELECT run_id, call_id, 7, 'elevenlabs', 'm' FROM transcription_run_items",
        )
        .await;
    let sweeper = sweeper(&world);
    for _ in 1..MOST_EXPIRIES {
        world.execute(EXPIRE).await;
        assert_eq!(sweeper.round(None).await.unwrap().expired, 1);
    }
    let doubted = world.count("SELECT count(*) FROM speech_calls WHERE outcome = 'in_doubt'");
    assert_eq!(doubted.await, 1);
    let id = format!("transcription-recording-{run}-a");
    let sent = world.sent("transcription/recording.transcribe").await;
    assert_eq!(sent, [id.clone(), format!("{id}#1"), format!("{id}#2")]);
    assert_eq!(world.state_of(run).await.0, "running");

    world.execute(EXPIRE).await;
    assert_eq!(sweeper.round(None).await.unwrap().expired, 1);
    assert_eq!(world.ended(run).await.status, RunOutcome::Failed);
    let abandoned =
        world.count("SELECT count(*) FROM transcription_run_items WHERE state = 'abandoned'");
    assert_eq!(abandoned.await, 1);
}

#[tokio::test]
async fn an_expired_lease_is_free_for_the_next_worker() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    world.execute(EXPIRE).await;
    world.recording(run, "44", "a").await.unwrap();
    assert_eq!(world.ended(run).await.status, RunOutcome::Completed);
}

#[tokio::test]
async fn work_older_than_the_stream_is_sent_again() {
    let world = World::new().await;
    let run = world.running("44", &["a"]).await;
    let planned = world.planned("45").await;
    let wiped = Utc::now() + TimeDelta::seconds(1);
    let sweeper = sweeper(&world);
    // The first round repairs as often as it may: sendings stay older than this stream.
    sweeper.round(Some(wiped)).await.unwrap();
    let sent = world.sent("transcription/recording.transcribe").await;
    assert_eq!(sent[1], format!("transcription-recording-{run}-a#1"));
    let asked = world.sent("fiche/fetch").await;
    assert!(asked.contains(&format!("transcription-{planned}-fetch-again-1")));
}

#[tokio::test]
async fn a_deadline_ends_a_run_with_what_it_has() {
    let world = World::new().await;
    let run = world.running("44", &["a", "b"]).await;
    world.recording(run, "44", "a").await.unwrap();
    let planned = world.planned("45").await;
    world
        .execute("UPDATE transcription_runs SET deadline_at = now()")
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().overdue, 2);
    let end = world.ended(run).await;
    assert_eq!(end.status, RunOutcome::Partial);
    assert_eq!(end.reason.as_deref(), Some("expired"));
    assert_eq!((end.transcribed_count, end.failed_count), (1, 1));
    assert_eq!(world.ended(planned).await.status, RunOutcome::Failed);
    assert_eq!(world.sent("transcription/run.expired").await.len(), 2);
    // A late worker finds nothing to do.
    world.recording(run, "44", "b").await.unwrap();
    assert_eq!(world.requests(), 1);
}

#[tokio::test]
async fn old_lines_are_forgotten() {
    let world = World::with(&[("WORKFLOW_LOG_RETENTION_DAYS", "30")]).await;
    world.running("44", &["a"]).await;
    world.planned("45").await;
    world
        .execute(
            "UPDATE workflow_logs SET created_at = now() - interval '31 days'
              WHERE entity_id = '44'",
        )
        .await;
    sweeper(&world).round(None).await.unwrap();
    let left = world.count("SELECT count(*) FROM workflow_logs").await;
    assert_eq!(left, 1);
}
