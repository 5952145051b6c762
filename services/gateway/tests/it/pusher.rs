//! Clients of Pusher: the checks in their order, the signatures, the test event.

use crate::support::{App, answer};
use crate::world::API_TOKEN;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_identity::Scope;
use vigie_service::ErrorCode;

const AUTH: &str = "/api/realtime/pusher/auth";
const TEST: &str = "/api/realtime/pusher/test";
const CONFIGURED: [(&str, &str); 4] = [
    ("PUSHER_APP_ID", "7"),
    ("PUSHER_KEY", "k"),
    ("PUSHER_SECRET", "s"),
    ("PUSHER_CLUSTER", "eu"),
];

async fn configured() -> App {
    let mut variables = CONFIGURED.to_vec();
    variables.push(("PUSHER_DRY_RUN", "1"));
    App::with(&variables).await
}

/// Status, error and code of a subscription.
async fn subscribe(app: &App, token: &str, body: Value) -> (u16, String, String) {
    let request = app.anonymous(Method::POST, AUTH).bearer_auth(token);
    let (status, body) = answer(request.json(&body)).await;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (status.as_u16(), text("error"), text("code"))
}

fn to(channel: &str) -> Value {
    json!({"socket_id": "1.2", "channel_name": channel})
}

#[tokio::test]
async fn signs_private_and_presence_channels() {
    let app = configured().await;
    let (status, body) = app.post(AUTH, &to("private-job-anything")).await;
    let expected = "k:91aebaf5f3808a45572571893740a94839cadd0a4aeea8c8371c604b30549a02";
    assert_eq!((status, body), (StatusCode::OK, json!({"auth": expected})));

    let body = json!({"socket_id": "1.2", "channel_name": "presence-global", "user_id": "1",
        "user_info": {"name": "Claire", "email": "boss@vigie.test", "roles": ["admin"]}});
    let (status, body) = app.post(AUTH, &body).await;
    assert_eq!(status, StatusCode::OK);
    let data: Value = serde_json::from_str(body["channel_data"].as_str().unwrap()).unwrap();
    assert_eq!(
        data,
        json!({"user_id": "42", "user_info": {"id": "42", "name": "Claire"}})
    );
    assert!(body["auth"].as_str().unwrap().starts_with("k:"));
    assert_eq!(body.as_object().unwrap().len(), 2);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn forms_are_as_good_as_json() {
    let app = configured().await;
    let info = json!({"name": "Claire"}).to_string();
    let form = [
        ("socket_id", "1.2"),
        ("channel_name", "presence-global"),
        ("user_info", &info),
    ];
    let request = app.request(Method::POST, AUTH).form(&form);
    let (status, body) = answer(request).await;
    assert_eq!(status, StatusCode::OK);
    assert!(
        body["channel_data"].as_str().unwrap().contains("Claire"),
        "{body}"
    );
    let form = [
        ("socket_id", "1.2"),
        ("channel_name", "private-job-anything"),
    ];
    let (_, signed) = answer(app.request(Method::POST, AUTH).form(&form)).await;
    let (_, same) = app.post(AUTH, &to("private-job-anything")).await;
    assert_eq!(signed, same);
    // Nowhere else.
    let form = [("scheduleId", "31")];
    let request = app
        .request(Method::POST, "/api/automation/trigger")
        .form(&form);
    assert_eq!(answer(request).await.0, StatusCode::BAD_REQUEST);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_checks_come_in_the_contract_s_order() {
    let app = configured().await;
    let (status, body) = answer(app.anonymous(Method::POST, AUTH)).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (401, &json!("Authentication required"))
    );
    let (status, body) = answer(app.anonymous(Method::POST, AUTH).bearer_auth(API_TOKEN)).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (401, &json!("User authentication required"))
    );

    let stranger = app.world.token_for(&[("audits", Scope::All)], 60);
    let refused = subscribe(&app, &stranger, json!({})).await;
    assert_eq!((refused.0, refused.1.as_str()), (403, "Missing permission"));

    let limited = app.world.token_of(Scope::Group);
    let valid = |message: &str| (400, message.to_owned(), "VALIDATION_ERROR".to_owned());
    for bad in [
        json!({}),
        json!({"socket_id": " ", "channel_name": "private-global"}),
        json!({"socket_id": "1.2", "channel_name": 7}),
        json!({"socket_id": "1.2", "channel_name": "private-global", "user_id": ""}),
        json!({"socket_id": "1.2", "channel_name": "private-global", "user_info": []}),
        json!({"socket_id": "1.2", "channel_name": "private-global",
            "user_info": {"name": "x".repeat(3_000)}}),
    ] {
        let refused = subscribe(&app, &limited, bad).await;
        assert_eq!(refused, valid("Invalid subscription"));
    }
    let long = to(&format!("private-audit-{}", "9".repeat(200)));
    let refused = subscribe(&app, &limited, long).await;
    assert_eq!(refused, valid("channel_name too long (max 200 chars)"));
    let refused = subscribe(&app, &limited, to("private audit")).await;
    assert_eq!(refused, valid("channel_name contains invalid characters"));
    let refused = subscribe(&app, &limited, to("pusher-audit")).await;
    assert_eq!(refused, valid("channel_name cannot start with 'pusher-'"));

    let forbidden = |message: &str| (403, message.to_owned(), "AUTHORIZATION_ERROR".to_owned());
    for name in [
        "audit-9",
        "private-org-1",
        "private-tenant-1",
        "presence-org-1",
        "x",
    ] {
        let refused = subscribe(&app, &limited, to(name)).await;
        assert_eq!(refused, forbidden("Channel not allowed"), "{name}");
    }
    app.world.script().watchable = vec!["audit-9".to_owned()];
    for name in [
        "private-audit-8",
        "private-fiche-45",
        "private-fiche-x",
        "private-user-43",
    ] {
        let refused = subscribe(&app, &limited, to(name)).await;
        assert_eq!(refused, forbidden("Forbidden"), "{name}");
    }
    for name in [
        "private-audit-9",
        "private-fiche-44",
        "private-user-42",
        "private-global",
    ] {
        assert_eq!(subscribe(&app, &limited, to(name)).await.0, 200, "{name}");
    }
    let only_realtime = app.world.token_for(&[("realtime", Scope::All)], 60);
    let refused = subscribe(&app, &only_realtime, to("private-audit-9")).await;
    assert_eq!(refused, forbidden("Forbidden"));

    // The socket comes last.
    let body = json!({"socket_id": "1.2:private-x", "channel_name": "private-audit-8"});
    assert_eq!(
        subscribe(&app, &limited, body).await,
        forbidden("Forbidden")
    );
    let body = json!({"socket_id": "1.2:private-x", "channel_name": "private-audit-9"});
    assert_eq!(
        subscribe(&app, &limited, body).await,
        valid("Invalid socket_id")
    );

    app.world
        .fail("CheckChannel", ErrorCode::Unavailable, "down");
    let refused = subscribe(&app, &limited, to("private-audit-9")).await;
    let unavailable = "REALTIME_UNAVAILABLE".to_owned();
    assert_eq!(
        refused,
        (503, "Realtime not available".to_owned(), unavailable)
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn without_pusher_nothing_is_signed() {
    let app = App::with(&CONFIGURED[..3]).await;
    let token = app.world.token();
    assert_eq!(subscribe(&app, &token, to("private-org-1")).await.0, 403);
    let refused = subscribe(&app, &token, to("private-audit-9")).await;
    let unavailable = "REALTIME_UNAVAILABLE".to_owned();
    assert_eq!(
        refused,
        (503, "Pusher not configured".to_owned(), unavailable)
    );
    let (status, body) = app.post(TEST, &json!({})).await;
    assert_eq!(
        (status.as_u16(), &body["error"]),
        (503, &json!("Pusher not configured"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_test_event_goes_the_way_of_all_events() {
    let app = configured().await;
    let api = vigie_testkit::api::ApiClient::new(app.base()).unwrap();
    api.use_token(&app.world.token());
    let mut live = api.live(&["private-realtime-test"]).await.unwrap();

    let (status, body) = app.post(TEST, &json!({"payload": {"ok": true}})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"success": true, "channel": "private-realtime-test", "event": "realtime.test",
            "payload": {"ok": true}})
    );
    let frame = live.next().await.unwrap();
    assert_eq!(
        (frame.event.as_str(), &frame.data),
        ("realtime.test", &json!({"ok": true}))
    );

    let body = json!({"channel": "realtime-test", "event": "..odd name*>", "payload": 7});
    let (status, body) = app.post(TEST, &body).await;
    assert_eq!(
        (status, &body["payload"]),
        (StatusCode::OK, &json!(7)),
        "{body}"
    );
    let frame = live.next().await.unwrap();
    assert_eq!(
        (frame.event.as_str(), &frame.data),
        ("..odd name*>", &json!({"value": 7}))
    );

    let (_, body) = app.post(TEST, &json!({"payload": null})).await;
    assert!(
        body["payload"]["ts"].as_str().unwrap().ends_with('Z'),
        "{body}"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn only_the_test_channel_is_tested_and_only_by_those_who_may() {
    let app = configured().await;
    let refused = async |body: Value| {
        let (status, body) = app.post(TEST, &body).await;
        (status.as_u16(), body["error"].as_str().unwrap().to_owned())
    };
    let not_allowed = (403, "Channel not allowed".to_owned());
    assert_eq!(
        refused(json!({"channel": "private-audit-9"})).await,
        not_allowed
    );
    assert_eq!(
        refused(json!({"channel": "private-org-9"})).await,
        not_allowed
    );
    let odd = "channel_name contains invalid characters".to_owned();
    assert_eq!(refused(json!({"channel": "a b"})).await, (400, odd));
    let long = "event too long (max 200 chars)".to_owned();
    assert_eq!(
        refused(json!({"event": "x".repeat(201)})).await,
        (400, long)
    );
    let own = "event name cannot start with 'pusher:'".to_owned();
    assert_eq!(refused(json!({"event": "pusher:x"})).await, (400, own));
    assert_eq!(refused(json!({"event": "a\nid: 1"})).await.0, 400);
    assert_eq!(refused(json!({"event": " "})).await.0, 400);
    app.stop().await.unwrap();

    let mut off = CONFIGURED.to_vec();
    off.extend([("REALTIME_TEST_ENABLED", "0"), ("PUSHER_DRY_RUN", "1")]);
    let app = App::with(&off).await;
    let (status, body) = app.post(TEST, &json!({})).await;
    assert_eq!((status.as_u16(), &body["code"]), (404, &json!("NOT_FOUND")));
    app.stop().await.unwrap();
}

const USER: &str = "/api/realtime/pusher/user-auth";

#[tokio::test]
async fn users_sign_in_while_their_session_lives() {
    let app = configured().await;
    let expected = json!({
        "auth": "k:2ad2dd92cbde039745a7dbf6221bfc546b02cba221a40dbbd5b3af761c9a10ea",
        "user_data": r#"{"id":"42"}"#,
    });
    let body = json!({"socket_id": "1.2", "user_id": "1"});
    assert_eq!(
        app.post(USER, &body).await,
        (StatusCode::OK, expected.clone())
    );
    // As Pusher's own client sends it.
    let form = app
        .request(Method::POST, USER)
        .form(&[("socket_id", "1.2")]);
    assert_eq!(answer(form).await, (StatusCode::OK, expected));

    for bad in [json!({}), json!({"socket_id": "1.2:private-x"})] {
        let (status, body) = app.post(USER, &bad).await;
        assert_eq!(
            (status.as_u16(), &body["code"]),
            (400, &json!("VALIDATION_ERROR"))
        );
    }
    let machine = app.anonymous(Method::POST, USER).bearer_auth(API_TOKEN);
    let (status, refused) = answer(machine.json(&body)).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]),
        (401, &json!("User authentication required"))
    );
    // The token still verifies, but auth knows better.
    app.world
        .fail("GetMe", ErrorCode::Authentication, "Session has ended");
    let (status, refused) = app.post(USER, &body).await;
    assert_eq!(
        (status.as_u16(), &refused["error"]),
        (401, &json!("Session has ended"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn nobody_signs_in_where_pusher_is_not_configured() {
    let app = App::start().await;
    let (status, body) = app.post(USER, &json!({"socket_id": "1.2"})).await;
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (503, &json!("REALTIME_UNAVAILABLE"))
    );
    app.stop().await.unwrap();
}
