//! Requests and starts: versions, the latest flag, repeated commands.

use crate::facts::{analyzed, proven};
use crate::world::{World, delivered};
use futures::future::join_all;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::events::StartAudit;
use vigie_audit_orchestrator::store::audit::lock_one;
use vigie_bus::Handler;
use vigie_events::Lane;
use vigie_events::audit::{AuditRun, FailureStage};
use vigie_events::ids::{AuditConfigId, AutomationRunId, TrackingId};

fn automation_run(config: AuditConfigId) -> (TrackingId, AuditRun) {
    let fiche: vigie_events::ids::FicheId = "44".parse().unwrap();
    let run = AutomationRunId::new(7);
    let tracking = TrackingId::of_automation(run, &fiche, config, 0);
    let body = AuditRun {
        fiche_id: fiche,
        audit_config_id: config.get(),
        user_id: None,
        automation_schedule_id: None,
        automation_run_id: Some(run),
        trigger_source: Some("automation".to_owned()),
        use_rlm: None,
        audit_db_id: None,
        batch_id: None,
    };
    (tracking, body)
}

async fn start(world: &World, tracking: &TrackingId, run: AuditRun, lane: Lane) -> bool {
    let handler = StartAudit {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let done = handler
        .handle(&mut tx, &delivered(run.message(tracking, lane)))
        .await
        .is_ok();
    if done {
        tx.commit().await.unwrap();
    } else {
        tx.rollback().await.unwrap();
    }
    done
}

#[tokio::test]
async fn a_command_without_a_row_inserts_it_once() {
    let world = World::new().await;
    let config = world.config(6).await.id.parse().unwrap();
    let (tracking, run) = automation_run(config);
    for _ in 0..3 {
        assert!(start(&world, &tracking, run.clone(), Lane::Bulk).await);
    }
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 1);
    assert_eq!(world.sent("fiche/fetch").await, 1);
    let id = world.count("SELECT id FROM audits").await;
    let audit = world.audit(vigie_events::ids::AuditId::new(id)).await;
    assert_eq!((audit.phase, audit.lane), (Phase::Fetching, Lane::Bulk));
    assert_eq!(audit.tracking, tracking);
}

#[tokio::test]
async fn a_command_for_no_config_is_answered_without_an_audit() {
    let world = World::new().await;
    let (tracking, run) = automation_run(AuditConfigId::new(999));
    assert!(start(&world, &tracking, run.clone(), Lane::Bulk).await);
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 0);
    let failed = world.payloads("audit/failed").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["stage"], "config_invalid");
    assert_eq!(failed[0]["audit_tracking_id"], tracking.as_str());
    assert!(failed[0].get("audit_db_id").is_none());
    let ids = "SELECT count(*) FROM outbox
                WHERE message_id = 'audit-failed-automation-7-audit-44-999'";
    assert_eq!(world.count(ids).await, 1);

    // What cannot be started for another reason is answered, too.
    let handler = StartAudit {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let delivery = delivered(run.message(&tracking, Lane::Bulk));
    handler.parked(&mut tx, &delivery, "poison").await.unwrap();
    tx.commit().await.unwrap();
    let failed = world.payloads("audit/failed").await;
    assert_eq!(failed[1]["stage"], "prerequisite_error");
}

#[tokio::test]
async fn a_command_without_a_source_came_from_the_api() {
    let world = World::new().await;
    let config = world.config(6).await.id.parse().unwrap();
    let (tracking, run) = automation_run(config);
    let run = AuditRun {
        trigger_source: None,
        ..run
    };
    assert!(start(&world, &tracking, run, Lane::Bulk).await);
    let sources = "SELECT count(*) FROM audits WHERE trigger_source = 'api'";
    assert_eq!(world.count(sources).await, 1);
}

#[tokio::test]
async fn an_inactive_config_ends_the_audit() {
    let world = World::new().await;
    let config = world.config(6).await.id.parse().unwrap();
    world
        .execute("UPDATE audit_configs SET is_active = false")
        .await;
    let (tracking, run) = automation_run(config);
    assert!(start(&world, &tracking, run, Lane::Bulk).await);
    assert_eq!(
        world.payloads("audit/failed").await[0]["stage"],
        "config_invalid"
    );
}

#[tokio::test]
async fn requests_at_the_same_moment_get_versions_and_ids_of_their_own() {
    let world = World::new().await;
    let config = world.config(6).await;
    join_all((0..8).map(|_| world.queued("44", &config))).await;
    let versions = "SELECT count(DISTINCT version) FROM audits WHERE version BETWEEN 1 AND 8";
    assert_eq!(world.count(versions).await, 8);
    assert_eq!(
        world
            .count("SELECT count(DISTINCT tracking_id) FROM audits")
            .await,
        8
    );
    let latest = "SELECT max(version)::bigint FROM audits WHERE is_latest";
    assert_eq!(world.count(latest).await, 8);
    assert_eq!(
        world
            .count("SELECT count(*) FROM audits WHERE is_latest")
            .await,
        1
    );
}

#[tokio::test]
async fn a_failed_audit_hands_the_latest_flag_back() {
    let world = World::new().await;
    let config = world.config(6).await;
    let first = world.analyzing("44", &config).await;
    let audit = world.audit(first).await;
    let facts = config
        .steps
        .iter()
        .map(|s| analyzed(&audit, s.position, Ok(proven(s, s.weight))));
    world.record(facts.collect()).await;
    let second = world.fetching("44", &config).await;
    assert!(!world.listed(first).await.is_latest);
    let mut tx = world.db.begin().await.unwrap();
    let audit = lock_one(&mut tx, second).await.unwrap().unwrap();
    let stage = FailureStage::PrerequisiteError;
    world
        .workflow
        .fail_now(&mut tx, &audit, stage, "gone")
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert!(world.listed(first).await.is_latest);
    let row = world.listed(second).await;
    assert_eq!((row.is_latest, row.version), (false, 2));
    assert_eq!(world.audit(second).await.phase, Phase::Failed);
}

#[tokio::test]
async fn the_newest_active_config_is_the_short_one() {
    let world = World::new().await;
    let mut conn = world.db.acquire().await.unwrap();
    let latest = vigie_audit_orchestrator::store::config::latest_active(&mut conn)
        .await
        .unwrap();
    assert_eq!(latest.unwrap().steps, 6);
}
