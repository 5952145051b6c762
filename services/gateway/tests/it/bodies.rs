//! What is read of a request, and when it is refused.

use crate::support::{App, answer};
use reqwest::{Method, StatusCode};
use serde_json::json;

const JSON: &str = "application/json";

#[tokio::test]
async fn bad_json_is_told_before_a_missing_credential() {
    let app = App::start().await;
    for text in ["{", "7", "\"text\"", "null"] {
        let request = app.anonymous(Method::POST, "/api/audits/run").body(text);
        let (status, body) = answer(request.header("content-type", JSON)).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::BAD_REQUEST, &"INVALID_JSON".into())
        );
        assert_eq!(body["error"], "Invalid JSON body");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_missing_body_is_an_empty_one() {
    let app = App::start().await;
    for request in [
        app.request(Method::POST, "/api/audits/run"),
        app.request(Method::POST, "/api/audits/run")
            .body("a=1")
            .header("content-type", "text/plain"),
        app.request(Method::POST, "/api/audits/run")
            .body(" ")
            .header("content-type", JSON),
    ] {
        let (status, body) = answer(request).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"], "Missing required parameters");
        let message = "Both audit_config_id (or audit_id) and fiche_id are required";
        assert_eq!(body["message"], message);
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn large_bodies_are_refused_and_those_of_strangers_sooner() {
    let app = App::with(&[("HTTP_MAX_BODY_BYTES", "100000")]).await;
    let send = async |known: bool, bytes: usize, path: &str| {
        let body = json!({ "padding": "x".repeat(bytes) });
        let request = if known {
            app.request(Method::POST, path)
        } else {
            app.anonymous(Method::POST, path)
        };
        let (status, body) = answer(request.json(&body)).await;
        (status.as_u16(), body["code"].as_str().unwrap().to_owned())
    };
    let run = "/api/audits/run";
    assert_eq!(
        send(true, 90_000, run).await,
        (400, "VALIDATION_ERROR".to_owned())
    );
    assert_eq!(
        send(true, 110_000, run).await,
        (413, "PAYLOAD_TOO_LARGE".to_owned())
    );
    assert_eq!(
        send(false, 90_000, run).await,
        (401, "AUTHENTICATION_ERROR".to_owned())
    );
    let login = "/api/auth/login";
    assert_eq!(
        send(false, 90_000, login).await,
        (413, "PAYLOAD_TOO_LARGE".to_owned())
    );
    assert_eq!(
        send(false, 900, login).await,
        (400, "VALIDATION_ERROR".to_owned())
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn ids_of_runs_and_schedules_come_back_as_they_were_sent() {
    let app = App::start().await;
    let (status, body) = app
        .post("/api/automation/trigger", &json!({"scheduleId": " 31 "}))
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"success": true, "message": "Automation triggered successfully",
            "schedule_id": " 31 ", "event_ids": ["e"], "run_id": "508", "job_id": "automation-run-508"})
    );
    let (_, body) = app
        .post("/api/automation/trigger", &json!({"scheduleId": 31}))
        .await;
    assert_eq!(body["schedule_id"], 31);
    for bad in [
        json!({}),
        json!({"scheduleId": 0}),
        json!({"scheduleId": "x"}),
        json!({"scheduleId": 31, "overrideFicheSelection": "all"}),
    ] {
        let (status, body) = app.post("/api/automation/trigger", &bad).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(body["error"], "Invalid trigger automation data");
    }
    let schedule =
        json!({"name": "Ventes", "scheduleType": "MANUAL", "ficheSelection": {"mode": "manual"}});
    let (status, body) = app.post("/api/automation/schedules", &schedule).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(body["data"]["ficheSelection"]["mode"], "manual");
    let passed: serde_json::Value = serde_json::from_str(&app.world.script().schedule).unwrap();
    assert_eq!(passed, schedule);
    app.stop().await.unwrap();
}
