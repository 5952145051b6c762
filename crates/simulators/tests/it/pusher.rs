//! Signed publishing.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use serde_json::{Value, json};
use sha2::Sha256;
use vigie_simulators::{DEFAULT_PUSHER_KEY, DEFAULT_PUSHER_SECRET};

use crate::{World, world};

async fn publish(world: &World, path: &str, body: &Value, secret: &str) -> reqwest::Response {
    let body = body.to_string();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    let query = format!(
        "auth_key={DEFAULT_PUSHER_KEY}&auth_timestamp={now}&auth_version=1.0&body_md5={}",
        hex::encode(Md5::digest(&body))
    );
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(format!("POST\n{path}\n{query}").as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let url = format!(
        "{}{path}?{query}&auth_signature={signature}",
        world.simulators.pusher_url
    );
    world.client.post(url).body(body).send().await.unwrap()
}

#[tokio::test]
async fn signed_events_are_kept() {
    let world = world().await;
    let event = json!({
        "name": "audit.completed", "data": "{\"audit_id\":\"7\"}",
        "channels": ["private-audit-7", "private-fiche-1"],
    });
    let answer = publish(&world, "/apps/1/events", &event, DEFAULT_PUSHER_SECRET).await;
    assert_eq!(answer.status(), 200);
    let batch = json!({ "batch": [{ "name": "x", "data": "plain", "channel": "private-global" }] });
    let answer = publish(
        &world,
        "/apps/1/batch_events",
        &batch,
        DEFAULT_PUSHER_SECRET,
    )
    .await;
    assert_eq!(answer.status(), 200);

    let url = format!("{}/__events", world.simulators.pusher_url);
    let events: Value = world
        .client
        .get(url)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(events["total"], 3);
    assert_eq!(events["events"][0]["channel"], "private-audit-7");
    assert_eq!(events["events"][0]["data"]["audit_id"], "7");
    assert_eq!(events["events"][2]["data"], "plain");
}

#[tokio::test]
async fn a_forged_signature_is_refused() {
    let world = world().await;
    let event = json!({ "name": "x", "data": "{}", "channel": "c" });
    let answer = publish(&world, "/apps/1/events", &event, "wrong").await;
    assert_eq!(answer.status(), 401);
}

#[tokio::test]
async fn data_over_ten_kilobytes_is_refused() {
    let world = world().await;
    let event = json!({ "name": "x", "data": "x".repeat(10_241), "channel": "c" });
    let answer = publish(&world, "/apps/1/events", &event, DEFAULT_PUSHER_SECRET).await;
    assert_eq!(answer.status(), 413);
}

#[tokio::test]
async fn connections_of_a_user_are_ended_by_those_who_know_the_secret() {
    let world = world().await;
    let path = "/apps/1/users/42/terminate_connections";
    let forged = publish(&world, path, &json!({}), "wrong").await;
    assert_eq!(forged.status(), 401);
    let answer = publish(&world, path, &json!({}), DEFAULT_PUSHER_SECRET).await;
    assert_eq!(answer.status(), 200);
    let url = format!("{}/__terminations", world.simulators.pusher_url);
    let told = world.client.get(&url).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["total"], 1);
    assert_eq!(told["users"][0]["user_id"], "42");
}
