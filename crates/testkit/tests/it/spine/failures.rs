//! What goes wrong outside is told, and every audit still ends.

use super::{
    COMPLIANT, UNANNOUNCED, WITHOUT_RECORDINGS, audit, check_complete, fiche_at, fiches_at,
    model_calls, options,
};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use vigie_testkit::api::AuditDetail;
use vigie_testkit::stack::{Simulator, Stack};

#[tokio::test]
async fn what_cannot_be_audited_ends_as_failed() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let silent = fiche_at(&api, WITHOUT_RECORDINGS).await?;
    let blank = fiche_at(&api, UNANNOUNCED).await?;
    let rule = json!({ "kind": "blank_recording_url", "match": blank });
    stack.fault(Simulator::Crm, &rule).await?;
    for fiche in ["99999999", silent.as_str(), blank.as_str()] {
        let detail = audit(&api, fiche, |_| {}).await?;
        assert_eq!(detail.status(), "failed", "{fiche}");
        assert!(detail.error().is_some_and(|error| !error.is_empty()));
    }
    assert_eq!(model_calls(&stack).await?.0, 0);
    assert_eq!(stack.calls(Simulator::Speech).await?["total"], 0);
    stack.down().await
}

fn missing(detail: &AuditDetail) -> &Value {
    &detail.0["resultData"]["metadata"]["missing"]
}

#[tokio::test]
async fn a_step_that_the_model_refuses_is_an_error_and_no_verdict() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, UNANNOUNCED).await?;
    let whole = audit(&api, &fiche, |_| {}).await?;
    let steps = check_complete(&whole)?;
    let card = whole.scorecard();
    ensure!(card.completeness == "complete", "{}", card.completeness);

    let refused = card.steps.get(2).context("a third step")?;
    let rule = json!({ "kind": "status", "status": 400, "match": refused.name });
    stack.fault(Simulator::Model, &rule).await?;
    let detail = audit(&api, &fiche, |_| {}).await?;
    assert_eq!(check_complete(&detail)?, steps);
    for row in detail.steps() {
        let here = row["stepPosition"] == refused.position;
        let outcome = if here { "fallback" } else { "ok" };
        assert_eq!(row["outcome"], outcome, "{row}");
    }
    let card = detail.scorecard();
    assert_eq!(card.completeness, "incomplete");
    for step in &card.steps {
        let failed = step.points.iter().filter(|point| point.verdict == "ERROR");
        let expected = if step.position == refused.position {
            step.points.len()
        } else {
            0
        };
        assert_eq!(failed.count(), expected, "step {}", step.position);
    }
    assert_eq!(missing(&detail)["steps"], json!([refused.position]));
    stack.down().await
}

#[tokio::test]
async fn a_call_that_cannot_be_heard_is_named() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let sales = fiches_at(&api, COMPLIANT).await?;
    let [gone, unheard, ..] = sales.as_slice() else {
        anyhow::bail!("too few sales");
    };
    // The file name says which call it is.
    let second = format!("-8001-{:012x}", gone.parse::<u64>()?);
    let not_there = json!({ "kind": "status", "status": 404, "match": second });
    stack.fault(Simulator::Crm, &not_there).await?;
    check_one_missing(&audit(&api, gone, |_| {}).await?)?;

    let refusal = json!({ "kind": "status", "status": 400, "count": 1 });
    stack.fault(Simulator::Speech, &refusal).await?;
    check_one_missing(&audit(&api, unheard, |_| {}).await?)?;
    stack.down().await
}

fn check_one_missing(detail: &AuditDetail) -> Result<()> {
    check_complete(detail)?;
    let completeness = detail.scorecard().completeness;
    ensure!(completeness == "incomplete", "{completeness}");
    let recordings = missing(detail)["recordings"].as_array();
    let [one] = recordings.map_or(&[][..], Vec::as_slice) else {
        anyhow::bail!("{recordings:?}");
    };
    let text = |key: &str| one[key].as_str().is_some_and(|text| !text.is_empty());
    ensure!(text("call_id") && text("reason"), "{one}");
    // Nobody may say that something was not said in a call that nobody heard.
    let card = detail.scorecard();
    let mut points = card.steps.iter().flat_map(|step| &step.points);
    ensure!(points.all(|point| point.verdict != "ABSENT"));
    Ok(())
}
