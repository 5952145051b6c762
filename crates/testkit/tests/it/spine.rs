//! The whole stack through the gateway: every audit ends in the right state, whatever dies.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use vigie_testkit::api::{ApiClient, AuditDetail, Frame};
use vigie_testkit::stack::{Service, Simulator, Stack, StackOptions};

const LIMIT: Duration = Duration::from_mins(2);

/// Places of the simulated CRM's sales of a day.
const COMPLIANT: u64 = 0;
const WITHOUT_RECORDINGS: u64 = 6;

/// With the simulated model, which counts its calls.
async fn options() -> Result<StackOptions> {
    Ok(Stack::for_test().await?.with_env("AUDIT_ENGINE", "openai"))
}

async fn fiche_at(api: &ApiClient, place: u64) -> Result<String> {
    let today = chrono::Utc::now().date_naive();
    for back in 0..3 {
        let date = today - chrono::Days::new(back);
        for fiche in api.fiches_on(&date.to_string()).await?.fiches {
            if fiche.id.parse::<u64>()? % 100 == place {
                return Ok(fiche.id);
            }
        }
    }
    anyhow::bail!("no sale at place {place}")
}

async fn audit(api: &ApiClient, fiche: &str, seen: impl FnMut(&Frame)) -> Result<AuditDetail> {
    let queued = api.run_latest_audit(fiche).await?;
    tokio::time::timeout(LIMIT, api.follow_audit(&queued.audit_db_id, seen))
        .await
        .context("the audit does not end")?
}

/// Completed, with exactly one result for each step of the configuration.
fn check_complete(detail: &AuditDetail) -> Result<u64> {
    ensure!(
        detail.status() == "completed",
        "{}: {:?}",
        detail.status(),
        detail.error()
    );
    let positions: Vec<i64> = detail
        .steps()
        .iter()
        .filter_map(|step| step["stepPosition"].as_i64())
        .collect();
    let distinct: BTreeSet<i64> = positions.iter().copied().collect();
    ensure!(
        !positions.is_empty() && distinct.len() == positions.len(),
        "steps {positions:?}"
    );
    ensure!(
        distinct.last().copied() == i64::try_from(positions.len()).ok(),
        "{positions:?}"
    );
    Ok(positions.len() as u64)
}

async fn model_calls(stack: &Stack) -> Result<(u64, u64)> {
    let calls = stack.calls(Simulator::Model).await?;
    let number = |key: &str| calls[key].as_u64().unwrap_or_default();
    Ok((number("total"), number("peak_in_flight")))
}

/// Runs an audit and, once its first step has begun, does harm.
async fn audit_despite(stack: &Stack, harm: impl Future<Output = Result<()>>) -> Result<u64> {
    stack
        .fault(
            Simulator::Model,
            &json!({ "kind": "latency", "latency_ms": 400 }),
        )
        .await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let (first_step, mut heard) = tokio::sync::mpsc::unbounded_channel();
    let run = audit(&api, &fiche, |frame| {
        if frame.event == "audit.step_started" {
            first_step.send(()).ok();
        }
    });
    let harm = async {
        heard.recv().await.context("no step began")?;
        harm.await
    };
    let (detail, ()) = tokio::try_join!(run, harm)?;
    check_complete(&detail)
}

#[tokio::test]
async fn an_audit_runs_from_the_call_to_the_scorecard() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let mut events = Vec::new();
    let detail = audit(&api, &fiche, |frame| events.push(frame.clone())).await?;
    let steps = check_complete(&detail)?;

    assert_eq!(model_calls(&stack).await?.0, steps, "one model call a step");
    let card = detail.scorecard();
    assert!(
        card.steps
            .iter()
            .any(|step| step.points.iter().any(|point| !point.quotes.is_empty()))
    );
    // Nobody missed an event: sequences are gapless, and the snapshot names the last.
    let numbers: Vec<i64> = events
        .iter()
        .filter(|frame| frame.event.starts_with("audit."))
        .filter_map(|frame| frame.data["sequence"].as_i64())
        .collect();
    assert!(
        numbers.windows(2).all(|pair| pair[1] == pair[0] + 1),
        "{numbers:?}"
    );
    assert_eq!(numbers.last().copied(), Some(detail.sequence()));

    // Again: the calls are transcribed already.
    let spoken = stack.calls(Simulator::Speech).await?["total"].clone();
    check_complete(&audit(&api, &fiche, |_| {}).await?)?;
    assert_eq!(stack.calls(Simulator::Speech).await?["total"], spoken);
    stack.down().await
}

