//! What the API promises: usage, schemas, streams, keys.

use serde_json::{Value, json};

use super::{content, request, timeline};
use crate::{hello, world};

#[tokio::test]
async fn usage_counts_tokens_and_the_shared_beginning() {
    let world = world().await;
    let timeline = timeline("vente-conforme");
    let usage = |answer: Value| answer["usage"].clone();
    let first: Value = world
        .ask(&request(&timeline, 0))
        .await
        .json()
        .await
        .unwrap();
    let second: Value = world
        .ask(&request(&timeline, 1))
        .await
        .json()
        .await
        .unwrap();
    let (first, second) = (usage(first), usage(second));
    assert_eq!(first["prompt_tokens_details"]["cached_tokens"], 0);
    let cached = second["prompt_tokens_details"]["cached_tokens"].as_u64();
    assert!(cached > Some(3_000), "{second}");
    assert_eq!(
        second["total_tokens"].as_u64(),
        Some(
            second["prompt_tokens"].as_u64().unwrap()
                + second["completion_tokens"].as_u64().unwrap()
        )
    );
}

#[tokio::test]
async fn other_schemas_get_a_minimal_instance() {
    let world = world().await;
    let mut request = hello();
    request["response_format"] = json!({
        "type": "json_schema",
        "json_schema": { "name": "x", "schema": {
            "type": "object", "required": ["kind"], "additionalProperties": false,
            "properties": { "kind": { "enum": ["a", "b"] } },
        } },
    });
    assert_eq!(content(world.ask(&request).await).await, r#"{"kind":"a"}"#);
}

#[tokio::test]
async fn streams_carry_the_same_answer_and_the_usage() {
    let world = world().await;
    let timeline = timeline("messagerie");
    let mut request = request(&timeline, 0);
    let whole = content(world.ask(&request).await).await;
    request["stream"] = json!(true);
    request["stream_options"] = json!({ "include_usage": true });
    let answer = world.ask(&request).await;
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let text = answer.text().await.unwrap();
    let frames: Vec<&str> = text
        .split("\n\n")
        .filter_map(|frame| frame.strip_prefix("data: "))
        .collect();
    assert_eq!(frames.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = frames[..frames.len() - 1]
        .iter()
        .map(|frame| serde_json::from_str(frame).unwrap())
        .collect();
    let streamed: String = chunks
        .iter()
        .filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str())
        .collect();
    assert_eq!(streamed, whole);
    let last = chunks.last().unwrap();
    assert_eq!(last["choices"], json!([]));
    assert!(last["usage"]["total_tokens"].as_u64() > Some(0));
}

#[tokio::test]
async fn a_named_call_is_counted_under_its_name() {
    let world = world().await;
    let llm = &world.simulators.llm_url;
    let mut named = hello();
    named["user"] = json!("audit-7-step-2");
    world.ask(&named).await;
    let url = format!("{llm}/chat/completions");
    let request = world
        .client
        .post(url)
        .header("x-vigie-call-key", "audit-7-step-3");
    request.json(&named).send().await.unwrap();
    let calls = world.calls(llm).await;
    assert_eq!(
        calls["by_key"],
        json!({ "audit-7-step-2": 1, "audit-7-step-3": 1 })
    );
}

#[tokio::test]
async fn it_knows_its_key_and_lists_models() {
    let world = crate::world_with(vigie_simulators::Options {
        llm_key: Some("sk-good".into()),
        ..vigie_simulators::Options::default()
    })
    .await;
    let refused = world.ask(&hello()).await;
    assert_eq!(refused.status(), 401);
    let body: Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "invalid_api_key");
    let url = format!("{}/v1/chat/completions", world.simulators.llm_url);
    let request = world.client.post(url).bearer_auth("sk-good").json(&hello());
    assert_eq!(request.send().await.unwrap().status(), 200);
    let url = format!("{}/v1/models", world.simulators.llm_url);
    let models: Value = world
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(models["object"], "list");
}
