//! What happened to an audit, what it waits for, one of its control points.

use super::{cancel, complete, operations, update};
use crate::callers::{by, user, wire};
use crate::facts::{analyzed, proven};
use std::collections::HashMap;
use std::collections::HashSet;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn the_story_of_an_audit_is_told_in_order() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    complete(&world, id, &config).await;
    let other = world.analyzing("45", &config).await;
    let logs = async |request| {
        let request = by(user(Scope::All, false), request);
        rpc.list_audit_logs(request)
            .await
            .map(|answer| answer.into_inner().logs)
    };
    let wanted = || pb::ListAuditLogsRequest {
        audit_id: id.to_string(),
        limit: 1000,
        ..pb::ListAuditLogsRequest::default()
    };
    let all = logs(wanted()).await.unwrap();
    assert_eq!(all.last().unwrap().step_name.as_deref(), Some("completed"));
    let asked: serde_json::Value = serde_json::from_str(&all[0].data_json).unwrap();
    assert_eq!(all[0].message, "Audit asked for");
    assert_eq!(asked["source"], "api");
    let stored = all
        .iter()
        .filter(|line| line.message == "Step result stored");
    assert_eq!(stored.count(), config.steps.len());
    let trace = Some(id.to_string());
    assert!(all.iter().all(|line| line.trace_id == trace && other != id));
    assert!(all.is_sorted_by_key(|line| &line.created_at));
    let ids: HashSet<&str> = all.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ids.len(), all.len());
    let attempt = |attempt: &str| pb::ListAuditLogsRequest {
        attempt: Some(attempt.to_owned()),
        ..wanted()
    };
    let first = logs(attempt("1")).await.unwrap();
    let told: Vec<_> = first.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(told, [vec!["Steps sent"], vec!["Model asked"; 6]].concat());
    assert!(logs(attempt("2")).await.unwrap().is_empty());
    let third = Some("step-3".to_owned());
    let third = pb::ListAuditLogsRequest {
        step: third,
        ..attempt("1")
    };
    let call = &logs(third).await.unwrap()[0];
    let data: serde_json::Value = serde_json::from_str(&call.data_json).unwrap();
    assert_eq!(
        (&data["position"], &data["purpose"]),
        (&3.into(), &"step".into())
    );
    let level = Some("error".to_owned());
    let errors = logs(pb::ListAuditLogsRequest { level, ..wanted() }).await;
    assert!(errors.unwrap().is_empty());
    let step = Some("completed".to_owned());
    let step = logs(pb::ListAuditLogsRequest { step, ..wanted() }).await;
    assert_eq!(step.unwrap().len(), 1);
    let until = Some("2020-01-01T00:00:00Z".to_owned());
    let none = logs(pb::ListAuditLogsRequest { until, ..wanted() }).await;
    assert!(none.unwrap().is_empty());
    let rest = pb::ListAuditLogsRequest {
        offset: 1,
        ..wanted()
    };
    assert_eq!(logs(rest).await.unwrap().len(), all.len() - 1);
    let since = Some("hier".to_owned());
    let bad = logs(pb::ListAuditLogsRequest { since, ..wanted() }).await;
    let (code, message) = wire(&bad.unwrap_err());
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(message, "Invalid since (expected ISO 8601 date-time)");
}

#[tokio::test]
async fn who_changed_and_who_cancelled_is_told() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.queued("44", &config).await;
    let body = r#"{"notes": "à revoir", "deleted": false}"#;
    update(&rpc, id, Scope::All, body).await.unwrap();
    update(&rpc, id, Scope::All, r#"{"unknown": 1}"#)
        .await
        .unwrap();
    cancel(&rpc, id).await.unwrap();
    let request = pb::ListAuditLogsRequest {
        audit_id: id.to_string(),
        limit: 10,
        ..pb::ListAuditLogsRequest::default()
    };
    let request = by(user(Scope::All, false), request);
    let logs = rpc.list_audit_logs(request).await.unwrap();
    let logs = logs.into_inner().logs;
    let told: Vec<_> = logs.iter().map(|line| line.message.as_str()).collect();
    assert_eq!(
        told,
        [
            "Audit asked for",
            "Restored",
            "Cancelled",
            "Audit cancelled"
        ]
    );
    let data: serde_json::Value = serde_json::from_str(&logs[1].data_json).unwrap();
    assert_eq!(data["fields"], serde_json::json!(["notes", "deleted"]));
    let author = data["by_user_id"].clone();
    let data: serde_json::Value = serde_json::from_str(&logs[2].data_json).unwrap();
    assert!(author.is_string() && data["by_user_id"] == author);
}

