//! Each generic fault, on whatever simulator.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{hello, world};

#[tokio::test]
async fn status_with_retry_after_as_often_as_asked() {
    let world = world().await;
    let llm = &world.simulators.llm_url;
    world
        .fault(
            llm,
            json!({ "path": "/v1/chat", "kind": "status", "status": 429, "retry_after": 2, "count": 1 }),
        )
        .await;
    let refused = world.ask(&hello()).await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "2");
    let body: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(body["error"]["code"], "rate_limit_exceeded");
    assert_eq!(world.ask(&hello()).await.status(), 200);

    let calls = world.calls(llm).await;
    assert_eq!(calls["total"], 2);
    assert_eq!(calls["calls"][0]["status"], 429);
    assert_eq!(calls["calls"][0]["key"], json!(null));
    let counted: Vec<u64> = calls["by_key"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(serde_json::Value::as_u64)
        .collect();
    assert_eq!(counted, [1], "a refused call did no work");
}

#[tokio::test]
async fn rules_look_at_the_body_and_can_be_cleared() {
    let world = world().await;
    let llm = &world.simulators.llm_url;
    world
        .fault(
            llm,
            json!({ "match": "Bonjour", "kind": "status", "status": 503 }),
        )
        .await;
    assert_eq!(world.ask(&hello()).await.status(), 503);
    let other = json!({ "model": "m", "messages": [{ "role": "user", "content": "Bonsoir" }] });
    assert_eq!(world.ask(&other).await.status(), 200);
    let listed = world.client.get(format!("{llm}/__faults")).send().await;
    let listed: serde_json::Value = listed.unwrap().json().await.unwrap();
    assert_eq!(listed[0]["applied"], 1);

    let cleared = world.client.delete(format!("{llm}/__faults")).send().await;
    assert_eq!(cleared.unwrap().status(), 204);
    assert_eq!(world.ask(&hello()).await.status(), 200);
}

#[tokio::test]
async fn latency_delays_and_then_answers() {
    let world = world().await;
    world
        .fault(
            &world.simulators.llm_url,
            json!({ "kind": "latency", "latency_ms": 150 }),
        )
        .await;
    let begun = Instant::now();
    assert_eq!(world.ask(&hello()).await.status(), 200);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn reset_breaks_the_connection() {
    let world = world().await;
    for kind in ["reset", "reset_after"] {
        world
            .fault(
                &world.simulators.llm_url,
                json!({ "kind": kind, "count": 1 }),
            )
            .await;
        let url = format!("{}/v1/chat/completions", world.simulators.llm_url);
        let answer = world.client.post(url).json(&hello()).send().await;
        let broken = match answer {
            Err(_) => true,
            Ok(answer) => answer.bytes().await.is_err(),
        };
        assert!(broken, "{kind}");
    }
    let calls = world.calls(&world.simulators.llm_url).await;
    let counted = calls["by_key"].as_object().unwrap().values().next();
    assert_eq!(counted, Some(&json!(1)), "only reset_after did the work");
}

#[tokio::test]
async fn malformed_bodies_are_no_json() {
    let world = world().await;
    for kind in ["malformed_body", "malformed_json"] {
        world
            .fault(
                &world.simulators.pusher_url,
                json!({ "kind": kind, "count": 1 }),
            )
            .await;
        let url = format!("{}/apps/1/events", world.simulators.pusher_url);
        let answer = world.client.post(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert!(answer.json::<serde_json::Value>().await.is_err(), "{kind}");
    }
}

#[tokio::test]
async fn a_hanging_request_ends_with_its_client() {
    let world = world().await;
    let llm = &world.simulators.llm_url;
    world
        .fault(llm, json!({ "kind": "hang", "count": 1 }))
        .await;
    let url = format!("{llm}/v1/chat/completions");
    let answer = world
        .client
        .post(url)
        .json(&hello())
        .timeout(Duration::from_millis(200))
        .send()
        .await;
    assert!(answer.unwrap_err().is_timeout());
    assert_eq!(world.ask(&hello()).await.status(), 200);
}

#[tokio::test]
async fn stopping_lets_hanging_requests_go() {
    let world = world().await;
    world
        .fault(&world.simulators.llm_url, json!({ "kind": "hang" }))
        .await;
    let url = format!("{}/v1/chat/completions", world.simulators.llm_url);
    let hanging = world.client.post(url).json(&hello()).send();
    let faults = world.simulators.llm.clone();
    let stop = async {
        while faults.calls().in_flight == 0 {
            tokio::task::yield_now().await;
        }
        world.simulators.stop().await;
    };
    let (answer, ()) = tokio::join!(hanging, stop);
    assert_eq!(answer.unwrap().status(), 504);
}

#[tokio::test]
async fn unknown_fields_of_a_rule_are_refused() {
    let world = world().await;
    let url = format!("{}/__faults", world.simulators.crm_url);
    let answer = world
        .client
        .post(url)
        .json(&json!({ "kind": "status", "statsu": 500 }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 422);
}
