//! Answers that several services give together.

use crate::support::{App, header};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_day_of_sales_takes_four_calls_however_many_there_are() {
    let app = App::start().await;
    let (status, body) = app.get("/api/fiches/search?date=2026-01-14").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["total"], 3);
    assert_eq!(body.get("success"), None);
    let known = &body["fiches"][0]["status"];
    assert_eq!(known["hasData"], true);
    assert_eq!(known["transcription"]["percentage"], 50);
    assert_eq!(known["audit"]["averageScore"], 82.5);
    assert_eq!(body["fiches"][1]["status"]["hasData"], false);
    assert_eq!(body["fiches"][0]["recordings"], json!([]));
    assert_eq!(app.world.script().calls.len(), 4);

    let (_, body) = app
        .get("/api/fiches/search?date=2026-01-14&includeStatus=false")
        .await;
    assert_eq!(body["fiches"][0].get("status"), None);
    assert_eq!(app.world.script().calls.len(), 5);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_rows_of_a_day_show_recordings_and_audits() {
    let app = App::start().await;
    let (status, body) = app.get("/api/fiches/status/by-date?date=2026-01-14").await;
    assert_eq!(status, StatusCode::OK);
    let row = &body["data"]["fiches"][0];
    assert_eq!(
        (&body["data"]["total"], &row["ficheId"]),
        (&json!(1), &json!("44"))
    );
    assert_eq!(row["recordings"][0]["hasTranscription"], true);
    assert_eq!(row["recordings"][1]["transcribedAt"], Value::Null);
    assert_eq!(row["transcription"]["transcribed"], 1);
    assert_eq!(row["audit"]["latestAudit"]["id"], "912");
    assert_eq!(row["audit"]["audits"][0]["scorePercentage"], "82.5");
    assert_eq!(app.world.script().calls.len(), 3);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_fiche_says_whence_it_is_and_what_was_spoken() {
    let app = App::start().await;
    let response = app
        .request(Method::GET, "/api/fiches/44")
        .send()
        .await
        .unwrap();
    assert_eq!(header(&response, "x-cache"), Some("stale"));
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["information"]["fiche_id"], "44");
    assert_eq!(
        body["recordings"][0]["transcription"],
        json!({"conversation": "Bonjour"})
    );
    assert_eq!(body["recordings"][1]["transcription"], Value::Null);

    // What the owner of fiches says comes before what others say.
    app.world.fail(
        "ListTranscripts",
        ErrorCode::Unavailable,
        "Service unavailable",
    );
    let (status, body) = app.get("/api/fiches/404").await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::NOT_FOUND, &"Fiche 404 not found".into())
    );
    let (status, _) = app.get("/api/fiches/44").await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn recordings_carry_their_transcripts() {
    let app = App::start().await;
    let (_, body) = app.get("/api/recordings/44").await;
    assert_eq!(body["count"], 2);
    assert_eq!(body["data"][0]["transcriptionText"], "Bonjour");
    assert_eq!(body["data"][1]["hasTranscription"], false);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn audits_are_run_and_read_in_the_contract_s_shapes() {
    let app = App::start().await;
    let run = json!({"fiche_id": 4_410_027, "audit_id": "21"});
    for path in ["/api/audits/run", "/api/audits"] {
        let (status, body) = app.post(path, &run).await;
        assert_eq!(status, StatusCode::OK);
        assert_eq!(
            body,
            json!({"success": true, "message": "Audit queued for processing", "event_id": "e",
                "audit_id": "audit-4410027-21-1", "fiche_id": "4410027", "audit_config_id": 21,
                "metadata": {"timestamp": "2026-01-05T09:20:00.000Z", "status": "queued"},
                "audit_db_id": "9031", "phase": "queued"})
        );
    }
    let (_, body) = app
        .post("/api/audits/run-latest", &json!({"fiche_id": "44"}))
        .await;
    assert_eq!(body["audit_config_name"], "Audit rapide");
    let (status, body) = app.post("/api/audits/run-latest", &json!({})).await;
    assert_eq!(
        (status, &body["message"]),
        (StatusCode::BAD_REQUEST, &"fiche_id is required".into())
    );

    let (_, body) = app.get("/api/audits/9031").await;
    assert_eq!(body["data"]["resultData"]["audit_db_id"], "9031");
    assert_eq!(body["data"]["stepResults"][0]["stepPosition"], 1);
    let (_, body) = app.get("/api/audits?limit=7&status=completed").await;
    assert_eq!(
        (&body["data"][0]["id"], &body["pagination"]["limit"]),
        (&json!("9031"), &json!(7))
    );
    let (_, body) = app.get("/api/audits/by-fiche/44").await;
    assert_eq!(body["count"], 1);
    let (_, body) = app.get("/api/audits/control-points/statuses").await;
    let statuses = json!({"statuses": ["PRESENT", "ABSENT", "PARTIEL", "NON_APPLICABLE"]});
    assert_eq!(body, json!({"success": true, "data": statuses}));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn transcriptions_start_with_a_known_priority() {
    let app = App::start().await;
    let (status, body) = app
        .post(
            "/api/transcriptions/44?priority=high&force=true",
            &json!({}),
        )
        .await;
    assert_eq!(
        (status, &body["state"]),
        (StatusCode::OK, &"started".into())
    );
    let (status, _) = app
        .post("/api/transcriptions/44?priority=urgent", &json!({}))
        .await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    let (status, _) = app.post("/api/transcriptions/x", &json!({})).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (_, body) = app.get("/api/transcriptions/44/status").await;
    assert_eq!(body["data"]["ficheId"], "44");
    let (_, body) = app.get("/api/transcriptions/44/recordings/c-81a").await;
    assert_eq!(body["data"]["call_id"], "c-81a");
    app.stop().await.unwrap();
}
