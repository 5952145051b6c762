//! Batches of audits.

use super::{
    COMPLIANT, LIMIT, PRESSURE, UNANNOUNCED, WITHOUT_RECORDINGS, fiche_at, model_calls, options,
};
use anyhow::{Context, Result};
use serde_json::json;
use vigie_testkit::api::text;
use vigie_testkit::stack::{Service, Stack};

/// What the CRM has never heard of.
const UNKNOWN: &str = "99999999";

#[tokio::test]
async fn a_batch_counts_every_fiche_once_although_the_orchestrator_dies() -> Result<()> {
    let stack = Stack::start(options().await?).await?;
    let api = stack.api().await?;
    let mut fiches = vec![UNKNOWN.to_owned(), UNKNOWN.to_owned()];
    for place in [COMPLIANT, UNANNOUNCED, PRESSURE, WITHOUT_RECORDINGS] {
        fiches.push(fiche_at(&api, place).await?);
    }
    // The id is not known yet, and everybody hears of batches.
    let mut live = api.live(&["global"]).await?;
    let queued = api
        .post("/api/audits/batch", &json!({ "fiche_ids": fiches }))
        .await?;
    assert_eq!(queued["success"], true, "{queued}");
    assert_eq!(queued["message"], "Batch audit queued for 5 fiches");
    let id = text(&queued["batch_id"]);

    let told = tokio::time::timeout(LIMIT, async {
        let mut told = Vec::new();
        loop {
            let frame = live.next().await?;
            if text(&frame.data["batch_id"]) != id {
                continue;
            }
            // Once some have ended, others are under way.
            if frame.data["completed"] == 1 && told.len() < 2 {
                stack.kill(Service::AuditOrchestrator, 1).await?;
            }
            let last = frame.event == "batch.completed";
            told.push(frame);
            if last {
                return anyhow::Ok(told);
            }
        }
    });
    let told = told.await.context("the batch does not end")??;
    let numbers: Vec<_> = told.iter().map(|f| f.data["sequence"].as_i64()).collect();
    let expected: Vec<_> = (1..).map(Some).take(numbers.len()).collect();
    assert_eq!(numbers, expected);

    let batch = api.get(&format!("/api/audits/batches/{id}")).await?;
    let batch = &batch["data"];
    assert_eq!(batch["status"], "completed", "{batch}");
    assert_eq!(batch["sequence"], told.len(), "{batch}");
    let end = &told[told.len() - 1].data;
    for field in ["total", "completed", "failed"] {
        assert_eq!(batch[field], end[field], "{field}: {batch} {end}");
    }
    assert_eq!(batch["total"], 5);
    assert_eq!(batch["completed"], 5);
    let items = batch["items"].as_array().context("items")?;
    assert_eq!(items[0]["fiche_id"], UNKNOWN);
    assert_eq!(items[0]["status"], "failed");
    assert!(items[0]["error"].is_string(), "{batch}");
    let done = items.iter().filter(|item| item["status"] == "completed");
    assert_eq!(batch["succeeded"], done.count());
    assert!(batch["succeeded"].as_i64() >= Some(3), "{batch}");
    for item in items {
        let audit = text(&item["audit_id"]);
        let detail = api.get(&format!("/api/audits/{audit}")).await?;
        let shown = &detail["data"]["status"];
        assert_eq!(shown, &item["status"], "{detail}");
    }
    assert!(model_calls(&stack).await?.0 > 0);

    let cancel = format!("/api/audits/batches/{id}/cancel");
    let again = api.post(&cancel, &json!({})).await;
    assert!(again.is_err(), "an ended batch was cancelled");
    stack.down().await
}
