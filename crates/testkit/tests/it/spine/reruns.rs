//! Analysed again: told on every channel, one at a time, under what people decided.

use super::{
    COMPLIANT, LIMIT, PRESSURE, UNANNOUNCED, audit, check_complete, fiche_at, model_calls, options,
};
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, AuditDetail, Frame, LiveEvents, text};
use vigie_testkit::stack::{Service, Simulator, Stack};
use vigie_testkit::wait;

/// Queues a re-run; its id.
async fn rerun(api: &ApiClient, path: &str, body: &Value) -> Result<String> {
    let queued = api.post(&format!("/api/audits/{path}/rerun"), body).await?;
    let id = queued["rerun_id"].as_str();
    Ok(id.with_context(|| queued.to_string())?.to_owned())
}

/// What a stream says of a re-run, until that has ended.
async fn told(live: &mut LiveEvents<'_>, rerun: &str) -> Result<Vec<Frame>> {
    let listening = async {
        let mut frames = Vec::new();
        loop {
            let frame = live.next().await?;
            if frame.data["rerun_id"] != rerun {
                continue;
            }
            let ended = frame.event != "audit.step_started";
            frames.push(frame);
            if ended {
                return anyhow::Ok(frames);
            }
        }
    };
    tokio::time::timeout(LIMIT, listening)
        .await
        .with_context(|| format!("{rerun} does not end"))?
}

async fn refused(api: &ApiClient, path: &str) -> Result<()> {
    let path = format!("/api/audits/{path}");
    let (status, answer) = api.send(Method::POST, &path, Some(&json!({}))).await?;
    ensure!(status == StatusCode::CONFLICT, "{path}: {status} {answer}");
    ensure!(answer["code"] == "CONFLICT", "{answer}");
    Ok(())
}

fn row(detail: &AuditDetail, position: i64) -> &Value {
    let mut rows = detail.steps().iter();
    rows.find(|row| row["stepPosition"] == position)
        .unwrap_or(&Value::Null)
}

fn step(detail: &AuditDetail, position: i64) -> &Value {
    let steps = &detail.0["resultData"]["audit"]["results"]["steps"];
    let mut steps = steps.as_array().into_iter().flatten();
    steps
        .find(|step| step["step_metadata"]["position"] == position)
        .unwrap_or(&Value::Null)
}

async fn asked(stack: &Stack) -> Result<()> {
    wait::until("a question to the model", LIMIT, async || {
        let calls = stack.calls(Simulator::Model).await?;
        Ok((calls["in_flight"].as_u64() > Some(0)).then_some(()))
    })
    .await
}

