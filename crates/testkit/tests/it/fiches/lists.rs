//! Lists, with what is known of fiches.

use crate::spine::{COMPLIANT, audit};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use vigie_testkit::api::{ApiClient, text};

/// The sale with an audit and transcripts is the only one that has any, in every list.
pub async fn audited(api: &ApiClient, day: &str, fiches: &[String]) -> Result<()> {
    let audited = fiches
        .iter()
        .find(|id| id.parse::<u64>().is_ok_and(|id| id % 100 == COMPLIANT))
        .context("no compliant sale")?;
    let detail = audit(api, audited, |_| {}).await?;
    assert_eq!(detail.status(), "completed", "{:?}", detail.error());
    let id = text(&detail.0["id"]);

    let list = api
        .get(&format!("/api/fiches/status/by-date?date={day}"))
        .await?;
    let rows = list["data"]["fiches"].as_array().context("no rows")?;
    let listed: BTreeSet<String> = rows.iter().map(|row| text(&row["ficheId"])).collect();
    assert_eq!(listed, fiches.iter().cloned().collect());
    for row in rows {
        let calls = row["recordings"].as_array().context("no recordings")?;
        let own = row["ficheId"] == json!(audited);
        let (total, done) = (calls.len(), if own { calls.len() } else { 0 });
        assert_eq!(row["transcription"]["total"], total, "{row}");
        assert_eq!(row["transcription"]["transcribed"], done, "{row}");
        assert_eq!(row["audit"]["total"], i32::from(own), "{row}");
        assert!(calls.iter().all(|call| call["hasTranscription"] == own));
        if own {
            assert_eq!(row["audit"]["audits"][0]["id"], json!(id));
            assert_eq!(row["audit"]["audits"][0]["status"], "completed");
        }
    }

    let unknown = "987654321";
    let wanted: Vec<&str> = fiches.iter().map(String::as_str).chain([unknown]).collect();
    let body = json!({ "ficheIds": wanted });
    let batch = api.post("/api/fiches/status/batch", &body).await?;
    let batch = batch["data"].as_object().context("no batch")?;
    assert_eq!(batch.len(), wanted.len());
    for (fiche, status) in batch {
        assert_eq!(status["hasData"], json!(fiche != unknown), "{fiche}");
        assert_eq!(status["audit"]["total"], i32::from(fiche == audited));
        let one = api.get(&format!("/api/fiches/{fiche}/status")).await;
        match one {
            Ok(one) => assert_eq!(without_id(&one["data"]), *status, "{fiche}"),
            Err(error) => assert!(fiche == unknown, "{fiche}: {error}"),
        }
    }
    Ok(())
}

fn without_id(status: &Value) -> Value {
    let mut status = status.clone();
    if let Some(fields) = status.as_object_mut() {
        fields.remove("ficheId");
    }
    status
}
