//! Reviews and re-runs (audits.md 6.12, 6.14): shapes, refusals, what is passed on.

use crate::support::{self, App};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_service::ErrorCode;

const STEP: &str = "/api/audits/9031/steps/3/review";
const POINT: &str = "/api/audits/9031/steps/3/control-points/2/review";

async fn patch(app: &App, path: &str, body: &Value) -> (StatusCode, Value) {
    support::answer(app.request(Method::PATCH, path).json(body)).await
}

#[tokio::test]
async fn a_step_review_answers_the_step() {
    let app = App::start().await;
    let body = json!({"conforme": "PARTIEL", "traite": false, "score": 4, "reason": "réécouté",
        "lockVersion": 3});
    let (status, answer) = patch(&app, STEP, &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["success"], true);
    assert_eq!(answer["data"]["stepPosition"], 3);
    assert_eq!(answer["data"]["conforme"], "PARTIEL");
    assert_eq!(answer["data"]["lockVersion"], 4);
    let asked = app.world.asked("ReviewStep");
    for part in [
        "traite: Some(false)",
        "score: Some(4)",
        "lock_version: Some(3)",
        "réécouté",
    ] {
        assert!(asked.contains(part), "{asked}");
    }
    let (status, answer) = support::answer(app.request(Method::DELETE, STEP)).await;
    assert_eq!(
        (status, &answer["data"]["lockVersion"]),
        (StatusCode::OK, &json!(5))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn a_point_review_answers_the_point() {
    let app = App::start().await;
    let body = json!({"statut": "PARTIEL"});
    let expected = json!({"auditId": "9031", "stepPosition": 3, "controlPointIndex": 2,
        "point": "Budget mensuel demandé", "statut": "PARTIEL",
        "commentaire": "Budget évoqué sans montant.", "verdict": "PARTIEL",
        "verdictSource": "human", "lockVersion": 3});
    let (status, answer) = patch(&app, POINT, &body).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer, json!({"success": true, "data": expected}));
    let (status, answer) = support::answer(app.request(Method::DELETE, POINT)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["data"], expected);
    app.stop().await.unwrap();
}

#[tokio::test]
async fn what_is_no_decision_is_refused_before_any_call() {
    let app = App::start().await;
    let step = "Invalid review audit step result input";
    let point = "Invalid review audit control point input";
    let long = "x".repeat(5001);
    let refusals = [
        (STEP, json!({}), step),
        (STEP, json!({"conforme": "OUI"}), step),
        (STEP, json!({"conforme": "PARTIEL", "score": -1}), step),
        (STEP, json!({"conforme": "PARTIEL", "traite": "non"}), step),
        (
            STEP,
            json!({"conforme": "PARTIEL", "niveauConformite": "TOP"}),
            step,
        ),
        (STEP, json!({"conforme": "PARTIEL", "reason": long}), step),
        (STEP, json!({"conforme": "PARTIEL", "reviewer": ""}), step),
        (POINT, json!({}), point),
        (POINT, json!({"statut": "UNVERIFIABLE"}), point),
        (POINT, json!({"commentaire": 3}), point),
        (
            "/api/audits/x/steps/3/review",
            json!({"conforme": "PARTIEL"}),
            "Invalid audit_id",
        ),
        (
            "/api/audits/9031/steps/0/review",
            json!({"conforme": "PARTIEL"}),
            "Invalid step_position",
        ),
        (
            "/api/audits/9031/steps/1/control-points/0/review",
            json!({"statut": "ABSENT"}),
            "Invalid control_point_index",
        ),
    ];
    for (path, body, message) in refusals {
        let (status, answer) = patch(&app, path, &body).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path} {body}");
        assert_eq!(
            (&answer["code"], &answer["error"]),
            (&Value::from("VALIDATION_ERROR"), &Value::from(message)),
            "{path} {body}"
        );
    }
    assert_eq!(
        app.world.count("ReviewStep") + app.world.count("ReviewControlPoint"),
        0
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn reruns_are_queued_and_conflicts_told() {
    let app = App::start().await;
    let path = "/api/audits/9031/steps/3/rerun";
    let body = json!({"customPrompt": "  ", "customInstructions": "relis la fin", "force": true});
    let (status, answer) = app.post(path, &body).await;
    assert_eq!(status, StatusCode::OK);
    let expected = json!({"success": true, "message": "Step re-run queued", "event_id": "e",
        "audit_id": "9031", "step_position": 3, "rerun_id": "rerun-9031-3-e"});
    assert_eq!(answer, expected);
    let asked = app.world.asked("RerunStep");
    assert!(
        asked.contains("relis la fin") && asked.contains("force: true"),
        "{asked}"
    );
    let long = json!({"customPrompt": "x".repeat(5001)});
    assert_eq!(app.post(path, &long).await.0, StatusCode::BAD_REQUEST);

    let (_, answer) = app
        .post(
            "/api/audits/9031/steps/3/control-points/2/rerun",
            &json!({}),
        )
        .await;
    let expected = json!({"success": true, "message": "Control point re-run queued",
        "event_id": "e", "audit_id": "9031", "step_position": 3, "control_point_index": 2,
        "rerun_id": "rerun-9031-3-e"});
    assert_eq!(answer, expected);

    let (_, answer) = app
        .post("/api/audits/9031/rerun-fallback", &json!({}))
        .await;
    assert_eq!(
        answer["reruns"][1],
        json!({"step_position": 5, "rerun_id": "rerun-9031-5-e", "event_id": "e"})
    );

    app.world.fail(
        "RerunStep",
        ErrorCode::Conflict,
        "A re-run of this step is in progress",
    );
    let (status, answer) = app.post(path, &json!({})).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::CONFLICT, &json!("CONFLICT"))
    );
    app.stop().await.unwrap();
}
