//! Ranges of days, their jobs and webhooks, in the contract's shapes.

use crate::services::fiche_jobs::JOB;
use crate::support::{App, answer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_identity::Scope;
use vigie_service::ErrorCode;

const RANGE: &str = "/api/fiches/status/by-date-range?startDate=2026-01-12&endDate=2026-01-14";

#[tokio::test]
async fn a_range_shows_what_is_known_and_what_is_fetched() {
    let app = App::start().await;
    let (status, body) = app.get(RANGE).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["success"], true);
    assert_eq!(
        (&body["startDate"], &body["total"]),
        (&json!("2026-01-12"), &json!(2))
    );
    assert_eq!(body["fiches"][0]["ficheId"], "44");
    assert_eq!(body["fiches"][0]["audit"]["latestAudit"]["id"], "912");
    assert_eq!(
        body["meta"],
        json!({"complete": false, "partial": true, "backgroundJobId": JOB,
            "totalDaysRequested": 3, "daysFetched": 1, "daysRemaining": 2, "daysCached": 1,
            "cacheCoverage": {"datesWithData": ["2026-01-14"],
                "datesMissing": ["2026-01-12", "2026-01-13"]},
            "visibility": {"scope": "ALL", "visible": 2, "awaitingDetails": 0}})
    );
    // The range, and what two others know of its fiches.
    assert_eq!(app.world.script().calls.len(), 3);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_secret_may_come_by_query_header_or_body() {
    let app = App::start().await;
    let hook = "webhookUrl=https%3A%2F%2Fhooks.example.test%2F";
    let asked = || app.world.script().range.clone().unwrap();
    app.get(&format!("{RANGE}&{hook}&webhookSecret=q&limit=7&cursor=c"))
        .await;
    let request = asked();
    assert_eq!(
        request.webhook_url.as_deref(),
        Some("https://hooks.example.test/")
    );
    assert_eq!(request.webhook_secret.as_deref(), Some("q"));
    assert_eq!(
        (request.limit, request.cursor.as_deref()),
        (Some(7), Some("c"))
    );
    let with_header = app
        .request(Method::GET, &format!("{RANGE}&{hook}&webhookSecret=q"))
        .header("x-webhook-secret", "h");
    answer(with_header).await;
    assert_eq!(asked().webhook_secret.as_deref(), Some("h"));
    let body = json!({"startDate": "2026-01-12", "endDate": "2026-01-14", "refresh": true,
        "webhookUrl": "https://hooks.example.test/", "webhookSecret": "b", "limit": 3});
    let (status, _) = app.post("/api/fiches/status/by-date-range", &body).await;
    assert_eq!(status, StatusCode::OK);
    let request = asked();
    assert_eq!(
        (request.webhook_secret.as_deref(), request.limit),
        (Some("b"), Some(3))
    );
    assert!(request.refresh);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_missing_comes_before_what_is_not_allowed() {
    let app = App::start().await;
    let reader = app.world.token_for(&[("audits", Scope::All)], 600);
    let get = |path: &str, token: &str| {
        let request = app
            .anonymous(Method::GET, path)
            .bearer_auth(token.to_owned());
        async move {
            let (status, body) = answer(request).await;
            (status, body["error"].clone())
        }
    };
    let path = "/api/fiches/status/by-date-range";
    let all = app.world.token();
    let missing = "Missing or invalid startDate parameter (YYYY-MM-DD required)";
    assert_eq!(
        get(path, &all).await,
        (StatusCode::BAD_REQUEST, json!(missing))
    );
    let missing = "Missing or invalid endDate parameter (YYYY-MM-DD required)";
    let half = format!("{path}?startDate=2026-01-12&refresh=true");
    assert_eq!(
        get(&half, &all).await,
        (StatusCode::BAD_REQUEST, json!(missing))
    );
    let refused = (StatusCode::FORBIDDEN, json!("Missing permission"));
    for path in [
        RANGE,
        "/api/fiches/jobs",
        "/api/fiches/webhooks/fiches?jobId=x",
    ] {
        assert_eq!(get(path, &reader).await, refused, "{path}");
    }
    let bad = format!("{RANGE}&limit=many");
    assert_eq!(get(&bad, &all).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(app.world.count("ListByDateRange"), 0);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn jobs_are_shown_polled_and_listed() {
    let app = App::start().await;
    let (_, body) = app.get(&format!("/api/fiches/jobs/{JOB}")).await;
    let job = &body["job"];
    assert_eq!(
        (&body["success"], &job["progress"]),
        (&json!(true), &json!(67))
    );
    assert_eq!(
        job["datesAlreadyFetched"],
        json!(["2026-01-12", "2026-01-14"])
    );
    assert_eq!(
        (&job["error"], &job["completedAt"]),
        (&Value::Null, &Value::Null)
    );
    assert_eq!(job["sequence"], 3);
    assert_eq!(
        job["webhookDeliveries"],
        json!([{"id": "d", "event": "progress", "status": "sent", "statusCode": 200, "attempt": 1,
            "sentAt": null, "createdAt": "2026-01-14T12:35:30.500Z"}])
    );
    let (status, body) = app.get("/api/fiches/jobs/none").await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::NOT_FOUND, &json!("Job not found"))
    );

    let (_, body) = app
        .get(&format!("/api/fiches/webhooks/fiches?jobId={JOB}"))
        .await;
    assert_eq!(
        body,
        json!({"success": true, "jobId": JOB, "event": "progress",
            "timestamp": "2026-01-14T12:34:56.789Z",
            "data": {"status": "processing", "progress": 67, "completedDays": 2, "totalDays": 3,
                "totalFiches": 1, "currentFichesCount": 1,
                "datesCompleted": ["2026-01-12", "2026-01-14"], "datesRemaining": ["2026-01-13"],
                "datesFailed": [], "error": null,
                "partialData": [{"ficheId": "2104417", "groupe": null, "prospectNom": "MARTEL",
                    "prospectPrenom": null, "recordingsCount": 2,
                    "createdAt": "2026-01-14T09:10:00.000Z"}]}})
    );
    let (status, body) = app.get("/api/fiches/webhooks/fiches?jobId=none").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(
        (&body["error"], &body["jobId"], &body["code"]),
        (
            &json!("Notification not found"),
            &json!("none"),
            &json!("NOT_FOUND")
        )
    );
    let (status, body) = app.get("/api/fiches/webhooks/fiches").await;
    assert_eq!(
        (status, &body["error"]),
        (StatusCode::BAD_REQUEST, &json!("Missing jobId parameter"))
    );
    let (_, body) = app.get("/api/fiches/jobs?status=failed&limit=7").await;
    assert_eq!(
        (&body["total"], &body["jobs"][0]["webhookDeliveriesCount"]),
        (&json!(1), &json!(2))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn webhooks_are_logged_and_sent_again() {
    let app = App::start().await;
    let log = format!("/api/fiches/jobs/{JOB}/webhooks");
    let (_, body) = app.get(&log).await;
    assert_eq!(
        body,
        json!({"success": true, "data": [{"id": "d", "event": "complete", "status": "sent",
            "sequence": 4, "attempts": [{"attempt": 1, "at": "2026-01-14T12:35:31.000Z",
                "statusCode": 200, "latencyMs": 12, "error": null}],
            "nextRetryAt": null, "createdAt": "2026-01-14T12:35:30.500Z"}], "nextCursor": "c"})
    );
    let (status, body) = app.post(&format!("{log}/d/redeliver"), &json!({})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(body["data"], json!({"id": "d", "status": "pending"}));
    app.world.fail(
        "Redeliver",
        ErrorCode::Conflict,
        "The webhook's destination is disabled",
    );
    let (status, _) = app.post(&format!("{log}/d/redeliver"), &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);

    let (_, body) = app.get("/api/fiches/webhooks/destinations").await;
    assert_eq!(body["data"][0]["url"], "https://hooks.example.test/");
    let enable = "/api/fiches/webhooks/destinations/enable";
    let (_, body) = app
        .post(enable, &json!({"url": "https://hooks.example.test/"}))
        .await;
    assert_eq!(body["data"]["enabled"], true);
    let (status, _) = app.post(enable, &json!({"url": 7})).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn whoever_made_a_job_may_hear_it() {
    let app = App::start().await;
    let ticket = async |channel: &str, grants: &[(&str, Scope)]| {
        let token = app.world.token_for(grants, 600);
        let request = app
            .anonymous(Method::POST, "/api/realtime/tickets")
            .bearer_auth(token)
            .json(&json!({"channels": [channel]}));
        answer(request).await.0
    };
    let own = [("fiches", Scope::Own), ("realtime", Scope::Own)];
    assert_eq!(
        ticket(&format!("job-{JOB}"), &own).await,
        StatusCode::CREATED
    );
    assert_eq!(ticket("job-of-others", &own).await, StatusCode::FORBIDDEN);
    let without = [("audits", Scope::Own), ("realtime", Scope::Own)];
    assert_eq!(
        ticket(&format!("job-{JOB}"), &without).await,
        StatusCode::FORBIDDEN
    );
    app.stop().await.unwrap();
}
