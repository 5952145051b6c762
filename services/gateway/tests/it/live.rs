//! Event streams on a real broker.

use crate::support::{App, LIMIT, answer, header};
use futures::StreamExt;
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use vigie_bus::{Bus, Sending};
use vigie_events::auth::{PrincipalChange, PrincipalChanged};
use vigie_events::realtime::{Channel, Entity, Realtime, RealtimeEvent};
use vigie_identity::Scope;
use vigie_service::ErrorCode;
use vigie_testkit::api::{ApiClient, LiveEvents};

#[derive(serde::Serialize, schemars::JsonSchema)]
struct Progress {
    audit_db_id: String,
    fiche_id: String,
}

impl RealtimeEvent for Progress {
    const NAME: &'static str = "audit.progress";
}

/// Shows a step forward of an audit of fiche 44.
pub async fn show(bus: &Bus, audit: &str, sequence: i64) {
    let event = Progress {
        audit_db_id: audit.to_owned(),
        fiche_id: "44".to_owned(),
    };
    let entity = Entity::Audit(audit.to_owned());
    let none: &[Channel] = &[];
    let message = Realtime::new(&entity, sequence, &event, none).unwrap();
    bus.show_best_effort(&message).await;
}

fn client(app: &App) -> ApiClient {
    let client = ApiClient::new(app.base()).unwrap();
    client.use_token(&app.world.token());
    client
}

async fn next(live: &mut LiveEvents<'_>) -> (String, Value, String) {
    let frame = tokio::time::timeout(LIMIT, live.next())
        .await
        .unwrap()
        .unwrap();
    (frame.event, frame.data, frame.id.unwrap())
}

/// The sequence of the next frame, which must be a step forward.
async fn progress(live: &mut LiveEvents<'_>) -> (i64, String) {
    let (event, data, id) = next(live).await;
    assert_eq!(event, "audit.progress", "{data}");
    (data["sequence"].as_i64().unwrap(), id)
}

/// Reads a stream until this text was in it, or it ended.
async fn read_until(response: Response, wanted: &str) -> String {
    let mut body = response.bytes_stream();
    let mut text = String::new();
    let reading = async {
        while let Some(Ok(bytes)) = body.next().await {
            text.push_str(&String::from_utf8_lossy(&bytes));
            if text.contains(wanted) {
                break;
            }
        }
    };
    tokio::time::timeout(LIMIT, reading).await.unwrap();
    text
}

