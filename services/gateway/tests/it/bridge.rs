//! The bridge to Pusher, against its stand-in.

use crate::live::show;
use crate::support::{App, LIMIT};
use serde_json::{Value, json};
use std::net::SocketAddr;
use vigie_bus::Sending;
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_simulators::{DEFAULT_PUSHER_KEY, DEFAULT_PUSHER_SECRET, Options, Simulators};
use vigie_testkit::wait;

async fn simulators() -> Simulators {
    let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
    let options = Options {
        crm_addr: any,
        stt_addr: any,
        llm_addr: any,
        pusher_addr: any,
        ..Options::default()
    };
    Simulators::start(options).await.unwrap()
}

async fn bridged(simulators: &Simulators, more: &[(&str, &str)]) -> App {
    let mut variables = vec![
        ("PUSHER_APP_ID", "7"),
        ("PUSHER_KEY", DEFAULT_PUSHER_KEY),
        ("PUSHER_SECRET", DEFAULT_PUSHER_SECRET),
        ("PUSHER_CLUSTER", "eu"),
        ("PUSHER_HOST", &simulators.pusher_url),
    ];
    variables.extend(more);
    App::with(&variables).await
}

/// What was published, when it is that many.
async fn published(simulators: &Simulators, wanted: usize) -> Vec<Value> {
    let url = format!("{}/__events", simulators.pusher_url);
    let http = vigie_testkit::api::http_client().unwrap();
    let ask = || async {
        let told: Value = http.get(&url).send().await?.json().await?;
        let events = told["events"].as_array().cloned().unwrap_or_default();
        Ok((events.len() >= wanted).then_some(events))
    };
    wait::until("published events", LIMIT, ask).await.unwrap()
}

fn told(events: &[Value], channel: &str) -> Vec<i64> {
    let on = events.iter().filter(|event| event["channel"] == channel);
    on.map(|event| event["data"]["sequence"].as_i64().unwrap())
        .collect()
}

#[tokio::test]
async fn events_reach_pusher_s_private_channels_in_order_and_once() {
    let simulators = simulators().await;
    let app = bridged(&simulators, &[]).await;
    for sequence in 1..=5 {
        show(&app.bus, "9", sequence).await;
    }
    let events = published(&simulators, 10).await;
    assert_eq!(events.len(), 10);
    assert_eq!(told(&events, "private-audit-9"), [1, 2, 3, 4, 5]);
    assert_eq!(told(&events, "private-fiche-44"), [1, 2, 3, 4, 5]);
    assert_eq!(events[0]["name"], "audit.progress");
    app.stop().await.unwrap();
    simulators.stop().await;
}

#[tokio::test]
async fn faults_are_outlived_and_names_may_be_public() {
    let simulators = simulators().await;
    let app = bridged(&simulators, &[("PUSHER_USE_PRIVATE_CHANNELS", "no")]).await;
    let http = vigie_testkit::api::http_client().unwrap();
    let fault = json!({"kind": "status", "status": 503, "count": 1});
    let url = format!("{}/__faults", simulators.pusher_url);
    let answer = http.post(url).json(&fault).send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{}",
        answer.text().await.unwrap()
    );
    show(&app.bus, "9", 1).await;
    let events = published(&simulators, 2).await;
    assert_eq!(told(&events, "audit-9"), [1]);
    app.stop().await.unwrap();
    simulators.stop().await;
}

/// Whose connections were ended, when it is that many.
async fn ended(simulators: &Simulators, wanted: usize) -> Vec<Value> {
    let url = format!("{}/__terminations", simulators.pusher_url);
    let http = vigie_testkit::api::http_client().unwrap();
    let ask = || async {
        let told: Value = http.get(&url).send().await?.json().await?;
        let users = told["users"].as_array().cloned().unwrap_or_default();
        let users: Vec<_> = users.iter().map(|user| user["user_id"].clone()).collect();
        Ok((users.len() >= wanted).then_some(users))
    };
    wait::until("ended connections", LIMIT, ask).await.unwrap()
}

#[tokio::test]
async fn a_change_of_rights_ends_the_users_connections() {
    let simulators = simulators().await;
    let app = bridged(&simulators, &[]).await;
    // Pusher is down for a moment.
    let http = vigie_testkit::api::http_client().unwrap();
    let fault = json!({"kind": "status", "status": 503, "count": 1});
    let url = format!("{}/__faults", simulators.pusher_url);
    let answer = http.post(url).json(&fault).send().await.unwrap();
    assert!(answer.status().is_success());

    let session = PrincipalChanged {
        user_id: "42".parse().unwrap(),
        version: 1,
        sid: Some("s-1".to_owned()),
        reason: PrincipalChange::Logout,
    };
    let told = app.bus.publish(&session.message(), Sending::First).await;
    told.unwrap();
    assert_eq!(ended(&simulators, 1).await, ["42"]);
    let roles = PrincipalChanged {
        user_id: "7".parse().unwrap(),
        version: 2,
        sid: None,
        reason: PrincipalChange::Roles,
    };
    // Told twice, as the bus may: ending twice ends nothing more.
    for sending in [Sending::First, Sending::Again(1)] {
        let told = app.bus.publish(&roles.clone().message(), sending).await;
        told.unwrap();
    }
    assert_eq!(ended(&simulators, 3).await, ["42", "7", "7"]);
    app.stop().await.unwrap();
    simulators.stop().await;
}
