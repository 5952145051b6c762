//! Groups, changes and logs of audits, and configurations (audits.md 6, 7): shapes, refusals, what is
//! passed on.

use crate::support::{App, answer};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use vigie_service::ErrorCode;

async fn send(app: &App, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
    answer(app.request(method, path).json(body)).await
}

#[tokio::test]
async fn groups_without_a_key_say_so() {
    let app = App::start().await;
    let (status, body) = app.get("/api/audits/grouped?group_by=automation_run").await;
    assert_eq!(status, StatusCode::OK);
    let [with_key, without] = [&body["data"][0], &body["data"][1]];
    assert_eq!(with_key["automationRun"]["id"], "7");
    assert_eq!(
        (&with_key["avgScore"], &with_key["count"]),
        (&json!(78.5), &json!(2))
    );
    assert_eq!(with_key["statusCounts"], json!({"completed": 2}));
    assert_eq!(without.get("key"), Some(&Value::Null));
    assert_eq!(without.get("automationRun"), Some(&Value::Null));
    assert!(without.get("fiche").is_none() && without.get("statusCounts").is_none());
    let meta = json!({"group_by": "automation_run", "bucket_size": 10, "truncated": false});
    assert_eq!(body["meta"], meta);
    let (_, body) = app.get("/api/audits/grouped?group_by=status").await;
    assert!(body["data"][1].get("automationRun").is_none());
    let (status, body) = app.get("/api/audits/grouped-by-fiches").await;
    assert_eq!(status, StatusCode::OK);
    let fiche = &body["data"][0];
    assert_eq!(
        (&fiche["fiche"]["ficheId"], &fiche["summary"]["totalAudits"]),
        (&json!("44"), &json!(0))
    );
    assert!(fiche["audits"][0].get("ficheCache").is_none());
    app.stop().await.unwrap();
}

