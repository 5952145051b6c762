//! Deadlines of fiches and runs.

use crate::callers::admin;
use crate::world::{CONFIG, World};
use serde_json::json;
use vigie_automation::sweeper::Repairs;
use vigie_events::transcription::RunOutcome;

const ITEMS_LATE: &str = "UPDATE automation_run_items SET deadline_at = now() - interval '1 second'
      WHERE deadline_at IS NOT NULL";

#[tokio::test]
async fn overdue_fiches_fail_where_they_stand() {
    let world = World::new().await;
    let run = world.running(&["44", "45", "46"], json!({})).await;
    world.fetched(run, "45", 2).await;
    world.fetched(run, "46", 2).await;
    world.transcribed(run, "46", RunOutcome::Completed).await;
    assert_eq!(
        world.sweeper().round(None).await.unwrap(),
        Repairs::default()
    );
    world.execute(ITEMS_LATE).await;
    let repairs = world.sweeper().round(None).await.unwrap();
    assert_eq!(
        repairs,
        Repairs {
            overdue_items: 3,
            ..Repairs::default()
        }
    );
    assert_eq!(world.outcome(run).await.0, "failed");
    let failed = world.summary(run).await["failed"].clone();
    let errors: Vec<_> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["error"])
        .collect();
    assert_eq!(
        errors,
        [
            "Fiche details not fetched (cache incomplete)",
            "Transcription incomplete (timeout/stall)",
            "Audit incomplete (timeout/stall)",
        ]
    );
    // Answers that come now change nothing.
    world.succeed(run, "44").await;
    world.audited(run, "46", CONFIG, "").await;
    assert_eq!(world.outcome(run).await.0, "failed");
    let late = "SELECT count(*) FROM automation_run_item_audits WHERE late";
    assert_eq!(world.count(late).await, 1);
    assert_eq!(
        world.sweeper().round(None).await.unwrap(),
        Repairs::default()
    );
}

#[tokio::test]
async fn overdue_steps_are_retried_with_their_full_time() {
    let world = World::new().await;
    world.answers.lock().unwrap().configs = vec![CONFIG, 15];
    let run = world
        .running(&["44"], json!({"retryFailed": true, "maxRetries": 1}))
        .await;
    world.execute(ITEMS_LATE).await;
    assert_eq!(world.sweeper().round(None).await.unwrap().overdue_items, 1);
    assert_eq!(world.ids("fiche/fetch").await.len(), 2);
    world.fetched(run, "44", 2).await;
    world.execute(ITEMS_LATE).await;
    world.sweeper().round(None).await.unwrap();
    assert_eq!(world.ids("fiche/transcribe").await.len(), 2);
    world.transcribed(run, "44", RunOutcome::Completed).await;
    world.audited(run, "44", CONFIG, "").await;
    world.execute(ITEMS_LATE).await;
    world.sweeper().round(None).await.unwrap();
    let audits = world.ids("audit/run").await;
    assert_eq!(audits[2], format!("automation-{run}-audit-44-15-retry-1"));
    assert_eq!(
        world.sweeper().round(None).await.unwrap(),
        Repairs::default()
    );
    world.execute(ITEMS_LATE).await;
    world.sweeper().round(None).await.unwrap();
    assert_eq!(world.outcome(run).await.0, "failed");
    assert_eq!(
        world.summary(run).await["failed"][0]["errorCode"],
        "TIMEOUT"
    );
}

#[tokio::test]
async fn a_run_ends_at_its_deadline_with_what_it_has() {
    let world = World::new().await;
    let run = world.running(&["1 2 3 4"], json!({})).await;
    world.succeed(run, "1").await;
    world
        .execute("UPDATE automation_runs SET deadline_at = now()")
        .await;
    let repairs = world.sweeper().round(None).await.unwrap();
    assert_eq!(
        repairs,
        Repairs {
            overdue_runs: 1,
            ..Repairs::default()
        }
    );
    let (status, reason, successful, failed, _) = world.outcome(run).await;
    assert_eq!(
        (status.as_str(), reason.as_deref()),
        ("partial", Some("deadline"))
    );
    assert_eq!((successful, failed), (1, 3));
    assert_eq!(
        world.payloads("automation/completed").await[0]["reason"],
        "deadline"
    );
    assert_eq!(world.ids("automation/item.settled").await.len(), 4);
}

#[tokio::test]
async fn a_run_that_never_began_fails_at_its_deadline() {
    let world = World::new().await;
    let schedule = world.schedule(&["1"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    world
        .execute("UPDATE automation_runs SET deadline_at = now()")
        .await;
    assert_eq!(world.sweeper().round(None).await.unwrap().overdue_runs, 1);
    assert_eq!(world.outcome(run).await.0, "failed");
    assert_eq!(
        world.payloads("automation/failed").await[0]["reason"],
        "deadline"
    );
    world.begin(&schedule, run).await;
    assert!(world.ids("fiche/fetch").await.is_empty());
}

#[tokio::test]
async fn slots_that_nobody_gave_are_given_by_the_sweeper() {
    let world = World::new().await;
    let _run = world.running(&["1 2 3 4"], json!({})).await;
    world
        .execute("UPDATE automation_run_items SET sent_at = NULL, deadline_at = NULL WHERE fiche_id = '1'")
        .await;
    assert_eq!(world.sweeper().round(None).await.unwrap().slots, 1);
}