#[tokio::test]
async fn what_cannot_be_audited_ends_as_failed() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let silent = fiche_at(&api, WITHOUT_RECORDINGS).await?;
    for fiche in ["99999999", silent.as_str()] {
        let detail = audit(&api, fiche, |_| {}).await?;
        assert_eq!(detail.status(), "failed", "{fiche}");
        assert!(detail.error().is_some_and(|error| !error.is_empty()));
    }
    assert_eq!(model_calls(&stack).await?.0, 0);
    stack.down().await
}

#[tokio::test]
async fn a_killed_analyzer_costs_no_recorded_step() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let steps = audit_despite(&stack, stack.kill(Service::StepAnalyzer, 1)).await?;
    let (calls, in_flight) = model_calls(&stack).await?;
    // Only what was being asked at that moment may be asked again.
    assert!(
        calls <= steps + in_flight,
        "{calls} calls for {steps} steps"
    );
    stack.down().await
}

#[tokio::test]
async fn a_killed_orchestrator_repeats_no_call() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let steps = audit_despite(&stack, stack.kill(Service::AuditOrchestrator, 1)).await?;
    assert_eq!(model_calls(&stack).await?.0, steps);
    stack.down().await
}

#[tokio::test]
async fn a_broker_that_lost_its_disk_costs_time_only() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    audit_despite(&stack, stack.wipe_nats()).await?;
    stack.down().await
}

#[tokio::test]
async fn two_of_everything_do_the_work_once() -> Result<()> {
    let options = Service::ALL
        .into_iter()
        .fold(options().await?, |options, service| {
            options.with_replicas(service, 2)
        });
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let steps = check_complete(&audit(&api, &fiche, |_| {}).await?)?;
    assert_eq!(model_calls(&stack).await?.0, steps);
    stack.down().await
}

#[tokio::test]
async fn a_manual_schedule_runs_to_its_end() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let good = fiche_at(&api, COMPLIANT).await?;
    let fiches = [good.as_str(), "99999999"];
    let configs = api.audit_configs().await?;
    let config = configs.first().context("no configuration is seeded")?;
    let schedule = api
        .create_manual_schedule("spine", &fiches, &[*config])
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
    assert_eq!(ended.data["total_fiches"], 2, "{}", ended.data);
    assert_eq!(ended.data["successful_fiches"], 1, "{}", ended.data);
    let runs = api.runs_of(&schedule).await?;
    assert_eq!(runs.len(), 1);
    assert_ne!(runs[0].status, "running");
    stack.down().await
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() -> Result<()> {
    use reqwest::{Method, StatusCode};
    let stack = Stack::start(options().await?).await?;
    let stranger = ApiClient::new(&stack.state().gateway_url)?;
    let body = json!({ "fiche_id": "1", "audit_config_id": 1 });
    for token in [None, Some("e30.e30.e30")] {
        if let Some(token) = token {
            stranger.use_token(token);
        }
        let (status, answer) = stranger
            .send(Method::POST, "/api/audits/run", Some(&body))
            .await?;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{answer}");
        assert_eq!(answer["code"], "AUTHENTICATION_ERROR");
    }
    let api = stack.api().await?;
    for (body, status, code) in [
        (
            json!({ "fiche_id": "1", "audit_config_id": "x" }),
            StatusCode::BAD_REQUEST,
            "VALIDATION_ERROR",
        ),
        (
            json!({ "fiche_id": "1", "audit_config_id": 987_654 }),
            StatusCode::NOT_FOUND,
            "NOT_FOUND",
        ),
    ] {
        let (got, answer) = api
            .send(Method::POST, "/api/audits/run", Some(&body))
            .await?;
        assert_eq!(
            (got, answer["code"].as_str()),
            (status, Some(code)),
            "{answer}"
        );
    }
    let raw = api
        .request(Method::POST, "/api/audits/run")
        .header("content-type", "application/json");
    let answer = raw.body("{not json").send().await?;
    assert_eq!(answer.status(), StatusCode::BAD_REQUEST);
    let answer: Value = answer.json().await?;
    assert_eq!(answer["code"], "INVALID_JSON");
    let list = api.audits("limit=10").await?;
    assert_eq!(list["pagination"]["total"], 0, "nothing was written");
    stack.down().await
}