#[tokio::test]
async fn a_rerun_is_told_on_all_channels_and_decisions_stay_above_it() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, PRESSURE).await?;
    let before = audit(&api, &fiche, |_| {}).await?;
    let steps = check_complete(&before)?;
    let id = text(&before.0["id"]);
    let tracking = text(&before.0["resultData"]["audit_tracking_id"]);
    let channels = [
        format!("audit-{id}"),
        format!("audit-{tracking}"),
        format!("fiche-{fiche}"),
    ];
    let mut lives = Vec::new();
    for channel in &channels {
        lives.push(api.live(&[channel]).await?);
    }
    let slow = json!({ "kind": "latency", "latency_ms": 700 });
    stack.fault(Simulator::Model, &slow).await?;

    // A person decides while the model is asked again; nobody else may ask for the same.
    let wish = json!({ "customPrompt": "Relis la fin de l'appel." });
    let first = rerun(&api, &format!("{id}/steps/1"), &wish).await?;
    asked(&stack).await?;
    refused(&api, &format!("{id}/steps/1/rerun")).await?;
    refused(&api, &format!("{id}/steps/1/control-points/1/rerun")).await?;
    let decided = json!({ "conforme": "NON_CONFORME", "score": 1, "reason": "entendu" });
    let review = format!("/api/audits/{id}/steps/1/review");
    api.patch(&review, &decided).await?;
    for live in &mut lives {
        let frames = told(live, &first).await?;
        let events: Vec<_> = frames.iter().map(|frame| frame.event.as_str()).collect();
        assert_eq!(events, ["audit.step_started", "audit.step_completed"]);
        for frame in &frames {
            assert_eq!(text(&frame.data["audit_db_id"]), id);
            assert_eq!(frame.data["audit_tracking_id"], tracking.as_str());
            assert_eq!(text(&frame.data["fiche_id"]), fiche);
        }
    }
    let after = api.audit(&id).await?;
    assert_eq!(row(&after, 1)["score"], 1, "the person's");
    let history = &step(&after, 1)["rerun_history"];
    assert_eq!(history[0]["rerun_id"], first.as_str());
    assert_eq!(history[0]["custom_prompt"], wish["customPrompt"]);
    assert_eq!(step(&after, 1)["human_review"][0]["override"]["score"], 1);

    // Forced, the AI's facts are in force again: the same words give the same verdict.
    let force = json!({ "force": true });
    let forced = rerun(&api, &format!("{id}/steps/1"), &force).await?;
    let point = rerun(&api, &format!("{id}/steps/2/control-points/1"), &json!({})).await?;
    let mut frames = told(&mut lives[0], &forced).await?;
    frames.extend(told(&mut lives[1], &point).await?);
    assert!(
        frames
            .iter()
            .all(|frame| frame.event != "audit.step_failed")
    );
    let after = api.audit(&id).await?;
    assert_eq!(row(&after, 1)["score"], row(&before, 1)["score"]);
    let trail = step(&after, 1)["human_review"].as_array().map(Vec::len);
    assert_eq!(trail, Some(2), "decided, and taken back");
    let history = &step(&after, 2)["rerun_history"][0];
    assert_eq!(history["kind"], "control_point_rerun");
    assert_eq!(history["control_point_index"], 1);
    assert_eq!(model_calls(&stack).await?.0, steps + 3);
    stack.down().await
}

#[tokio::test]
async fn what_fell_back_is_analysed_again_in_one_call() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, UNANNOUNCED).await?;
    let whole = audit(&api, &fiche, |_| {}).await?;
    let named = whole.scorecard().steps;
    for place in [1, 3] {
        let name = &named.get(place).context("a step")?.name;
        let rule = json!({ "kind": "status", "status": 400, "match": name });
        stack.fault(Simulator::Model, &rule).await?;
    }
    let broken = audit(&api, &fiche, |_| {}).await?;
    assert_eq!(broken.scorecard().completeness, "incomplete");
    let id = text(&broken.0["id"]);
    stack.heal(Simulator::Model).await?;
    let mut live = api.live(&[&format!("audit-{id}")]).await?;
    let path = format!("/api/audits/{id}/rerun-fallback");
    let answer = api.post(&path, &json!({})).await?;
    let reruns = answer["reruns"].as_array().context("re-runs")?;
    assert_eq!(reruns.len(), 2, "{answer}");
    let mut open: Vec<String> = reruns.iter().map(|one| text(&one["rerun_id"])).collect();
    tokio::time::timeout(LIMIT, async {
        while !open.is_empty() {
            let frame = live.next().await?;
            if frame.event == "audit.step_completed" {
                open.retain(|one| frame.data["rerun_id"] != one.as_str());
            }
        }
        anyhow::Ok(())
    })
    .await
    .context("the re-runs do not end")??;
    let mended = api.audit(&id).await?;
    let (mended, whole) = (mended.scorecard(), whole.scorecard());
    assert_eq!(mended.completeness, "complete");
    assert_eq!(
        (&mended.score, &mended.niveau),
        (&whole.score, &whole.niveau)
    );
    refused(&api, &format!("{id}/rerun-fallback")).await?;
    stack.down().await
}

