//! Schedules and their runs.

use super::{COMPLIANT, LIMIT, fiche_at, options};
use anyhow::{Context, Result};
use async_nats::jetstream;
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, Frame};
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::wait;

/// Triggers a manual schedule over these fiches; its run, once it has ended.
pub(super) async fn run_to_its_end(api: &ApiClient, fiches: &[&str]) -> Result<(Value, Frame)> {
    let configs = api.audit_configs().await?;
    let config = configs.first().context("no configuration is seeded")?;
    let schedule = api
        .create_manual_schedule("spine", fiches, &[*config])
        .await?;
    // The schedule's channel tells of its runs, so nothing is missed between trigger and listing.
    let mut live = api
        .live(&[&format!("job-automation-schedule-{schedule}")])
        .await?;
    api.trigger_schedule(&schedule).await?;
    let ended = tokio::time::timeout(LIMIT, async {
        loop {
            let frame = live.next().await?;
            if matches!(
                frame.event.as_str(),
                "automation.run.completed" | "automation.run.failed"
            ) {
                return anyhow::Ok(frame);
            }
        }
    })
    .await
    .context("the run does not end")??;
    let runs = api.runs_of(&schedule).await?;
    assert_eq!(runs.len(), 1);
    Ok((api.run(&runs[0].id).await?, ended))
}

#[tokio::test]
async fn a_manual_schedule_runs_to_its_end() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let good = fiche_at(&api, COMPLIANT).await?;
    let (run, ended) = run_to_its_end(&api, &[&good, "99999999"]).await?;
    // What the CRM does not know is ignored, and leaves the totals.
    assert_eq!(ended.event, "automation.run.completed");
    for (field, expected) in [
        ("total_fiches", 1),
        ("successful_fiches", 1),
        ("failed_fiches", 0),
        ("ignored_fiches", 1),
    ] {
        assert_eq!(ended.data[field], expected, "{field} of {}", ended.data);
    }
    assert_eq!(run["status"], "completed");
    assert_eq!(run["totalFiches"], 1, "{run}");
    let summary = &run["resultSummary"];
    assert_eq!(summary["successful"], json!([good]));
    assert_eq!(summary["failed"], json!([]));
    assert_eq!(
        summary["ignored"],
        json!([{ "ficheId": "99999999", "reason": "Fiche not found (404)" }])
    );

    // Anybody may learn of it.
    let broker = async_nats::connect(&stack.state().nats_url).await?;
    let events = jetstream::new(broker).get_stream("EVENTS").await?;
    let subject = format!(
        "event.automation.completed.{}",
        vigie_testkit::api::text(&run["id"])
    );
    let fact = events.get_last_raw_message_by_subject(&subject).await?;
    let fact: Value = serde_json::from_slice(&fact.payload)?;
    assert_eq!(fact["status"], "completed", "{fact}");
    stack.down().await
}

#[tokio::test]
async fn a_run_survives_a_killed_automation() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let good = fiche_at(&api, COMPLIANT).await?;
    let slow = json!({ "kind": "latency", "latency_ms": 400 });
    stack.fault(Simulator::Speech, &slow).await?;
    let fiches = [good.as_str()];
    let kill = async {
        wait::until("a call to be heard", LIMIT, || async {
            let calls = stack.calls(Simulator::Speech).await?;
            Ok((calls["in_flight"].as_u64() > Some(0)).then_some(()))
        })
        .await?;
        stack.kill(Service::Automation, 1).await
    };
    let ((run, _), ()) = tokio::try_join!(run_to_its_end(&api, &fiches), kill)?;
    assert_eq!(run["resultSummary"]["successful"], json!([good]), "{run}");
    let audits = api.audits_of(&good).await?;
    assert_eq!(audits.len(), 1, "{audits:?}");
    stack.down().await
}