#[tokio::test]
async fn a_step_that_fell_back_says_which_attempt_it_was() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let mut lost = analyzed(&audit, 2, Err("model away"));
    lost.attempt = 3;
    world.record(vec![lost]).await;
    let request = pb::ListAuditLogsRequest {
        audit_id: id.to_string(),
        level: Some("warning".to_owned()),
        attempt: Some("3".to_owned()),
        limit: 10,
        ..pb::ListAuditLogsRequest::default()
    };
    let request = by(user(Scope::All, false), request);
    let logs = rpc
        .list_audit_logs(request)
        .await
        .unwrap()
        .into_inner()
        .logs;
    let fell = logs.iter().find(|line| line.message == "Step fell back");
    let fell = fell.unwrap();
    assert_eq!(fell.step_name.as_deref(), Some("step-2"));
    assert!(fell.data_json.contains("model away"), "{}", fell.data_json);
}

#[tokio::test]
async fn a_control_point_is_found_by_its_place() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    complete(&world, id, &config).await;
    let point = async |step: &str, index: &str| {
        let request = pb::GetControlPointRequest {
            audit_id: id.to_string(),
            step_position: step.to_owned(),
            control_point_index: index.to_owned(),
        };
        let answer = rpc
            .get_control_point(by(user(Scope::All, false), request))
            .await;
        answer.map(|answer| answer.into_inner().point.unwrap())
    };
    let found = point("1", "1").await.unwrap();
    assert_eq!(found.point, config.steps[0].control_points[0]);
    assert_eq!(found.statut, "PRESENT");
    assert_eq!(
        (found.verdict.as_str(), found.verdict_source.as_str()),
        ("PRESENT", "ai")
    );
    let (code, message) = wire(&point("1", "99").await.unwrap_err());
    assert_eq!(code, ErrorCode::NotFound);
    assert_eq!(
        message,
        format!("Audit control point with ID '{id}:1:99' not found")
    );
    for (step, index, expected) in [
        ("0", "1", "Invalid step_position"),
        ("x", "1", "Invalid step_position"),
        ("1", "+1", "Invalid control_point_index"),
    ] {
        let (code, message) = wire(&point(step, index).await.unwrap_err());
        assert_eq!((code, message.as_str()), (ErrorCode::Validation, expected));
    }
}

#[tokio::test]
async fn what_is_stuck_says_what_it_waits_for() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    world.project("1", Some("Equipe Ouest"), None).await;
    world.queued("1", &config).await;
    world.fetching("2", &config).await;
    let analyzing = world.analyzing("3", &config).await;
    let audit = world.audit(analyzing).await;
    let step = &config.steps[0];
    world
        .record(vec![analyzed(&audit, step.position, Ok(proven(step, 5)))])
        .await;
    let stuck = async |scope| {
        let request = by(user(scope, false), pb::ListStuckRequest { limit: 10 });
        rpc.list_stuck(request).await.unwrap().into_inner().audits
    };
    let all = stuck(Scope::All).await;
    let by_phase: HashMap<_, _> = all.iter().map(|row| (row.phase.as_str(), row)).collect();
    assert_eq!(
        by_phase["fetching"].waits_for,
        "fiche/fetched from fiche-cache"
    );
    assert_eq!(by_phase["analyzing"].missing_steps, [2, 3, 4, 5, 6]);
    assert_eq!(by_phase["analyzing"].trouble, None);
    world
        .execute(
            r#"INSERT INTO workflow_logs (workflow, level, trace_id, step_name, message, data)
               SELECT 'audit', 'warning', id::text, 'step-2', 'Step deferred', '{"error": "503"}'
                 FROM audits WHERE phase = 'analyzing'"#,
        )
        .await;
    let told = stuck(Scope::All).await;
    let told = told.into_iter().find_map(|row| row.trouble);
    assert_eq!(told.as_deref(), Some("step-2: Step deferred (503)"));
    assert_eq!(all.len(), 3);
    assert_eq!(stuck(Scope::Group).await.len(), 1);
}
