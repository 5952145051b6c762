//! The CRM's own words.

use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vigie_testkit::api::{ApiClient, http_client, text};
use vigie_testkit::stack::Stack;

/// Compares each fiche with what the CRM itself answers.
pub async fn same(stack: &Stack, api: &ApiClient, fiches: &[String]) -> Result<()> {
    for fiche in fiches {
        let path = format!("/api/fiches/{fiche}?include_mail_devis=true");
        let shown = api.get(&path).await?;
        compare(&direct(stack, fiche).await?, &shown).with_context(|| fiche.clone())?;
    }
    Ok(())
}

async fn direct(stack: &Stack, fiche: &str) -> Result<Value> {
    let base = stack.state().simulators.crm_url;
    let query = "include_recordings=true&include_transcriptions=false&include_mail_devis=true";
    let url = format!("{base}/api/fiches/by-id/{fiche}?{query}");
    let answer = http_client()?.get(url).send().await?.error_for_status()?;
    Ok(answer.json().await?)
}

/// Nothing is lost or invented; of recordings Vigie says more.
fn compare(said: &Value, shown: &Value) -> Result<()> {
    let (said, shown) = (
        said.as_object().context("the CRM's")?,
        shown.as_object().context("ours")?,
    );
    for (key, value) in said {
        if key != "recordings" {
            assert_eq!(shown.get(key), Some(value), "{key}");
        }
    }
    let ours: Vec<_> = shown
        .keys()
        .filter(|key| !said.contains_key(*key))
        .collect();
    assert_eq!(ours, ["cle"]);
    // A blank key is none.
    let cle = shown["information"]["cle"]
        .as_str()
        .filter(|cle| !cle.is_empty());
    assert_eq!(shown["cle"].as_str(), cle);
    let by_call = |list: &Value| -> BTreeMap<String, Value> {
        let calls = list.as_array().into_iter().flatten();
        calls
            .map(|call| (text(&call["call_id"]), call.clone()))
            .collect()
    };
    let (said, shown) = (by_call(&said["recordings"]), by_call(&shown["recordings"]));
    assert_eq!(said.len(), shown.len());
    for (id, call) in said {
        let ours = shown.get(&id).with_context(|| format!("call {id}"))?;
        for key in ["recording_url", "duration_seconds", "direction", "answered"] {
            assert_eq!(ours[key], call[key], "{key} of {id}");
        }
        for key in ["from_number", "to_number"] {
            assert_eq!(ours[key], json!(text(&call[key])), "{key} of {id}");
        }
        // One instant, whatever its zone.
        let instant = |value: &Value| {
            let text = value.as_str().context("no start")?;
            Ok::<_, anyhow::Error>(chrono::DateTime::parse_from_rfc3339(text)?.timestamp_millis())
        };
        assert_eq!(
            instant(&ours["start_time"])?,
            instant(&call["start_time"])?,
            "start of {id}"
        );
    }
    Ok(())
}