#[tokio::test]
async fn changes_travel_as_they_were_sent() {
    let app = App::start().await;
    let body = json!({"notes": null, "deleted": false});
    let (status, answer) = send(&app, Method::PATCH, "/api/audits/9031", &body).await;
    assert_eq!(status, StatusCode::OK);
    let sent: Value = serde_json::from_str(answer["data"]["notes"].as_str().unwrap()).unwrap();
    assert_eq!(sent, body);
    assert!(answer["data"]["stepResults"].is_array());
    let (_, answer) = send(&app, Method::DELETE, "/api/audits/9031", &json!({})).await;
    assert_eq!(answer["data"]["notes"], r#"{"deleted":true}"#);
    let (status, answer) = app.post("/api/audits/9031/cancel", &json!({})).await;
    assert_eq!(
        (status, &answer["data"]["id"]),
        (StatusCode::OK, &json!("9031"))
    );
    for (method, path) in [
        (Method::PATCH, "/api/audits/x"),
        (Method::DELETE, "/api/audits/0"),
        (Method::POST, "/api/audits/x/cancel"),
        (Method::GET, "/api/audits/x/logs"),
        (Method::GET, "/api/audits/x/steps/1/control-points/1"),
    ] {
        let (status, answer) = send(&app, method, path, &json!({})).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
        assert_eq!(answer["error"], "Invalid audit_id");
    }
    app.world.fail(
        "CancelAudit",
        ErrorCode::Conflict,
        "Audit is already completed",
    );
    let (status, answer) = app.post("/api/audits/9031/cancel", &json!({})).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::CONFLICT, &json!("CONFLICT"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn the_story_of_an_audit_has_its_bounds() {
    let app = App::start().await;
    let (status, body) = app
        .get("/api/audits/9031/logs?limit=9999&offset=-2&step=begin")
        .await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&body["limit"], &body["offset"], &body["count"]),
        (&json!(1000), &json!(0), &json!(1))
    );
    assert_eq!(body["data"][0]["data"], json!({"attempt": 1}));
    assert_eq!(body["data"][0]["traceId"], "9031");
    assert!(app.world.asked("ListAuditLogs").contains("begin"));
    let (_, body) = app.get("/api/audits/9031/logs").await;
    assert_eq!(body["limit"], 200);
    let (_, body) = app.get("/api/audits/9031/steps/3/control-points/2").await;
    let point = json!({"auditId": "9031", "stepPosition": 3, "controlPointIndex": 2,
        "point": "Budget", "statut": "PARTIEL", "commentaire": "",
        "verdict": "UNVERIFIABLE", "verdictSource": "ai"});
    assert_eq!(body, json!({"success": true, "data": point}));
    let (_, body) = app.get("/api/audits/stuck").await;
    assert_eq!(
        (&body["count"], &body["data"][0]["audit_id"]),
        (&json!(1), &json!("9"))
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn schedules_and_runs_have_their_names_where_automation_is_there() {
    let app = App::start().await;
    let path = "/api/audits/grouped?group_by=automation_run";
    let (_, body) = app.get(path).await;
    let run = json!({"id": "7", "status": "completed", "startedAt": "2026-01-05T01:00:00.000Z",
        "completedAt": null, "scheduleId": "3"});
    assert_eq!(body["data"][0]["automationRun"], run);
    let asked = |app: &App| {
        let script = app.world.script();
        let calls = script.calls.iter();
        calls.filter(|call| call.rpc == "DescribeLinks").count()
    };
    assert_eq!(asked(&app), 1);
    // Nothing is linked: nobody is asked.
    app.get("/api/audits/9031").await;
    assert_eq!(asked(&app), 1);
    app.world
        .fail("DescribeLinks", ErrorCode::Unavailable, "away");
    let (status, body) = app.get(path).await;
    assert_eq!(status, StatusCode::OK);
    let run = &body["data"][0]["automationRun"];
    assert_eq!((&run["id"], &run["status"]), (&json!("7"), &Value::Null));
    app.stop().await.unwrap();
}

#[tokio::test]
async fn changed_weights_are_tried_before_they_are_applied() {
    let app = App::start().await;
    let path = "/api/audits/rescore";
    let (status, body) = app.post(path, &json!({"auditConfigId": "21"})).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(
        (&body["data"]["lastId"], &body["data"]["moved"]),
        (&json!("9031"), &json!(1))
    );
    let moved = json!({"auditId": "9031", "ficheId": "44", "scoreBefore": 74.5, "scoreAfter": 80.0,
        "niveauBefore": "ACCEPTABLE", "niveauAfter": "BON", "compliantBefore": true,
        "compliantAfter": true});
    assert_eq!(body["data"]["moves"], json!([moved]));
    let asked = app.world.asked("RescoreAudits");
    assert!(
        asked.contains("batch: 100, apply: false, revision: 0"),
        "{asked}"
    );
    let body = json!({"auditConfigId": 21, "afterId": "9031", "batch": "many", "apply": true,
        "revision": 4});
    app.post(path, &body).await;
    let asked = app.world.asked("RescoreAudits");
    assert!(
        asked.contains(
            "audit_config_id: \"21\", after_id: \"9031\", batch: -1, apply: true, revision: 4"
        ),
        "{asked}"
    );
    app.stop().await.unwrap();
}

#[tokio::test]
async fn configurations_have_the_shapes_of_the_contract() {
    let app = App::start().await;
    let at = "/api/audit-configs";
    let (_, body) = app.get(&format!("{at}?include_steps=true")).await;
    assert_eq!(
        (&body["count"], &body["data"][0]["name"]),
        (&json!(1), &json!("Essai"))
    );
    assert!(body["data"][0]["steps"].is_array() && body["data"][0].get("stats").is_none());
    let (_, body) = app
        .get(&format!("{at}?include_stats=true&include_steps=true"))
        .await;
    assert_eq!(body["data"][0]["totalAudits"], 3);
    let (_, body) = app.get(at).await;
    assert_eq!(body["count"], 0);
    let (_, body) = app.get(&format!("{at}/7?include_stats=true")).await;
    assert_eq!(
        (&body["data"]["id"], &body["data"]["stats"]["totalAudits"]),
        (&json!("7"), &json!(3))
    );
    let (status, body) = app.post(at, &json!({"name": "a"})).await;
    assert_eq!(status, StatusCode::CREATED);
    assert_eq!(body["data"], json!({"id": "9", "name": r#"{"name":"a"}"#}));
    let (status, body) = app.post(&format!("{at}/7/steps"), &json!({})).await;
    assert_eq!(
        (status, &body["data"]["id"]),
        (StatusCode::CREATED, &json!("70"))
    );
    let steps = [
        (
            Method::PUT,
            "/7",
            json!({"id": "7", "name": "Essai", "stepsCount": 6}),
        ),
        (
            Method::GET,
            "/7/validate",
            json!({"valid": false, "errors": ["Audit config is inactive"]}),
        ),
    ];
    for (method, path, expected) in steps {
        let (status, body) = send(&app, method, &format!("{at}{path}"), &json!({})).await;
        assert_eq!(
            (status, &body["data"]),
            (StatusCode::OK, &expected),
            "{path}"
        );
    }
    let done = [
        (Method::DELETE, "/7", "Audit config deleted"),
        (Method::DELETE, "/steps/5", "Step deleted"),
        (
            Method::PUT,
            "/7/steps/reorder",
            "Steps reordered successfully",
        ),
    ];
    for (method, path, message) in done {
        let (status, body) = send(&app, method, &format!("{at}{path}"), &json!({})).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        assert_eq!(body, json!({"success": true, "message": message}));
    }
    let (_, body) = send(&app, Method::PUT, &format!("{at}/steps/5"), &json!({})).await;
    assert_eq!(body["data"]["id"], "5");
    let (_, body) = app.get(&format!("{at}/7/stats")).await;
    assert_eq!(body["data"]["totalAudits"], 3);
    app.world
        .fail("DeleteConfig", ErrorCode::Conflict, "in use");
    let (status, _) = send(&app, Method::DELETE, &format!("{at}/7"), &json!({})).await;
    assert_eq!(status, StatusCode::CONFLICT);
    app.stop().await.unwrap();
}
