//! What a model gets wrong, and what it may do with tools: nothing of it becomes a proof.

use super::{COMPLIANT, UNANNOUNCED, audit, check_complete, fiche_at, model_calls, options};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vigie_testkit::api::{ApiClient, AuditDetail, StepLine, text};
use vigie_testkit::stack::{Simulator, Stack};

/// Answers that are none: the step falls back.
const UNUSABLE: [&str; 2] = ["schema_violation", "truncated"];
/// Answers without proof: quotes that nobody said, and orders obeyed that somebody gave in the call.
const UNPROVEN: [&str; 2] = ["hallucination", "injected"];
/// Model turns of one step.
const TURNS: u64 = 8;

fn outcome(detail: &AuditDetail, position: i64) -> Option<&str> {
    let mut rows = detail.steps().iter();
    rows.find(|row| row["stepPosition"] == position)?["outcome"].as_str()
}

#[tokio::test]
async fn wrong_answers_prove_nothing() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let sound = audit(&api, &fiche, |_| {}).await?;
    let steps = check_complete(&sound)?;
    let named = sound.scorecard().steps;
    ensure!(named.len() > 4, "{} steps", named.len());
    // Each goes wrong in its own step; the last ones stay sound.
    for (kind, step) in UNUSABLE.iter().chain(&UNPROVEN).zip(&named) {
        let rule = json!({ "kind": kind, "match": step.name });
        stack.fault(Simulator::Model, &rule).await?;
    }
    let detail = audit(&api, &fiche, |_| {}).await?;
    assert_eq!(check_complete(&detail)?, steps);
    let card = detail.scorecard();
    let of = |step: &StepLine| {
        let mut found = card.steps.iter();
        let found = found.find(|one| one.position == step.position);
        found.cloned().context("a step")
    };
    for (kind, step) in UNUSABLE.iter().zip(&named) {
        assert_eq!(outcome(&detail, step.position), Some("fallback"), "{kind}");
        let points = of(step)?.points;
        assert!(
            points.iter().all(|point| point.verdict == "ERROR"),
            "{kind}"
        );
    }
    for (kind, step) in UNPROVEN.iter().zip(&named[UNUSABLE.len()..]) {
        assert_eq!(outcome(&detail, step.position), Some("ok"), "{kind}");
        let step = of(step)?;
        assert_eq!((step.score, step.conforme.as_str()), (0, "NON_CONFORME"));
        for point in &step.points {
            assert!(point.quotes.is_empty(), "{kind}: {point:?}");
            assert_eq!(
                (point.statut.as_str(), point.verdict.as_str()),
                ("ABSENT", "UNVERIFIABLE")
            );
        }
    }
    for step in &named[4..] {
        assert_eq!(of(step)?.score, step.score, "{}", step.name);
    }
    let gating = &detail.0["resultData"]["metadata"]["evidence_gating"];
    assert!(gating["removed_citations"].as_i64() > Some(0), "{gating}");
    assert!(
        gating["downgraded_control_points"].as_i64() > Some(0),
        "{gating}"
    );
    stack.down().await
}

/// Letters and digits of everything that was said in the calls of a fiche.
async fn said(api: &ApiClient, fiche: &str) -> Result<String> {
    let status = api
        .get(&format!("/api/transcriptions/{fiche}/status"))
        .await?;
    let mut said = String::new();
    let recordings = status["data"]["recordings"].as_array();
    for recording in recordings.context("recordings")? {
        let call = text(&recording["callId"]);
        let path = format!("/api/transcriptions/{fiche}/recordings/{call}");
        words(&api.get(&path).await?["data"], &mut said);
    }
    Ok(said)
}

fn words(value: &Value, into: &mut String) {
    match value {
        Value::String(text) => into.push_str(&plain(text)),
        Value::Array(items) => items.iter().for_each(|item| words(item, into)),
        Value::Object(fields) => fields.values().for_each(|field| words(field, into)),
        _ => {}
    }
}

fn plain(text: &str) -> String {
    let letters = text.chars().filter(|letter| letter.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

async fn with_tools(api: &ApiClient, fiche: &str) -> Result<AuditDetail> {
    let configs = api.audit_configs().await?;
    let body = json!({ "fiche_id": fiche, "use_rlm": true,
        "audit_config_id": configs.first().context("a configuration")? });
    let queued = api.post("/api/audits/run", &body).await?;
    let id = text(&queued["audit_db_id"]);
    let detail = tokio::time::timeout(super::LIMIT, api.follow_audit(&id, |_| {})).await??;
    let approach = json!({ "use_rlm": true, "transcript_mode": "tools" });
    for place in [
        "/resultData/audit/approach",
        "/resultData/metadata/approach",
    ] {
        assert_eq!(detail.0.pointer(place), Some(&approach), "{place}");
    }
    Ok(detail)
}

#[tokio::test]
async fn a_model_with_tools_reads_within_its_budget_and_quotes_the_call() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, UNANNOUNCED).await?;
    let detail = with_tools(&api, &fiche).await?;
    let steps = check_complete(&detail)?;
    let (calls, _) = model_calls(&stack).await?;
    // Each step looked something up, read it, and answered.
    assert!(
        calls >= 2 * steps && calls <= TURNS * steps,
        "{calls} calls"
    );
    let said = said(&api, &fiche).await?;
    let card = detail.scorecard();
    let points = card.steps.iter().flat_map(|step| &step.points);
    let quotes: Vec<_> = points.flat_map(|point| &point.quotes).collect();
    assert!(!quotes.is_empty());
    for quote in quotes {
        assert!(said.contains(&plain(&quote.text)), "{quote:?}");
    }

    // One that never stops looking is stopped, and one that calls what is not there is told so.
    let (endless, wrong) = (&card.steps[0], &card.steps[1]);
    for (kind, step) in [("endless_tools", endless), ("wrong_tool", wrong)] {
        let rule = json!({ "kind": kind, "match": step.name });
        stack.fault(Simulator::Model, &rule).await?;
    }
    let stubborn = with_tools(&api, &fiche).await?;
    assert_eq!(check_complete(&stubborn)?, steps);
    let more = model_calls(&stack).await?.0 - calls;
    assert!(more <= TURNS * steps, "{more} calls");
    stack.down().await
}
