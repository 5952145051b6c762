//! One trace, from the client's request to the last call outside.

use super::collector::{Collector, Span};
use super::{COMPLIANT, LIMIT, check_complete, fiche_at, options};
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_testkit::api::{ApiClient, text};
use vigie_testkit::stack::{Simulator, Stack};
use vigie_testkit::wait;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT_SPAN: &str = "00f067aa0ba902b7";

/// Everybody who works on an audit; auth only signs in between, and automation only hears of it.
const WORKING: [&str; 5] = [
    "audit-orchestrator",
    "fiche-cache",
    "gateway",
    "step-analyzer",
    "transcription",
];

async fn run_traced(api: &ApiClient, fiche: &str) -> Result<String> {
    let configs = api.audit_configs().await?;
    let config = configs.first().context("no configuration is seeded")?;
    let request = api
        .request(Method::POST, "/api/audits/run")
        .header("traceparent", format!("00-{TRACE}-{CLIENT_SPAN}-01"))
        .json(&json!({ "fiche_id": fiche, "audit_config_id": config }));
    let answer: Value = request.send().await?.error_for_status()?.json().await?;
    Ok(text(&answer["audit_db_id"]))
}

/// The paths that were asked for, one a call: all, and those within the trace.
async fn paths(stack: &Stack, of: Simulator) -> Result<(Vec<String>, Vec<String>)> {
    let calls = stack.calls(of).await?;
    let calls = calls["calls"].as_array().context("calls")?;
    let path = |call: &Value| text(&call["path"]);
    let traced = calls.iter().filter(|call| call["trace_id"] == TRACE);
    Ok((calls.iter().map(path).collect(), traced.map(path).collect()))
}

#[tokio::test]
async fn one_trace_leads_from_the_request_to_every_call_outside() -> Result<()> {
    let collector = Collector::start().await?;
    let options = options()
        .await?
        .with_env("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)
        .with_env("OTEL_BSP_SCHEDULE_DELAY", "100");
    let stack = Stack::start(options).await?;
    let api = stack.api().await?;
    let fiche = fiche_at(&api, COMPLIANT).await?;
    let audit = run_traced(&api, &fiche).await?;
    let detail = tokio::time::timeout(LIMIT, api.follow_audit(&audit, |_| {})).await??;
    let steps = check_complete(&detail)?;

    // Everything that costs money can be followed back to the request it was spent for.
    let (asked, traced) = paths(&stack, Simulator::Model).await?;
    assert_eq!(asked.len() as u64, steps);
    assert_eq!(traced, asked, "model calls");
    let (heard, traced) = paths(&stack, Simulator::Speech).await?;
    assert_eq!(heard.len(), 2);
    assert_eq!(traced, heard, "speech calls");
    // The CRM was asked for the list of the day before, in another trace.
    let (_, traced) = paths(&stack, Simulator::Crm).await?;
    assert!(
        traced.iter().any(|path| path.contains("by-id")),
        "CRM calls {traced:?}"
    );

    let spans = wait::until("the spans of all", LIMIT, async || {
        let spans = collector.spans_of(TRACE)?;
        check_joined(&spans)?;
        Ok(Some(spans))
    });
    let spans = spans.await?;
    let first = spans
        .iter()
        .find(|span| span.name == "POST /api/audits/run");
    let first = first.context("the request's span")?;
    assert_eq!(first.service, "gateway");
    stack.down().await
}

/// Whether everybody is there, and each span hangs on another one or on the client's.
fn check_joined(spans: &[Span]) -> Result<()> {
    let services: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
    let missing: Vec<_> = WORKING
        .iter()
        .filter(|it| !services.contains(*it))
        .collect();
    anyhow::ensure!(missing.is_empty(), "no spans of {missing:?}");
    let ids: BTreeSet<String> = spans.iter().map(|span| hex::encode(&span.id)).collect();
    let hangs = |span: &&Span| {
        let parent = hex::encode(&span.parent);
        parent == CLIENT_SPAN || ids.contains(&parent)
    };
    let loose: Vec<_> = spans.iter().filter(|span| !hangs(span)).collect();
    anyhow::ensure!(loose.is_empty(), "loose spans {loose:?}");
    Ok(())
}
