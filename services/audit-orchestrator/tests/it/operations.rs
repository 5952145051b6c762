//! What is done with audits: groups, logs, changes, deletion, cancelling, control points.

use crate::callers::{by, user, wire};
use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::World;
use futures::future::join;
use std::collections::HashMap;
use tokio_util::task::TaskTracker;
use tonic::Status;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::rpc::operations::OperationsRpc;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_events::ids::AuditId;
use vigie_identity::Scope;
use vigie_scorecard::ConfigSnapshot;
use vigie_service::ErrorCode;

async fn operations() -> (World, OperationsRpc) {
    let world = World::new().await;
    let neighbours = serve(Script::default(), &TaskTracker::new()).await;
    let (db, workflow) = (world.db.clone(), world.workflow.clone());
    let state = AppState {
        db,
        workflow,
        neighbours,
    };
    (world, OperationsRpc::new(state))
}

async fn update(
    rpc: &OperationsRpc,
    id: AuditId,
    scope: Scope,
    body: &str,
) -> Result<pb::AuditRow, Status> {
    let request = pb::UpdateAuditRequest {
        audit_id: id.to_string(),
        body_json: body.to_owned(),
    };
    let answer = rpc.update_audit(by(user(scope, true), request)).await?;
    Ok(answer.into_inner().detail.unwrap().audit.unwrap())
}

async fn cancel(rpc: &OperationsRpc, id: AuditId) -> Result<pb::AuditRow, Status> {
    let request = pb::CancelAuditRequest {
        audit_id: id.to_string(),
    };
    let answer = rpc.cancel_audit(by(user(Scope::All, true), request)).await;
    Ok(answer?.into_inner().detail.unwrap().audit.unwrap())
}

async fn complete(world: &World, id: AuditId, config: &ConfigSnapshot) {
    let audit = world.audit(id).await;
    let facts = config.steps.iter();
    let facts = facts.map(|step| analyzed(&audit, step.position, Ok(proven(step, 5))));
    world.record(facts.collect()).await;
}

/// The version that lists show, if one.
async fn latest(world: &World) -> Vec<i64> {
    sqlx::query_scalar("SELECT id FROM audits WHERE is_latest AND deleted_at IS NULL ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_change_touches_what_was_sent() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.queued("44", &config).await;
    let body = r#"{"notes": "à revoir", "automation_run_id": "7", "unknown": 1}"#;
    let audit = update(&rpc, id, Scope::All, body).await.unwrap();
    assert_eq!(audit.notes.as_deref(), Some("à revoir"));
    assert_eq!(audit.automation_run_id.as_deref(), Some("7"));
    assert_eq!(audit.trigger_source.as_deref(), Some("api"));
    let body = r#"{"notes": null, "trigger_source": null}"#;
    let audit = update(&rpc, id, Scope::All, body).await.unwrap();
    assert_eq!((audit.notes, audit.trigger_source), (None, None));
    assert_eq!(audit.automation_run_id.as_deref(), Some("7"));
}

#[tokio::test]
async fn what_cannot_be_changed_is_refused() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    world.project("1", Some("Est"), None).await;
    let id = world.queued("1", &config).await;
    let refused = async |id, scope, body| wire(&update(&rpc, id, scope, body).await.unwrap_err());
    let (code, message) = refused(id, Scope::All, r#"{"deleted": 1}"#).await;
    assert_eq!(code, ErrorCode::Validation);
    assert_eq!(message, "Invalid update audit input");
    let (code, message) = refused(AuditId::new(999), Scope::All, "{}").await;
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::NotFound, "Audit not found")
    );
    let (code, message) = refused(id, Scope::Group, "{}").await;
    assert_eq!(
        (code, message.as_str()),
        (ErrorCode::Authorization, "Forbidden")
    );
    let request = pb::UpdateAuditRequest {
        audit_id: id.to_string(),
        body_json: "{}".to_owned(),
    };
    let reader = by(user(Scope::All, false), request);
    let refused = rpc.update_audit(reader).await.unwrap_err();
    assert_eq!(wire(&refused).0, ErrorCode::Authorization);
}