#[tokio::test]
async fn a_stream_begins_with_ready_and_shows_each_event_once() {
    let app = App::start().await;
    let api = client(&app);
    let mut live = api.live(&["private-audit-9", "fiche-44"]).await.unwrap();
    show(&app.bus, "8", 1).await;
    show(&app.bus, "9", 1).await;
    show(&app.bus, "9", 2).await;
    // The first came by its fiche, the others by both channels.
    assert_eq!(progress(&mut live).await.0, 1);
    assert_eq!(progress(&mut live).await.0, 1);
    assert_eq!(progress(&mut live).await.0, 2);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_first_frame_says_where_live_begins() {
    let app = App::start().await;
    let request = app.request(
        Method::GET,
        "/api/realtime/stream?channels=audit-9,private-audit-9",
    );
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    assert_eq!(header(&response, "content-type"), Some("text/event-stream"));
    assert_eq!(header(&response, "x-accel-buffering"), Some("no"));
    assert_eq!(
        header(&response, "cache-control"),
        Some("no-cache, no-transform")
    );
    let text = read_until(response, "event: ready").await;
    assert!(text.starts_with("retry: "), "{text}");
    let state = app.bus.realtime_state().await.unwrap();
    let id = format!("id: {}-0\n", state.incarnation_ms);
    assert!(text.contains(&id), "{text}");
    assert!(
        text.contains("data: {\"channels\":[\"audit-9\"]}"),
        "{text}"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_client_that_comes_back_misses_nothing() {
    let app = App::start().await;
    let api = client(&app);
    let mut live = api.live(&["audit-9"]).await.unwrap();
    show(&app.bus, "9", 1).await;
    let (_, seen) = progress(&mut live).await;
    drop(live);
    for sequence in 2..=4 {
        show(&app.bus, "9", sequence).await;
        show(&app.bus, "8", sequence).await;
    }
    let mut live = api.live_from(&["audit-9"], Some(&seen)).await.unwrap();
    show(&app.bus, "9", 5).await;
    for sequence in 2..=5 {
        assert_eq!(progress(&mut live).await.0, sequence);
    }
    // The query does what the header does.
    let path = format!("/api/realtime/stream?channels=audit-9&last_event_id={seen}");
    let response = app.request(Method::GET, &path).send().await.unwrap();
    let text = read_until(response, "\"sequence\":5").await;
    assert_eq!(text.matches("event: audit.progress").count(), 4, "{text}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn an_id_that_cannot_be_honoured_is_answered_with_reset() {
    let app = App::start().await;
    let api = client(&app);
    show(&app.bus, "9", 1).await;
    let incarnation = app.bus.realtime_state().await.unwrap().incarnation_ms;
    for (id, reason) in [
        ("nonsense".to_owned(), "malformed"),
        ("17-1".to_owned(), "incarnation"),
        (format!("{incarnation}-99"), "ahead"),
    ] {
        let mut live = api.live_from(&["audit-9"], Some(&id)).await.unwrap();
        let (event, data, from) = next(&mut live).await;
        assert_eq!(
            (event.as_str(), &data),
            ("reset", &json!({"reason": reason}))
        );
        assert_eq!(from, format!("{incarnation}-1"));
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn one_refused_channel_refuses_all_and_is_named() {
    let app = App::start().await;
    app.world.script().watchable = vec!["audit-9".to_owned()];
    let limited = app.world.token_of(Scope::Group);
    let open = async |channels: &str| {
        let path = format!("/api/realtime/stream?channels={channels}");
        let response = app
            .anonymous(Method::GET, &path)
            .bearer_auth(&limited)
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        if status == 200 {
            return (status, String::new());
        }
        let body: Value = response.json().await.unwrap();
        (status, body["error"].as_str().unwrap().to_owned())
    };
    assert_eq!(
        open("audit-9,fiche-44,global,job-automation-run-7").await.0,
        200
    );
    assert_eq!(
        open("audit-9,audit-8").await,
        (403, "Forbidden: audit-8".to_owned())
    );
    let refused = open("fiche-44,private-fiche-45").await;
    assert_eq!(refused, (403, "Forbidden: private-fiche-45".to_owned()));
    assert_eq!(open("fiche-x").await.0, 403);
    assert_eq!(open("job-automation-run-404").await.0, 403);
    assert_eq!(
        open("private-org-1").await,
        (403, "Channel not allowed: private-org-1".to_owned())
    );
    assert_eq!(open("a%20b").await.0, 400);
    assert_eq!(open("").await.0, 400);
    let many = vec!["audit-9"; 51].join(",");
    assert_eq!(open(&many).await.0, 400);

    app.world
        .fail("CheckChannel", ErrorCode::Unavailable, "down");
    let (status, body) = {
        let path = "/api/realtime/stream?channels=audit-9";
        answer(app.anonymous(Method::GET, path).bearer_auth(&limited)).await
    };
    assert_eq!(
        (status.as_u16(), &body["code"]),
        (503, &"REALTIME_UNAVAILABLE".into())
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_ticket_opens_one_stream_of_its_channels() {
    let app = App::start().await;
    let body = json!({"channels": ["audit-9", "private-fiche-44"]});
    let (status, issued) = app.post("/api/realtime/tickets", &body).await;
    assert_eq!(
        (status, &issued["data"]["expires_in"]),
        (StatusCode::CREATED, &json!(30))
    );
    let ticket = issued["data"]["ticket"].as_str().unwrap();
    let path = format!("/api/realtime/stream?channels=private-audit-9&ticket={ticket}");
    let response = app.anonymous(Method::GET, &path).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let (status, _) = answer(app.anonymous(Method::GET, &path)).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED, "a second time");

    let (_, issued) = app.post("/api/realtime/tickets", &body).await;
    let ticket = issued["data"]["ticket"].as_str().unwrap();
    let path = format!("/api/realtime/stream?channels=audit-8&ticket={ticket}");
    let (status, body) = answer(app.anonymous(Method::GET, &path)).await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::FORBIDDEN, &"Forbidden: audit-8".into())
    );
    for bad in [json!({}), json!({"channels": []}), json!({"channels": [7]})] {
        assert_eq!(
            app.post("/api/realtime/tickets", &bad).await.0,
            StatusCode::BAD_REQUEST
        );
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn streams_end_with_their_token_and_with_the_service() {
    let app = App::start().await;
    let short = app
        .world
        .token_for(&[("realtime", Scope::All), ("audits", Scope::All)], 2);
    let path = "/api/realtime/stream?channels=audit-9";
    let response = app
        .anonymous(Method::GET, path)
        .bearer_auth(short)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    read_until(response, "this never comes").await;

    let response = app.request(Method::GET, path).send().await.unwrap();
    let (text, stopped) = tokio::join!(read_until(response, "this never comes"), app.stop());
    stopped.unwrap();
    assert!(text.contains("event: ready"));
}

#[tokio::test]
async fn streams_end_with_the_session_that_opened_them() {
    let app = App::start().await;
    let stream = "/api/realtime/stream?channels=audit-9";
    let body = json!({"channels": ["audit-9"]});
    let (_, issued) = app.post("/api/realtime/tickets", &body).await;
    let ticket = issued["data"]["ticket"].as_str().unwrap();
    let by_ticket = format!("{stream}&ticket={ticket}");
    let by_ticket = app.anonymous(Method::GET, &by_ticket).send().await.unwrap();
    let by_token = app.request(Method::GET, stream).send().await.unwrap();
    assert_eq!(
        (by_ticket.status(), by_token.status()),
        (StatusCode::OK, StatusCode::OK)
    );

    let ended = PrincipalChanged {
        user_id: "42".parse().unwrap(),
        version: 1,
        sid: Some("s".to_owned()),
        reason: PrincipalChange::Logout,
    };
    let told = app.bus.publish(&ended.message(), Sending::First).await;
    told.unwrap();
    let (ticket, token) = tokio::join!(
        read_until(by_ticket, "this never comes"),
        read_until(by_token, "this never comes")
    );
    assert!(ticket.contains("event: ready") && token.contains("event: ready"));
    app.stop().await.unwrap();
}
