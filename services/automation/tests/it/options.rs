//! What a schedule and an installation decide about runs.

use crate::world::{CONFIG, World, ended};
use serde_json::json;
use vigie_events::audit::FailureStage;
use vigie_events::fiche::FetchFailure;
use vigie_events::transcription::RunOutcome;

#[tokio::test]
async fn failed_steps_are_retried_under_ids_of_their_own() {
    let world = World::new().await;
    world.answers.lock().unwrap().configs = vec![CONFIG, 15];
    let run = world
        .running(&["44"], json!({"retryFailed": true, "maxRetries": 1}))
        .await;
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::Upstream)
        .await;
    let fetches = world.ids("fiche/fetch").await;
    assert_eq!(fetches[1], format!("automation-{run}-fetch-44-retry-1"));
    // The answer to the first request, late.
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::Upstream)
        .await;
    assert_eq!(world.state_of(run, "44").await, "selected");
    world.fetched(run, "44", 2).await;
    world.transcribed(run, "44", RunOutcome::Completed).await;
    world.audited(run, "44", CONFIG, "").await;
    world
        .audit_failed(run, "44", 15, "", FailureStage::AllStepsFailed)
        .await;
    let expected = [
        format!("automation-{run}-audit-44-14"),
        format!("automation-{run}-audit-44-15"),
        format!("automation-{run}-audit-44-15-retry-1"),
    ];
    assert_eq!(
        world.ids("audit/run").await,
        expected,
        "never the completed one"
    );
    world
        .audit_failed(run, "44", 15, "", FailureStage::AllStepsFailed)
        .await;
    assert_eq!(
        world.state_of(run, "44").await,
        "auditing",
        "the first attempt's answer is late"
    );
    world.audited(run, "44", 15, "-retry-1").await;
    assert_eq!(world.outcome(run).await, ended("completed", (1, 0, 0)));
}

#[tokio::test]
async fn without_retries_the_first_failure_is_final() {
    let world = World::new().await;
    let run = world
        .running(&["44"], json!({"retryFailed": false, "maxRetries": 3}))
        .await;
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::Upstream)
        .await;
    assert_eq!(world.outcome(run).await, ended("failed", (0, 1, 0)));
}

#[tokio::test]
async fn a_failure_stops_the_rest_when_asked_to() {
    let world = World::new().await;
    let run = world
        .running(&["1 2 3 4 5"], json!({"continueOnError": false}))
        .await;
    world.fetched(run, "1", 2).await;
    world.transcribed(run, "1", RunOutcome::Completed).await;
    world
        .fetch_failed(run, "2", "fetch-2", FetchFailure::Upstream)
        .await;
    assert_eq!(world.state_of(run, "4").await, "ignored");
    // Under way: its step ends, no further one is sent.
    world.fetched(run, "3", 2).await;
    world.audited(run, "1", CONFIG, "").await;
    assert_eq!(world.outcome(run).await, ended("partial", (1, 1, 3)));
    assert_eq!(world.ids("fiche/fetch").await.len(), 3);
    let ignored = world.summary(run).await["ignored"].clone();
    for one in ignored.as_array().unwrap() {
        assert_eq!(one["reason"], "Skipped (continueOnError=false)");
    }
}

#[tokio::test]
async fn slots_bound_what_is_under_way() {
    let world = World::new().await;
    let first = world.running(&["1 2 3 4"], json!({})).await;
    let second = world.running(&["5 6 7 8"], json!({})).await;
    // Three of a schedule, five in all.
    assert_eq!(world.ids("fiche/fetch").await.len(), 5);
    world.succeed(first, "1").await;
    assert_eq!(world.ids("fiche/fetch").await.len(), 6);
    let open = "SELECT count(*) FROM automation_run_items
                 WHERE sent_at IS NOT NULL AND state NOT IN ('done', 'failed', 'ignored')";
    assert_eq!(world.count(open).await, 5);
    for fiche in ["2", "3", "4"] {
        world.succeed(first, fiche).await;
    }
    assert_eq!(world.outcome(first).await, ended("completed", (4, 0, 0)));
    // The slots of one run go to the other.
    assert_eq!(world.ids("fiche/fetch").await.len(), 7);
    for fiche in ["5", "6", "7", "8"] {
        world.succeed(second, fiche).await;
    }
    assert_eq!(world.outcome(second).await, ended("completed", (4, 0, 0)));
}

#[tokio::test]
async fn transcription_follows_the_schedule() {
    let world = World::new().await;
    let extra = json!({"skipIfTranscribed": false, "transcriptionPriority": "high",
        "runAudits": false, "allowPartialTranscription": true});
    let run = world.running(&["44"], extra).await;
    world.fetched(run, "44", 2).await;
    let command = &world.payloads("fiche/transcribe").await[0];
    assert_eq!(
        (&command["force"], &command["priority"]),
        (&json!(true), &json!("high"))
    );
    world.transcribed(run, "44", RunOutcome::Partial).await;
    assert_eq!(world.outcome(run).await, ended("completed", (1, 0, 0)));
    assert!(world.ids("audit/run").await.is_empty());
}

#[tokio::test]
async fn without_an_audit_configuration_nothing_is_sent() {
    let world = World::new().await;
    world.answers.lock().unwrap().configs.clear();
    let run = world
        .running(&["44"], json!({"specificAuditConfigs": [3]}))
        .await;
    let row = world.get(run).await.run.unwrap();
    assert_eq!(
        (row.status.as_str(), row.reason.as_deref()),
        ("failed", Some("no_audit_config"))
    );
    assert_eq!(
        row.error_message.as_deref(),
        Some("No audit configs resolved")
    );
    assert!(row.error_details_json.contains("NO_AUDIT_CONFIG"));
    assert!(world.ids("fiche/fetch").await.is_empty());
    assert_eq!(
        world.ids("automation/failed").await,
        [format!("automation-failed-{run}")]
    );
    assert_eq!(world.payloads("automation.run.failed").await.len(), 1);
    assert_eq!(
        world
            .count("SELECT failed_runs::bigint FROM automation_schedules")
            .await,
        1
    );
}
