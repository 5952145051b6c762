//! Audits that end without a score (`audits.md` 2.6).

use crate::facts::{analyzed, proven};
use crate::world::{World, delivered};
use vigie_audit_orchestrator::domain::material::Material;
use vigie_audit_orchestrator::events::{FailUnfetched, RecordSteps, StartAudit};
use vigie_bus::{BatchHandler, Handler};
use vigie_events::Lane;
use vigie_events::audit::AuditRun;
use vigie_events::fiche::{FetchFailure, FicheFetchFailed};
use vigie_events::ids::AuditId;

async fn fetch_failed(world: &World, request_id: String, kind: FetchFailure) {
    let event = FicheFetchFailed {
        fiche_id: "44".parse().unwrap(),
        request_id,
        kind,
        error: "CRM unavailable".to_owned(),
        attempts: 3,
        automation_run_id: None,
    };
    let handler = FailUnfetched {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    handler
        .handle(&mut tx, &delivered(event.message()))
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

async fn failure(world: &World, id: AuditId) -> (String, Option<String>, Option<String>) {
    let row = world.listed(id).await;
    (row.phase, row.failure_stage, row.error_message)
}

#[tokio::test]
async fn an_unknown_fiche_ends_the_audit_once() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    for _ in 0..2 {
        fetch_failed(&world, format!("audit-{id}-fetch"), FetchFailure::NotFound).await;
    }
    let expected = Some("Fiche 44 not found (404)".to_owned());
    let stage = Some("fiche_not_found".to_owned());
    assert_eq!(
        failure(&world, id).await,
        ("failed".to_owned(), stage, expected)
    );
    let failed = world.payloads("audit/failed").await;
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["stage"], "fiche_not_found");
    assert_eq!(world.sent("audit.failed").await, 1);
    let row = world.listed(id).await;
    assert_eq!(
        (row.status.as_str(), row.niveau.as_str()),
        ("failed", "PENDING")
    );
}

#[tokio::test]
async fn a_failing_crm_ends_the_audit_with_its_reason() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    fetch_failed(
        &world,
        format!("audit-{id}-fetch-again-2"),
        FetchFailure::Upstream,
    )
    .await;
    let (phase, stage, error) = failure(&world, id).await;
    assert_eq!(
        (phase.as_str(), stage.as_deref()),
        ("failed", Some("prerequisite_error"))
    );
    assert_eq!(error.as_deref(), Some("CRM unavailable"));
}

#[tokio::test]
async fn answers_to_others_move_no_audit() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    for other in [
        "automation-1-fetch-44".to_owned(),
        format!("audit-{id}-transcribe"),
    ] {
        fetch_failed(&world, other, FetchFailure::NotFound).await;
    }
    assert_eq!(world.listed(id).await.phase, "fetching");
}

#[tokio::test]
async fn a_fiche_without_recordings_cannot_be_judged() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    world.fetched(id, &Material::of(Vec::new()).unwrap()).await;
    let (phase, stage, error) = failure(&world, id).await;
    assert_eq!(
        (phase.as_str(), stage.as_deref()),
        ("failed", Some("missing_transcription"))
    );
    assert_eq!(error.as_deref(), Some("No recordings found for fiche 44"));
    assert_eq!(world.sent("audit/step.analyze").await, 0);
}

#[tokio::test]
async fn a_config_that_lost_its_steps_ends_the_audit() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    world.execute("DELETE FROM audit_steps").await;
    world.fetched(id, &crate::facts::call()).await;
    assert_eq!(
        world.listed(id).await.failure_stage.as_deref(),
        Some("config_invalid")
    );
}

#[tokio::test]
async fn a_result_that_cannot_be_stored_counts_as_a_failed_step() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let fact = analyzed(&audit, 1, Ok(proven(&config.steps[0], 10)));
    let handler = RecordSteps {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let delivery = delivered(fact.message());
    handler.parked(&mut tx, &delivery, "poison").await.unwrap();
    tx.commit().await.unwrap();
    let fallbacks = "SELECT count(*) FROM audit_step_results WHERE outcome = 'fallback'";
    assert_eq!(world.count(fallbacks).await, 1);
    let failed = &world.payloads("audit.step_failed").await[0];
    assert_eq!(failed["error"], "result could not be stored");
    assert_eq!(
        world.count("SELECT count(*) FROM audit_model_calls").await,
        1
    );
}

#[tokio::test]
async fn an_audit_that_cannot_be_started_fails() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.queued("44", &config).await;
    let audit = world.audit(id).await;
    let run = AuditRun {
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        user_id: None,
        automation_schedule_id: None,
        automation_run_id: None,
        trigger_source: None,
        use_rlm: None,
        audit_db_id: Some(id),
        batch_id: None,
    };
    let handler = StartAudit {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let delivery = delivered(run.message(&audit.tracking, Lane::Interactive));
    handler.parked(&mut tx, &delivery, "poison").await.unwrap();
    tx.commit().await.unwrap();
    let (phase, stage, _) = failure(&world, id).await;
    assert_eq!(
        (phase.as_str(), stage.as_deref()),
        ("failed", Some("prerequisite_error"))
    );
}