#[tokio::test]
async fn the_latest_flag_follows_deletions_and_restorings() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let first = world.analyzing("44", &config).await;
    complete(&world, first, &config).await;
    let second = world.queued("44", &config).await;
    assert_eq!(latest(&world).await, [second.get()]);
    let deleted = r#"{"deleted": true}"#;
    let restored = r#"{"deleted": false}"#;
    let audit = update(&rpc, second, Scope::All, deleted).await.unwrap();
    assert!(audit.deleted_at.is_some() && !audit.is_latest);
    assert_eq!(latest(&world).await, [first.get()]);
    // Twice is once.
    update(&rpc, second, Scope::All, deleted).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
    update(&rpc, first, Scope::All, deleted).await.unwrap();
    assert!(latest(&world).await.is_empty());
    let audit = update(&rpc, first, Scope::All, restored).await.unwrap();
    assert!(audit.deleted_at.is_none() && audit.is_latest);
    update(&rpc, second, Scope::All, restored).await.unwrap();
    assert_eq!(latest(&world).await, [second.get()]);
    // A failed version gives way to a completed one, deleted in between or not.
    cancel(&rpc, second).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
    update(&rpc, second, Scope::All, deleted).await.unwrap();
    update(&rpc, second, Scope::All, restored).await.unwrap();
    assert_eq!(latest(&world).await, [first.get()]);
}

#[tokio::test]
async fn an_audit_deleted_while_it_runs_ends_out_of_sight() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let body = r#"{"deleted": true}"#;
    let (deleted, ()) = join(
        update(&rpc, id, Scope::All, body),
        complete(&world, id, &config),
    )
    .await;
    deleted.unwrap();
    let row = world.listed(id).await;
    assert_eq!((row.phase.as_str(), row.is_latest), ("completed", false));
    assert!(row.deleted_at.is_some() && latest(&world).await.is_empty());
    assert_eq!(world.sent("audit/completed").await, 1);
}

#[tokio::test]
async fn a_new_audit_and_a_restoring_leave_one_latest() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    for _ in 0..4 {
        let old = world.queued("44", &config).await;
        update(&rpc, old, Scope::All, r#"{"deleted": true}"#)
            .await
            .unwrap();
        let restore = update(&rpc, old, Scope::All, r#"{"deleted": false}"#);
        let (restored, new) = join(restore, world.queued("44", &config)).await;
        restored.unwrap();
        assert_eq!(latest(&world).await, [new.get()]);
    }
}

#[tokio::test]
async fn two_audits_of_one_fiche_are_two_versions() {
    let (world, _rpc) = operations().await;
    let config = world.config(6).await;
    let (one, two) = join(world.queued("44", &config), world.queued("44", &config)).await;
    let newest = world
        .listed(one)
        .await
        .version
        .max(world.listed(two).await.version);
    assert_eq!(newest, 2);
    assert_eq!(latest(&world).await.len(), 1);
}

#[tokio::test]
async fn an_open_audit_is_cancelled_once_and_late_results_are_dropped() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    for phase in [Phase::Queued, Phase::Fetching, Phase::Analyzing] {
        let fiche = phase.as_str().len().to_string();
        let id = match phase {
            Phase::Queued => world.queued(&fiche, &config).await,
            Phase::Fetching => world.fetching(&fiche, &config).await,
            _ => world.analyzing(&fiche, &config).await,
        };
        let before = world.audit(id).await;
        let audit = cancel(&rpc, id).await.unwrap();
        assert_eq!(audit.status, "failed");
        assert_eq!(audit.failure_stage.as_deref(), Some("cancelled"));
        assert_eq!(audit.error_message.as_deref(), Some("Audit cancelled"));
        let (code, _) = wire(&cancel(&rpc, id).await.unwrap_err());
        assert_eq!(code, ErrorCode::Conflict);
        let step = &config.steps[0];
        let late = analyzed(&before, step.position, Ok(proven(step, 5)));
        world.record(vec![late]).await;
    }
    assert_eq!(world.sent("audit/failed").await, 3);
    assert_eq!(
        world.count("SELECT count(*) FROM audit_step_results").await,
        0
    );
    // Dropped, but paid.
    assert_eq!(
        world.count("SELECT count(*) FROM audit_model_calls").await,
        3
    );
}

