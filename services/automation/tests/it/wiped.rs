//! What is asked once more after the broker lost its memory.

use crate::callers::admin;
use crate::world::{CONFIG, World};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use vigie_automation::sweeper::Repairs;
use vigie_events::transcription::RunOutcome;

const LONG_AGO: &str = "UPDATE automation_run_items SET sent_at = now() - interval '1 hour'
                         WHERE sent_at IS NOT NULL";

#[tokio::test]
async fn a_run_that_was_not_begun_is_sent_again() {
    let world = World::new().await;
    let schedule = world.schedule(&["1"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    let wiped = Utc::now() + TimeDelta::seconds(1);
    assert_eq!(
        world
            .sweeper()
            .round(Some(wiped))
            .await
            .unwrap()
            .unbegun_runs,
        1
    );
    let sendings = "SELECT count(DISTINCT sending_id) FROM outbox WHERE event = 'automation/run'";
    assert_eq!(world.count(sendings).await, 2);
    assert_eq!(
        world.ids("automation/run").await,
        vec![format!("automation-run-{run}"); 2]
    );
    assert_eq!(
        world.sweeper().round(None).await.unwrap(),
        Repairs::default()
    );
}

#[tokio::test]
async fn fetches_and_transcriptions_are_asked_again_under_new_ids() {
    let world = World::new().await;
    let run = world.running(&["44", "45"], json!({})).await;
    world.fetched(run, "45", 2).await;
    world.execute(LONG_AGO).await;
    let wiped = Utc::now() - TimeDelta::minutes(30);
    let repairs = world.sweeper().round(Some(wiped)).await.unwrap();
    assert_eq!(
        repairs,
        Repairs {
            asked_again: 2,
            ..Repairs::default()
        }
    );
    assert!(
        world
            .ids("fiche/fetch")
            .await
            .contains(&format!("automation-{run}-fetch-44-again-1"))
    );
    let transcribe = format!("automation-{run}-transcribe-45-again-1");
    assert!(world.ids("fiche/transcribe").await.contains(&transcribe));
    // Asked once: what was sent is younger than the stream.
    assert_eq!(
        world.sweeper().round(Some(wiped)).await.unwrap(),
        Repairs::default()
    );
}

#[tokio::test]
async fn audits_that_are_known_are_not_asked_for_again() {
    let world = World::new().await;
    world.answers.lock().unwrap().configs = vec![CONFIG, 15, 16];
    let run = world.running(&["44"], json!({})).await;
    world.fetched(run, "44", 2).await;
    world.transcribed(run, "44", RunOutcome::Completed).await;
    let tracking = |config: i64| format!("automation-{run}-audit-44-{config}");
    world.answers.lock().unwrap().tracked =
        vec![(tracking(CONFIG), "completed"), (tracking(15), "running")];
    world.execute(LONG_AGO).await;
    let wiped = Utc::now() - TimeDelta::minutes(30);
    assert_eq!(
        world
            .sweeper()
            .round(Some(wiped))
            .await
            .unwrap()
            .asked_again,
        1
    );
    let resent: Vec<String> = sqlx::query_scalar(
        "SELECT message_id FROM outbox WHERE event = 'audit/run' AND sending_id LIKE '%#%'",
    )
    .fetch_all(world.pool())
    .await
    .unwrap();
    assert_eq!(resent, [tracking(16)], "only the one that nobody knows");
    assert_eq!(world.state_of(run, "44").await, "auditing");
    world.audited(run, "44", 15, "").await;
    // The other two are found ended.
    world.answers.lock().unwrap().tracked = vec![(tracking(16), "failed")];
    world.execute(LONG_AGO).await;
    world.sweeper().round(Some(wiped)).await.unwrap();
    assert_eq!(world.outcome(run).await.0, "failed");
    assert_eq!(world.summary(run).await["failed"][0]["error"], "boom");
}
