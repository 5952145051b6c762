//! What operators do to the cache and to copies of it.

use crate::support::{App, answer};
use reqwest::{Method, StatusCode};
use serde_json::json;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_batch_of_the_backfill_begins_where_it_is_told() {
    let app = App::start().await;
    let (status, body) = app.post("/api/fiches/backfill", &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"],
        json!({"lastId": "3", "looked": 3, "moved": 2, "unreadable": 1, "remaining": 9})
    );
    assert_eq!(
        app.world.asked("Backfill"),
        "BackfillRequest { after_id: 0, batch: 100, dry_run: false }"
    );
    let body = json!({"afterId": "77", "batch": 5, "dryRun": true});
    let (_, body) = app.post("/api/fiches/backfill", &body).await;
    assert_eq!(body["data"]["lastId"], "80");
    assert_eq!(
        app.world.asked("Backfill"),
        "BackfillRequest { after_id: 77, batch: 5, dry_run: true }"
    );
    let (status, _) = app
        .post("/api/fiches/backfill", &json!({"afterId": "last"}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    // The owner refuses what is no number, as it refuses 0.
    let body = json!({"batch": "many"});
    app.post("/api/fiches/backfill", &body).await;
    assert!(app.world.asked("Backfill").contains("batch: 0"));
    app.world
        .fail("Backfill", ErrorCode::Validation, "batch must be 1 to 500");
    let (status, body) = app.post("/api/fiches/backfill", &body).await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::BAD_REQUEST, &json!("VALIDATION_ERROR"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn rows_are_sealed_anew_from_where_it_is_told() {
    let app = App::start().await;
    let body = json!({"afterId": "77", "batch": 5, "dryRun": true});
    let (status, body) = app.post("/api/fiches/reseal", &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"],
        json!({"lastId": "80", "looked": 3, "resealed": 2, "unreadable": 1, "remaining": 9})
    );
    assert_eq!(
        app.world.asked("Reseal"),
        "ResealRequest { after_id: 77, batch: 5, dry_run: true }"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_row_is_shown_by_its_keys() {
    let app = App::start().await;
    let (status, body) = app.get("/api/fiches/44/inspect").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"],
        json!({"ficheId": "44", "state": "full", "version": 2, "mailDevisState": "unknown",
               "sections": ["information"], "document": [{"key": "mails", "kind": "list"}]})
    );
    let (status, body) = app.get("/api/fiches/45/inspect").await;
    assert_eq!(
        (status, &body["code"]),
        (StatusCode::NOT_FOUND, &json!("NOT_FOUND"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn it_is_shown_who_read_a_fiche() {
    let app = App::start().await;
    let token = app.world.token_for(&[("admin.users", Scope::All)], 600);
    let ask = async |path: &str| {
        let request = app.anonymous(Method::GET, path).bearer_auth(&token);
        answer(request).await
    };
    let (status, body) = ask("/api/fiches/44/accesses").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body,
        json!({"success": true, "nextCursor": "9", "data": [{"id": "9",
            "at": "2026-01-14T12:34:56.789Z", "what": "details", "reader": "user:7",
            "address": null, "requestId": "req-1"}]})
    );
    let asked = || app.world.asked("ListAccesses");
    assert!(asked().contains("limit: 20, cursor: None"));
    ask("/api/fiches/44/accesses?limit=5&cursor=9").await;
    assert!(asked().contains("limit: 5, cursor: Some(\"9\")"));
    let (status, _) = ask("/api/fiches/44/accesses?limit=x").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = app.get("/api/fiches/none/accesses").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_projection_is_rebuilt_batch_by_batch() {
    let app = App::start().await;
    let path = "/api/audits/projection/rebuild";
    let (status, body) = app.post(path, &json!({"after": "12", "batch": 7})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        body["data"],
        json!({"last": "44", "looked": 2, "written": 1, "remaining": 0})
    );
    assert_eq!(
        app.world.asked("RebuildProjection"),
        "RebuildProjectionRequest { after: \"12\", batch: 7 }"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn who_only_reads_maintains_nothing() {
    let app = App::start().await;
    let token = app.world.token_for(&[("recordings", Scope::All)], 600);
    for (method, path) in [
        (Method::POST, "/api/fiches/backfill"),
        (Method::POST, "/api/fiches/reseal"),
        (Method::GET, "/api/fiches/44/inspect"),
        (Method::GET, "/api/fiches/44/accesses"),
        (Method::POST, "/api/audits/projection/rebuild"),
    ] {
        let request = app.anonymous(method, path).bearer_auth(&token);
        let (status, body) = answer(request.json(&json!({}))).await;
        assert_eq!(
            (status, &body["code"]),
            (StatusCode::FORBIDDEN, &json!("AUTHORIZATION_ERROR")),
            "{path}"
        );
    }
    assert!(app.world.script().calls.is_empty());
    app.stop().await.unwrap();
}