#[tokio::test]
async fn a_cancellation_beside_the_last_step_ends_the_audit_once() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let (cancelled, ()) = join(cancel(&rpc, id), complete(&world, id, &config)).await;
    let ends = (
        world.sent("audit/completed").await,
        world.sent("audit/failed").await,
    );
    let expected = if cancelled.is_ok() { (0, 1) } else { (1, 0) };
    assert_eq!(ends, expected);
}

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
    let trace = Some(id.to_string());
    assert!(all.iter().all(|line| line.trace_id == trace && other != id));
    let ids: Vec<i64> = all.iter().map(|line| line.id.parse().unwrap()).collect();
    assert!(ids.is_sorted());
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
    assert_eq!(all.len(), 3);
    assert_eq!(stuck(Scope::Group).await.len(), 1);
}

#[tokio::test]
async fn groups_are_asked_for_by_name() {
    let (_world, rpc) = operations().await;
    for (filters, expected) in [
        (vec![], "group_by is required"),
        (vec![("group_by", "x")], "Invalid group_by. Allowed: fiche,"),
        (
            vec![("group_by", "fiche"), ("limit", "x")],
            "Invalid query parameters",
        ),
    ] {
        let filters = crate::world::query(&filters);
        let request = by(user(Scope::All, false), pb::GroupAuditsRequest { filters });
        let (code, message) = wire(&rpc.group_audits(request).await.unwrap_err());
        assert_eq!(code, ErrorCode::Validation);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[tokio::test]
async fn fiches_come_with_their_audits_within_the_scope() {
    let (world, rpc) = operations().await;
    let (six, eighteen) = (world.config(6).await, world.config(18).await);
    world.project("1", Some("Equipe Ouest"), None).await;
    world.project("2", Some("Est"), None).await;
    for config in [&six, &eighteen] {
        world.queued("1", config).await;
    }
    world.queued("2", &six).await;
    let fiches = async |scope, pairs: &[(&str, &str)]| {
        let filters = crate::world::query(pairs);
        let request = by(user(scope, false), pb::GroupByFichesRequest { filters });
        rpc.group_by_fiches(request).await.unwrap().into_inner()
    };
    let all = fiches(Scope::All, &[]).await;
    assert_eq!(all.pagination.unwrap().total, 2);
    // The one audited last first.
    let ids = |fiches: &[pb::FicheWithAudits]| -> Vec<(String, usize)> {
        let ids = fiches.iter();
        ids.map(|row| {
            (
                row.fiche.as_ref().unwrap().fiche_id.clone(),
                row.audits.len(),
            )
        })
        .collect()
    };
    assert_eq!(ids(&all.fiches), [("2".to_owned(), 1), ("1".to_owned(), 2)]);
    assert_eq!(all.fiches[1].summary.as_ref().unwrap().total_audits, 2);
    let mine = fiches(Scope::Group, &[("groupe_query", "e")]).await;
    assert_eq!(ids(&mine.fiches), [("1".to_owned(), 2)]);
    let second = fiches(Scope::All, &[("limit", "1"), ("offset", "1")]).await;
    assert_eq!(ids(&second.fiches), [("1".to_owned(), 2)]);
    let filtered = fiches(Scope::All, &[("audit_config_ids", &eighteen.id)]).await;
    assert_eq!(ids(&filtered.fiches), [("1".to_owned(), 1)]);
}
