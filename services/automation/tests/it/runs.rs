//! Runs from their command to their terminal state.

use crate::callers::admin;
use crate::world::{CONFIG, World, ended};
use futures::future::join_all;
use serde_json::json;
use vigie_events::audit::FailureStage;
use vigie_events::fiche::FetchFailure;
use vigie_events::transcription::RunOutcome;

#[tokio::test]
async fn a_run_of_two_fiches_goes_step_by_step_to_completed() {
    let world = World::new().await;
    let run = world
        .running(&["44, 45"], json!({"specificAuditConfigs": [CONFIG]}))
        .await;
    let fetches = [
        format!("automation-{run}-fetch-44"),
        format!("automation-{run}-fetch-45"),
    ];
    assert_eq!(world.ids("fiche/fetch").await, fetches);
    assert_eq!(world.get(run).await.run.unwrap().status, "running");

    world.fetched(run, "44", 2).await;
    assert_eq!(world.state_of(run, "44").await, "fetched");
    assert_eq!(
        world.ids("fiche/transcribe").await,
        [format!("automation-{run}-transcribe-44")]
    );
    world.transcribed(run, "44", RunOutcome::Completed).await;
    assert_eq!(world.state_of(run, "44").await, "auditing");
    let audits = world.payloads("audit/run").await;
    assert_eq!(audits[0]["audit_config_id"], CONFIG);
    assert_eq!(audits[0]["automation_run_id"], run.to_string());
    assert_eq!(audits[0]["trigger_source"], "automation");
    world.audited(run, "44", CONFIG, "").await;
    assert_eq!(world.state_of(run, "44").await, "done");
    assert_eq!(world.get(run).await.run.unwrap().phase, "processing");

    world.succeed(run, "45").await;
    assert_eq!(world.outcome(run).await, ended("completed", (2, 0, 0)));
    let answer = world.get(run).await;
    let row = answer.run.unwrap();
    assert_eq!(
        (row.phase.as_str(), row.transcriptions_run, row.audits_run),
        ("finished", 4, 2)
    );
    assert!(row.completed_at.is_some() && row.duration_ms.is_some());
    assert_eq!(answer.logs.first().unwrap().message, "run created");
    assert_eq!(answer.logs.last().unwrap().message, "run ended");
    let summary = json!({"successful": ["44", "45"], "failed": [], "ignored": [],
        "transcriptions": 4, "audits": 2});
    assert_eq!(world.summary(run).await, summary);

    let completed = world.payloads("automation/completed").await;
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["status"], "completed");
    assert_eq!(
        world.ids("automation/completed").await,
        [format!("automation-completed-{run}")]
    );
    assert_eq!(world.ids("automation/item.settled").await.len(), 2);
    let schedules = "SELECT count(*) FROM automation_schedules
                      WHERE last_run_status = 'success' AND total_runs = 1
                        AND successful_runs = 1 AND failed_runs = 0";
    assert_eq!(world.count(schedules).await, 1);
}

#[tokio::test]
async fn realtime_messages_are_numbered_without_gaps() {
    let world = World::new().await;
    let run = world.running(&["44"], json!({})).await;
    world.succeed(run, "44").await;
    let names: Vec<String> =
        sqlx::query_scalar("SELECT event FROM outbox WHERE channels IS NOT NULL ORDER BY id")
            .fetch_all(world.pool())
            .await
            .unwrap();
    assert_eq!(names.first().unwrap(), "automation.run.started");
    assert_eq!(names[1], "automation.run.selection");
    assert_eq!(names.last().unwrap(), "automation.run.completed");
    let sequences = "SELECT count(*) FROM (
        SELECT (payload::json->>'sequence')::bigint AS s, row_number() OVER (ORDER BY id) AS n
          FROM outbox WHERE channels IS NOT NULL) x WHERE s <> n";
    assert_eq!(world.count(sequences).await, 0);
    let last = world.payloads("automation.run.completed").await;
    let row = world.get(run).await.run.unwrap();
    assert_eq!(last[0]["sequence"], row.sequence);
    assert_eq!(
        world.payloads("automation.run.selection").await[0]["total_fiches"],
        1
    );
}

#[tokio::test]
async fn one_failed_fiche_makes_the_run_partial() {
    let world = World::new().await;
    let run = world.running(&["44", "45"], json!({})).await;
    world.succeed(run, "44").await;
    world
        .fetch_failed(run, "45", "fetch-45", FetchFailure::Upstream)
        .await;
    assert_eq!(world.outcome(run).await, ended("partial", (1, 1, 0)));
    let failed = &world.summary(run).await["failed"][0];
    assert_eq!(failed["error"], "CRM unavailable");
    assert_eq!(
        (&failed["errorStage"], &failed["errorCode"]),
        (&json!("fetch"), &json!("UPSTREAM"))
    );
}

#[tokio::test]
async fn failures_of_every_stage_end_a_run_as_failed() {
    let world = World::new().await;
    let run = world.running(&["44", "45", "46"], json!({})).await;
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::Auth)
        .await;
    world.fetched(run, "45", 2).await;
    world.transcribed(run, "45", RunOutcome::Partial).await;
    world.fetched(run, "46", 2).await;
    world.transcribed(run, "46", RunOutcome::Completed).await;
    world
        .audit_failed(run, "46", CONFIG, "", FailureStage::AllStepsFailed)
        .await;
    assert_eq!(world.outcome(run).await, ended("failed", (0, 3, 0)));
    let failed = world.summary(run).await["failed"].clone();
    let stages: Vec<_> = failed
        .as_array()
        .unwrap()
        .iter()
        .map(|f| &f["errorStage"])
        .collect();
    assert_eq!(stages, ["fetch", "transcription", "audit"]);
    assert_eq!(failed[2]["error"], "All 6 steps failed");
    let row = world.get(run).await.run.unwrap();
    assert_eq!((row.audits_run, row.audits_failed), (1, 1));
}

