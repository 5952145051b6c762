//! `/api/transcriptions/*` (automation-and-transcription.md A10): shapes, refusals, what is passed on.

use crate::support::App;
use reqwest::StatusCode;
use serde_json::{Value, json};
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_batch_answers_for_each_fiche() {
    let app = App::start().await;
    let body = json!({"fiche_ids": ["4410027", "4410031"], "priority": "high"});
    let (status, body) = app.post("/api/transcriptions/batch", &body).await;
    assert_eq!(status, StatusCode::OK);
    let result = |fiche: &str| {
        json!({"fiche_id": fiche, "event_id": format!("transcribe-{fiche}-7"),
            "run_id": format!("run-{fiche}"), "state": "high"})
    };
    let expected = json!({
        "success": true, "message": "2 transcription jobs queued", "batch_id": "b",
        "fiche_ids": ["4410027", "4410031"],
        "event_ids": ["transcribe-4410027-7", "transcribe-4410031-7"],
        "results": [result("4410027"), result("4410031")],
    });
    assert_eq!(body, expected);
    let body = json!({"fiche_ids": ["44"]});
    let (_, body) = app.post("/api/transcriptions/batch", &body).await;
    assert_eq!(body["results"][0]["state"], "normal");
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_that_is_none_is_refused_before_any_call() {
    let app = App::start().await;
    let required = "Invalid request - fiche_ids array required";
    let digits = "Invalid request - fiche_ids must be digits";
    let refusals = [
        (json!({}), required, "fiche_ids"),
        (json!({"fiche_ids": "44"}), required, "fiche_ids"),
        (json!({"fiche_ids": null}), required, "fiche_ids"),
        (json!({"fiche_ids": ["44", "x"]}), digits, "fiche_ids.1"),
        (json!({"fiche_ids": [44]}), digits, "fiche_ids.0"),
        (
            json!({"fiche_ids": ["44"], "priority": "urgent"}),
            "Invalid priority",
            "priority",
        ),
        (
            json!({"fiche_ids": ["44"], "priority": 3}),
            "Invalid priority",
            "priority",
        ),
    ];
    for (body, message, path) in refusals {
        let (status, answer) = app.post("/api/transcriptions/batch", &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        let told = (
            &answer["code"],
            &answer["error"],
            &answer["details"][0]["path"],
        );
        let expected: [Value; 3] = ["VALIDATION_ERROR", message, path].map(Into::into);
        assert_eq!(told, (&expected[0], &expected[1], &expected[2]), "{body}");
    }
    assert_eq!(app.world.count("StartBatch"), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_batch_shows_how_far_it_is() {
    let app = App::start().await;
    let (status, body) = app.get("/api/transcriptions/batches/b-7").await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"batch_id": "b-7", "operation_type": "transcription", "total": 2,
        "completed": 1, "failed": 0, "progress_percentage": 50, "sequence": 2, "created_at": "",
        "completed_at": null, "fiches": []});
    assert_eq!(body, json!({"success": true, "data": expected}));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn logs_are_the_lines_of_a_fiche() {
    let app = App::start().await;
    let (status, body) = app.get("/api/transcriptions/4410027/logs").await;
    assert_eq!(status, StatusCode::OK);
    let asked = json!({"level": null, "since": null, "until": null, "limit": 200, "offset": 0});
    let line = json!({"id": "90211", "workflow": "transcription", "level": "info",
        "entityType": "fiche", "entityId": "4410027", "traceId": null, "eventId": "e",
        "functionId": null, "stepName": "plan", "message": "plan ready", "data": asked,
        "createdAt": "2031-04-02T07:14:02.118Z"});
    let expected = json!({"success": true, "count": 1, "limit": 200, "offset": 0, "data": [line]});
    assert_eq!(body, expected);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn log_filters_are_passed_on_within_their_bounds() {
    let app = App::start().await;
    let shown = async |query: &str| {
        let (status, body) = app
            .get(&format!("/api/transcriptions/44/logs?{query}"))
            .await;
        assert_eq!(status, StatusCode::OK, "{query}");
        body
    };
    let body = shown("run_id=r1&trace_id=r2&level=error&since=2031-04-02T07:15:00Z").await;
    assert_eq!(body["trace_id"], "r1");
    assert_eq!(body["data"][0]["traceId"], "r1");
    assert_eq!(body["data"][0]["data"]["level"], "error");
    assert_eq!(body["data"][0]["data"]["since"], "2031-04-02T07:15:00Z");
    assert_eq!(shown("trace_id=r2").await["trace_id"], "r2");
    for (query, limit, offset) in [
        ("limit=0", 1, 0),
        ("limit=5000&offset=-3", 1000, 0),
        ("limit=99999999999&offset=7", 1000, 7),
        ("limit=many&offset=some", 200, 0),
    ] {
        let body = shown(query).await;
        assert_eq!(
            (&body["limit"], &body["offset"]),
            (&json!(limit), &json!(offset)),
            "{query}"
        );
        assert_eq!(body["data"][0]["data"]["limit"], limit, "{query}");
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn words_are_sent_when_they_are_asked_for() {
    let app = App::start().await;
    let path = "/api/transcriptions/44/recordings/c-81a";
    let words = async |query: &str| {
        let (_, body) = app.get(&format!("{path}{query}")).await;
        body["data"]["transcription"]["words"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(words("").await, 0);
    assert_eq!(words("?include_words=false").await, 0);
    assert_eq!(words("?include_words=true").await, 1);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_the_service_refuses_is_told_as_it_is() {
    let app = App::start().await;
    let reads = [
        ("GetStatus", "/api/transcriptions/44/status"),
        ("GetTranscript", "/api/transcriptions/44/recordings/a"),
        ("ListLogs", "/api/transcriptions/44/logs"),
        ("GetBatch", "/api/transcriptions/batches/b"),
    ];
    for (code, message) in [
        (ErrorCode::Authorization, "Forbidden"),
        (ErrorCode::NotFound, "Recording not found"),
        (ErrorCode::Unavailable, "Service unavailable"),
        (
            ErrorCode::Validation,
            "Invalid since (expected ISO 8601 date-time)",
        ),
    ] {
        for (rpc, path) in reads {
            app.world.fail(rpc, code, message);
            let (status, body) = app.get(path).await;
            assert_eq!(status, code.http_status(), "{path}");
            assert_eq!(
                (&body["code"], &body["error"]),
                (&code.wire().into(), &message.into())
            );
        }
        for (rpc, path) in [
            ("StartRun", "/api/transcriptions/44"),
            ("StartBatch", "/api/transcriptions/batch"),
        ] {
            app.world.fail(rpc, code, message);
            let (status, body) = app.post(path, &json!({"fiche_ids": ["44"]})).await;
            assert_eq!(status, code.http_status(), "{path}");
            assert_eq!(
                (&body["code"], &body["error"]),
                (&code.wire().into(), &message.into())
            );
        }
    }
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_fiche_is_digits() {
    let app = App::start().await;
    for path in ["x4/status", "4-4/logs", "x/recordings/a"] {
        let path = format!("/api/transcriptions/{path}");
        let (status, body) = app.get(&path).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
        let error = format!("Route with ID '{path}' not found");
        assert_eq!(
            (&body["code"], &body["error"]),
            (&"NOT_FOUND".into(), &error.into())
        );
    }
    app.stop().await.unwrap();
}
