//! What a re-run changes, and what leaves everything as it was.

use super::{answer, rerun, start, status, unproven};
use crate::decisions::{Reviews, by, code, user};
use crate::facts::proven;
use vigie_audit_orchestrator::sweeper::Sweeper;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_rerun_replaces_the_ai_and_everything_derived_once() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let queued = rerun(&reviews, id, 3, false).await;
    assert!(
        queued
            .rerun_id
            .starts_with(&format!("rerun-{id}-3-step-rerun-{id}-3-"))
    );
    start(world, id, &queued).await;
    start(world, id, &queued).await; // Delivered twice.
    let commands = world.payloads("audit/step.analyze").await;
    let mine: Vec<_> = commands
        .iter()
        .filter(|one| one["rerun_id"].is_string())
        .collect();
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0]["rerun_scope"], "step");
    assert!(
        mine[0].get("custom_prompt").is_none(),
        "prompts never travel"
    );

    let fact = answer(world, id, &queued, Ok(unproven(world).await)).await;
    world.record(vec![fact.clone(), fact.clone()]).await;
    world.record(vec![fact]).await;
    let row = world.listed(id).await;
    assert_eq!(
        (row.score_percentage.as_str(), row.niveau.as_str()),
        ("82", "BON")
    );
    assert_eq!(status(world, &queued.rerun_id).await, "done");
    assert_eq!(world.sent("audit/step-rerun-completed").await, 1);
    let ended = &world.payloads("audit/step-rerun-completed").await[0];
    assert_eq!(
        (&ended["original_score"], &ended["new_score"]),
        (&9.into(), &0.into())
    );
    assert_eq!(ended["status"], "done");
    let paid = "SELECT count(*) FROM audit_model_calls WHERE purpose = 'rerun'";
    assert_eq!(world.count(paid).await, 1);
    let shown = world.payloads("audit.step_completed").await;
    let shown = shown
        .iter()
        .find(|one| one["rerun_id"].is_string())
        .unwrap();
    assert_eq!(shown["audit_id"], id.to_string());
    assert_eq!(
        shown["audit_tracking_id"],
        world.audit(id).await.tracking.to_string()
    );
    assert_eq!(shown["comparison"]["newScore"], 0);
    assert!(shown.to_string().len() < 2048);
    let channels: String = sqlx::query_scalar(
        "SELECT channels::text FROM outbox WHERE event = 'audit.step_completed'
          ORDER BY id DESC LIMIT 1",
    )
    .fetch_one(world.pool())
    .await
    .unwrap();
    let tracking = world.audit(id).await.tracking.to_string();
    for channel in [
        format!("audit-{id}"),
        format!("audit-{tracking}"),
        "fiche-44".to_owned(),
    ] {
        assert!(channels.contains(&channel), "{channels}");
    }
}

#[tokio::test]
async fn a_failed_or_lost_rerun_ends_and_changes_nothing() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let before = reviews.in_force(id).await;
    let failed = rerun(&reviews, id, 3, true).await;
    start(world, id, &failed).await;
    let fact = answer(world, id, &failed, Err("model away")).await;
    world.record(vec![fact]).await;
    assert_eq!(status(world, &failed.rerun_id).await, "failed");
    let told = world.payloads("audit.step_failed").await;
    assert_eq!(told[0]["status"], "rerun_failed");

    // Its command is lost: sent once more, then ended at the deadline.
    let lost = rerun(&reviews, id, 4, false).await;
    let sweeper = Sweeper {
        db: world.db.clone(),
        workflow: world.workflow.clone(),
        log_retention: crate::watchdog::KEEP,
    };
    world
        .execute(
            "UPDATE audit_step_result_rerun_events SET sent_at = now() - interval '3 minutes'
                   WHERE status = 'queued'",
        )
        .await;
    sweeper.round(None).await.unwrap();
    assert_eq!(status(world, &lost.rerun_id).await, "running");
    world
        .execute("UPDATE audit_step_result_rerun_events SET deadline_at = now() WHERE status = 'running'")
        .await;
    sweeper.round(None).await.unwrap();
    assert_eq!(status(world, &lost.rerun_id).await, "failed");
    assert_eq!(world.sent("audit/step-rerun-completed").await, 2);
    // Its answer comes late: paid for, and nothing else.
    let late = answer(world, id, &lost, Ok(unproven(world).await)).await;
    world.record(vec![late]).await;
    let paid = "SELECT count(*) FROM audit_model_calls WHERE purpose = 'rerun'";
    assert_eq!(world.count(paid).await, 2);
    assert_eq!(reviews.in_force(id).await, before);
}

#[tokio::test]
async fn a_rerun_ends_though_its_audit_is_deleted_meanwhile() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let queued = rerun(&reviews, id, 3, false).await;
    start(world, id, &queued).await;
    world.execute("UPDATE audits SET deleted_at = now()").await;
    let fact = answer(world, id, &queued, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    assert_eq!(status(world, &queued.rerun_id).await, "done");
    let request = pb::RerunStepRequest {
        audit_id: id.to_string(),
        step_position: 3,
        ..pb::RerunStepRequest::default()
    };
    let refused = reviews.rpc.rerun_step(by(user(Scope::All), request)).await;
    assert_eq!(code(&refused.unwrap_err()), ErrorCode::Conflict);
}

#[tokio::test]
async fn fallback_steps_are_analysed_again_in_one_call() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", Some(6)).await;
    assert_eq!(
        world.listed(id).await.completeness.as_deref(),
        Some("incomplete")
    );
    let request = || {
        by(
            user(Scope::All),
            pb::RerunFallbackRequest {
                audit_id: id.to_string(),
            },
        )
    };
    let reruns = reviews
        .rpc
        .rerun_fallback(request())
        .await
        .unwrap()
        .into_inner()
        .reruns;
    assert_eq!(reruns.len(), 1);
    let active = reviews.rpc.rerun_fallback(request()).await.unwrap_err();
    assert_eq!(code(&active), ErrorCode::Conflict);
    start(world, id, &reruns[0]).await;
    let config = world.config(6).await;
    let fact = answer(
        world,
        id,
        &reruns[0],
        Ok(proven(config.step(6).unwrap(), 5)),
    )
    .await;
    world.record(vec![fact]).await;
    let row = world.listed(id).await;
    assert_eq!(row.completeness.as_deref(), Some("complete"));
    assert_eq!(
        (row.score_percentage.as_str(), row.failed_steps),
        ("100", Some(0))
    );
    let none = reviews.rpc.rerun_fallback(request()).await.unwrap_err();
    assert_eq!(code(&none), ErrorCode::Conflict);
}