#[tokio::test]
async fn what_is_left_out_says_why() {
    let world = World::new().await;
    let selection = json!({"mode": "manual", "ficheIds": ["44", "45", "46", "47"],
        "groupes": ["NORD"], "maxRecordingsPerFiche": 5});
    let run = world
        .running(&[], json!({"ficheSelection": selection}))
        .await;
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::NotFound)
        .await;
    world.fetched(run, "45", 0).await;
    world.fetched(run, "46", 6).await;
    world.fetched(run, "47", 2).await;
    world.transcribed(run, "47", RunOutcome::Skipped).await;
    world
        .audit_failed(run, "47", CONFIG, "", FailureStage::FicheNotFound)
        .await;
    let (status, reason, ..) = world.outcome(run).await;
    assert_eq!(
        (status.as_str(), reason.as_deref()),
        ("completed", Some("all_ignored"))
    );
    let ignored = world.summary(run).await["ignored"].clone();
    assert_eq!(
        ignored,
        json!([
            {"ficheId": "44", "reason": "Fiche not found (404)"},
            {"ficheId": "45", "reason": "No recordings", "recordingsCount": 0},
            {"ficheId": "46", "reason": "Too many recordings (6 > 5)", "recordingsCount": 6},
            {"ficheId": "47", "reason": "Fiche not found (404)", "recordingsCount": 2},
        ])
    );
}

#[tokio::test]
async fn repeated_and_unordered_facts_change_nothing() {
    let world = World::new().await;
    let run = world.running(&["44", "45"], json!({})).await;
    // Before their time.
    world.audited(run, "44", CONFIG, "").await;
    world.transcribed(run, "44", RunOutcome::Failed).await;
    assert_eq!(world.state_of(run, "44").await, "selected");
    for _ in 0..2 {
        world.fetched(run, "44", 2).await;
    }
    world
        .fetch_failed(run, "44", "fetch-44", FetchFailure::NotFound)
        .await;
    for _ in 0..2 {
        world.transcribed(run, "44", RunOutcome::Completed).await;
    }
    for _ in 0..2 {
        world.audited(run, "44", CONFIG, "").await;
        world.fetched(run, "44", 0).await;
    }
    world
        .audit_failed(run, "44", CONFIG, "", FailureStage::AllStepsFailed)
        .await;
    world.succeed(run, "45").await;
    for _ in 0..2 {
        world.succeed(run, "45").await;
    }
    assert_eq!(world.outcome(run).await, ended("completed", (2, 0, 0)));
    let row = world.get(run).await.run.unwrap();
    assert_eq!((row.transcriptions_run, row.audits_run), (4, 2));
    assert_eq!(world.ids("audit/run").await.len(), 2);
    assert_eq!(world.ids("automation/completed").await.len(), 1);
    assert_eq!(
        world
            .count("SELECT total_runs::bigint FROM automation_schedules")
            .await,
        1
    );
    // Facts of other runs, of others, and of fiches that are not there.
    let other = vigie_events::ids::AutomationRunId::new(999);
    world.succeed(other, "44").await;
    world.fetched(run, "99", 2).await;
}

#[tokio::test]
async fn facts_at_the_same_moment_end_the_run_once() {
    let world = World::new().await;
    let run = world.running(&["44", "45", "46"], json!({})).await;
    let fiches = ["44", "45", "46"];
    join_all(fiches.map(|fiche| world.fetched(run, fiche, 2))).await;
    join_all(fiches.map(|fiche| world.transcribed(run, fiche, RunOutcome::Completed))).await;
    join_all(fiches.map(|fiche| world.audited(run, fiche, CONFIG, ""))).await;
    assert_eq!(world.outcome(run).await, ended("completed", (3, 0, 0)));
    assert_eq!(world.ids("automation/completed").await.len(), 1);
}

#[tokio::test]
async fn a_run_without_fiches_ends_at_once() {
    let world = World::new().await;
    let run = world.running(&[], json!({})).await;
    let (status, reason, ..) = world.outcome(run).await;
    assert_eq!(
        (status.as_str(), reason.as_deref()),
        ("completed", Some("no_fiches_manual"))
    );
    assert_eq!(world.summary(run).await["ficheIds"], json!([]));
    assert_eq!(
        world.payloads("automation/completed").await[0]["reason"],
        "no_fiches_manual"
    );
}

#[tokio::test]
async fn a_repeated_command_begins_nothing_twice() {
    let world = World::new().await;
    let schedule = world.schedule(&["44"], json!({})).await;
    let run = world.trigger(&schedule, false, &admin()).await.unwrap();
    for _ in 0..3 {
        world.begin(&schedule, run).await;
    }
    assert_eq!(world.ids("fiche/fetch").await.len(), 1);
    world.succeed(run, "44").await;
    world.begin(&schedule, run).await;
    assert_eq!(world.outcome(run).await, ended("completed", (1, 0, 0)));
}