#[tokio::test]
async fn whoever_dies_a_rerun_ends() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, UNANNOUNCED).await?;
    let detail = audit(&api, &fiche, |_| {}).await?;
    let steps = check_complete(&detail)?;
    let id = text(&detail.0["id"]);
    let mut live = api.live(&[&format!("audit-{id}")]).await?;
    let slow = json!({ "kind": "latency", "latency_ms": 700 });
    stack.fault(Simulator::Model, &slow).await?;
    for (position, dies) in [(1, Service::AuditOrchestrator), (2, Service::StepAnalyzer)] {
        let queued = rerun(&api, &format!("{id}/steps/{position}"), &json!({})).await?;
        asked(&stack).await?;
        stack.kill(dies, 1).await?;
        let frames = told(&mut live, &queued).await?;
        let last = frames.last().context("an end")?;
        assert_eq!(last.event, "audit.step_completed", "{dies:?}");
    }
    // Only what the analyzer asked when it died is asked again.
    let (calls, _) = model_calls(&stack).await?;
    assert!(
        calls <= steps + 3,
        "{calls} calls for {steps} steps and 2 re-runs"
    );
    let after = api.audit(&id).await?;
    for position in [1, 2] {
        let history = step(&after, position)["rerun_history"].as_array();
        assert_eq!(history.map(Vec::len), Some(1), "step {position}");
        assert_eq!(
            row(&after, position)["score"],
            row(&detail, position)["score"]
        );
    }
    stack.down().await
}

async fn of_fiche(api: &ApiClient, fiche: &str) -> Result<Vec<Value>> {
    let query = format!("fiche_ids={fiche}&latest_only=false");
    let list = api.audits(&query).await?;
    Ok(list["data"].as_array().cloned().unwrap_or_default())
}

fn latest(audits: &[Value]) -> Vec<String> {
    let latest = audits.iter().filter(|audit| audit["isLatest"] == true);
    latest.map(|audit| text(&audit["id"])).collect()
}

#[tokio::test]
async fn audits_of_one_fiche_are_deleted_restored_and_cancelled_apart() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let slow = json!({ "kind": "latency", "latency_ms": 500 });
    stack.fault(Simulator::Model, &slow).await?;

    // Deleted while it runs: it ends, out of sight, and can be taken back.
    let gone = api.run_latest_audit(&fiche).await?.audit_db_id;
    asked(&stack).await?;
    let path = format!("/api/audits/{gone}");
    api.call(Method::DELETE, &path, None).await?;
    let detail = api.follow_audit(&gone, |_| {}).await?;
    check_complete(&detail)?;
    assert!(of_fiche(&api, &fiche).await?.is_empty());
    api.patch(&path, &json!({ "deleted": false })).await?;
    assert_eq!(latest(&of_fiche(&api, &fiche).await?), [gone.as_str()]);

    // Two at once: each has its version, one is the latest.
    let (one, other) =
        tokio::try_join!(api.run_latest_audit(&fiche), api.run_latest_audit(&fiche))?;
    tokio::try_join!(
        api.follow_audit(&one.audit_db_id, |_| {}),
        api.follow_audit(&other.audit_db_id, |_| {})
    )?;
    let audits = of_fiche(&api, &fiche).await?;
    let mut versions: Vec<_> = audits.iter().map(|it| it["version"].as_i64()).collect();
    versions.sort_unstable();
    assert_eq!(versions, [Some(1), Some(2), Some(3)]);
    let newest = latest(&audits);
    assert_eq!(newest.len(), 1);
    let third = audits.iter().find(|audit| audit["version"] == 3);
    assert_eq!(
        third.map(|audit| text(&audit["id"])).as_ref(),
        newest.first()
    );

    // Cancelled while the model is asked: failed at once, and the latest is the one before.
    let stopped = api.run_latest_audit(&fiche).await?.audit_db_id;
    asked(&stack).await?;
    refused(&api, &format!("{stopped}/steps/1/rerun")).await?;
    let path = format!("/api/audits/{stopped}/cancel");
    api.post(&path, &json!({})).await?;
    let detail = api.audit(&stopped).await?;
    assert_eq!(detail.status(), "failed");
    assert_eq!(detail.error(), Some("Audit cancelled"));
    refused(&api, &format!("{stopped}/cancel")).await?;
    assert_eq!(latest(&of_fiche(&api, &fiche).await?), newest);
    // What was asked already is answered, and changes nothing.
    wait::until("the model to be left alone", LIMIT, async || {
        let calls = stack.calls(Simulator::Model).await?;
        Ok((calls["in_flight"] == 0).then_some(()))
    })
    .await?;
    let later = api.audit(&stopped).await?;
    assert_eq!(
        (later.status(), later.steps().len()),
        ("failed", detail.steps().len())
    );
    stack.down().await
}
