//! The envelope of every class of error, and what stands on every answer.

use crate::support::{App, answer, header};
use reqwest::{Method, StatusCode};
use serde_json::json;
use vigie_service::{ErrorCode, WireError};

#[tokio::test]
async fn every_class_has_its_status_and_the_whole_envelope() {
    let app = App::start().await;
    for code in ErrorCode::ALL {
        app.world.fail("ListConfigs", code, "what happened");
        let request = app
            .request(Method::GET, "/api/audit-configs")
            .header("x-request-id", "req-1");
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), code.http_status());
        assert_eq!(header(&response, "x-request-id"), Some("req-1"));
        assert_eq!(header(&response, "x-backend-instance"), Some("gateway-1"));
        assert_eq!(header(&response, "x-content-type-options"), Some("nosniff"));
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["success"], false);
        assert_eq!(body["error"], "what happened");
        assert_eq!(body["code"], code.wire());
        assert_eq!(body["request_id"], "req-1");
        assert_eq!(body.get("details").is_some(), code == ErrorCode::Validation);
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn values_beside_the_error_are_shown_and_cannot_replace_it() {
    let app = App::start().await;
    let mut error = WireError::new(ErrorCode::Conflict, "a run is open");
    error.extras.insert("run_id".to_owned(), "508".into());
    error.extras.insert("code".to_owned(), "OK".into());
    app.world.script().failures.insert("Trigger", error);
    let (status, body) = app
        .post("/api/automation/trigger", &json!({"scheduleId": 31}))
        .await;
    assert_eq!(status, StatusCode::CONFLICT);
    assert_eq!(body["run_id"], "508");
    assert_eq!(body["code"], "CONFLICT");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_to_callers_only() {
    let app = App::start().await;
    let (status, body) = app.get("/api/nothing?y=1").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &"NOT_FOUND".into())
    );
    assert_eq!(body["error"], "Route with ID '/api/nothing?y=1' not found");
    for path in ["/api/nothing", "/api/auth/nothing", "/api"] {
        let (status, _) = answer(app.anonymous(Method::GET, path)).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{path}");
    }
    let (status, body) = answer(app.anonymous(Method::GET, "/nothing")).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &"NOT_FOUND".into())
    );

    let (status, body) = answer(app.request(Method::DELETE, "/api/audits/run")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(body["code"], "METHOD_NOT_ALLOWED");
    let (status, _) = answer(app.anonymous(Method::DELETE, "/api/audits/run")).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let (status, _) = answer(app.anonymous(Method::POST, "/health")).await;
    assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn values_in_paths_are_checked_here() {
    let app = App::start().await;
    for (path, message) in [
        ("/api/audits/abc", "Invalid audit_id"),
        ("/api/audits/0", "Invalid audit_id"),
        ("/api/audits/9223372036854775808", "Invalid audit_id"),
        ("/api/automation/runs/x", "Invalid run_id"),
        ("/api/automation/schedules/-1", "Invalid schedule_id"),
        (
            "/api/automation/runs?limit=many",
            "Invalid query parameters",
        ),
        (
            "/api/fiches/status/by-date?date=14/01/2026",
            "Invalid date format. Use YYYY-MM-DD",
        ),
        (
            "/api/fiches/search",
            "Missing or invalid date parameter (YYYY-MM-DD required)",
        ),
    ] {
        let (status, body) = app.get(path).await;
        assert_eq!(
            (status, &body["error"]),
            (StatusCode::BAD_REQUEST, &message.into()),
            "{path}"
        );
        assert_eq!(body["code"], "VALIDATION_ERROR");
    }
    let (status, body) = app.get("/api/fiches/by-name").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        body["error"],
        "Route with ID '/api/fiches/by-name' not found"
    );
    let (status, body) = app.get("/api/audits/%ff").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::BAD_REQUEST, &"VALIDATION_ERROR".into())
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_door_says_how_it_is() {
    let app = App::start().await;
    let (status, health) = answer(app.anonymous(Method::GET, "/health")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&health["status"], &health["service"], &health["instance"]),
        (&"ok".into(), &"vigie".into(), &"gateway-1".into())
    );
    let (status, ready) = answer(app.anonymous(Method::GET, "/ready")).await;
    assert_eq!(
        (status, &ready["ready"]),
        (StatusCode::OK, &true.into()),
        "{ready}"
    );
    let (_, jwks) = answer(app.anonymous(Method::GET, "/.well-known/jwks.json")).await;
    assert_eq!(
        (&jwks["keys"][0]["kty"], &jwks["keys"][0]["alg"]),
        (&"OKP".into(), &"EdDSA".into())
    );
    let (_, document) = answer(app.anonymous(Method::GET, "/api-docs.json")).await;
    assert_eq!(document["openapi"], "3.1.0");
    let page = app
        .anonymous(Method::GET, "/api-docs")
        .send()
        .await
        .unwrap();
    assert!(page.text().await.unwrap().contains("/api/audits/run"));
    app.stop().await.unwrap();
}
