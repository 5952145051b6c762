//! Batches of audits (audits.md 6.7): shapes, refusals, who may hear one.

use crate::support::App;
use reqwest::StatusCode;
use serde_json::json;
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_batch_is_queued_as_asked() {
    let app = App::start().await;
    let body = json!({"fiche_ids": ["44", "45"], "audit_config_id": 21, "use_rlm": true});
    let (status, answer) = app.post("/api/audits/batch", &body).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"success": true, "message": "Batch audit queued for 2 fiches",
        "fiche_ids": ["44", "45"], "audit_config_id": 21, "batch_id": "batch-1767604800000-2",
        "event_ids": ["batch-1767604800000-2"]});
    assert_eq!(answer, expected);
    let asked = app.world.asked("StartAuditBatch");
    assert!(asked.contains("audit_config_id: Some(\"21\")"), "{asked}");
    assert!(asked.contains("use_rlm: true"), "{asked}");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_before_any_call() {
    let app = App::start().await;
    for (body, field) in [
        (json!({}), "fiche_ids"),
        (json!({"fiche_ids": []}), "fiche_ids"),
        (json!({"fiche_ids": ["44", 45]}), "fiche_ids"),
        (
            json!({"fiche_ids": ["44"], "audit_config_id": -1}),
            "audit_config_id",
        ),
    ] {
        let (status, answer) = app.post("/api/audits/batch", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert_eq!(answer["error"], "Invalid batch audit input");
        assert_eq!(answer["code"], "VALIDATION_ERROR");
        assert_eq!(answer["details"][0]["path"], field);
    }
    assert_eq!(app.world.count("StartAuditBatch"), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn refusals_of_the_owner_are_passed_on() {
    let app = App::start().await;
    let body = json!({"fiche_ids": ["44"]});
    for (code, text, expected) in [
        (
            ErrorCode::Authorization,
            "Forbidden",
            (StatusCode::FORBIDDEN, "AUTHORIZATION_ERROR"),
        ),
        (
            ErrorCode::NotFound,
            "Audit config with ID '9' not found",
            (StatusCode::NOT_FOUND, "NOT_FOUND"),
        ),
        (
            ErrorCode::Validation,
            "Invalid batch audit input",
            (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"),
        ),
    ] {
        app.world.fail("StartAuditBatch", code, text);
        let (status, answer) = app.post("/api/audits/batch", &body).await;
        assert_eq!((status, &answer["code"]), (expected.0, &json!(expected.1)));
        assert_eq!(answer["error"], text);
    }
    let text = "Batch is already completed";
    app.world
        .fail("CancelAuditBatch", ErrorCode::Conflict, text);
    let (status, answer) = app.post("/api/audits/batches/b-7/cancel", &json!({})).await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::CONFLICT, &json!(text))
    );
    app.world
        .fail("GetAuditBatch", ErrorCode::NotFound, "Batch not found");
    let (status, answer) = app.get("/api/audits/batches/b-7").await;
    assert_eq!(
        (status, &answer["error"]),
        (StatusCode::NOT_FOUND, &json!("Batch not found"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_shows_how_far_it_is() {
    let app = App::start().await;
    let (status, body) = app.get("/api/audits/batches/b-7").await;
    assert_eq!(status, StatusCode::OK);
    let mut expected = json!({"batch_id": "b-7", "status": "running", "sequence": 3, "total": 2,
        "completed": 1, "succeeded": 1, "failed": 0, "audit_config_id": 21,
        "started_at": "2031-04-02T07:14:02.118Z", "completed_at": null,
        "items": [{"fiche_id": "44", "tracking_id": "batch-b-audit-44-21", "audit_id": "9031",
            "status": "completed", "error": null}]});
    assert_eq!(body["data"], expected);
    let (status, body) = app.post("/api/audits/batches/b-7/cancel", &json!({})).await;
    expected["status"] = json!("cancelled");
    assert_eq!((status, &body["data"]), (StatusCode::OK, &expected));
    app.stop().await.unwrap();
}
