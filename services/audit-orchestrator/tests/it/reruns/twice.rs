//! A re-run whose messages come twice, at once and after its end.

use super::{answer, unproven};
use crate::decisions::{Reviews, by, user};
use crate::facts::claimed;
use crate::world::{World, delivered};
use futures::future::join;
use vigie_audit_orchestrator::events::StartRerun;
use vigie_bus::Handler;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::ids::AuditId;
use vigie_events::rerun::ControlPointRerun;
use vigie_identity::Scope;

const POINT: i32 = 2;

async fn deliver(world: &World, id: AuditId, queued: &pb::QueuedRerun) {
    let command = ControlPointRerun {
        audit_id: id,
        step_position: queued.step_position,
        control_point_index: POINT,
        rerun_id: queued.rerun_id.clone(),
    };
    let handler = StartRerun {
        workflow: world.workflow.clone(),
    };
    let delivery = delivered(command.message(&queued.event_id));
    let mut tx = world.db.begin().await.unwrap();
    handler.handle(&mut tx, &delivery).await.unwrap();
    tx.commit().await.unwrap();
}

/// Messages that carry the re-run's id.
async fn of_rerun(world: &World, event: &str) -> usize {
    let told = world.payloads(event).await;
    told.iter().filter(|it| it["rerun_id"].is_string()).count()
}

#[tokio::test]
async fn a_point_is_analysed_again_once_however_often_it_is_told() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let request = pb::RerunControlPointRequest {
        audit_id: id.to_string(),
        step_position: 3,
        control_point_index: POINT,
        ..pb::RerunControlPointRequest::default()
    };
    let queued = reviews
        .rpc
        .rerun_control_point(by(user(Scope::All), request));
    let queued = queued.await.unwrap().into_inner().rerun.unwrap();

    join(deliver(world, id, &queued), deliver(world, id, &queued)).await;
    assert_eq!(of_rerun(world, "audit/step.analyze").await, 1);
    assert_eq!(of_rerun(world, "audit.step_started").await, 1);

    let config = world.config(6).await;
    let text = &config.step(3).unwrap().control_points[1];
    let mut result = unproven(world).await;
    result.points_controle = vec![claimed(text, "ceci n'a jamais été dit par personne")];
    let fact = answer(world, id, &queued, Ok(result)).await;
    let facts = || vec![fact.clone()];
    join(world.record(facts()), world.record(facts())).await;
    let after = reviews.in_force(id).await;
    let sequence = world.audit(id).await.sequence;

    // Both once more, after its end; the fact also beside itself.
    join(deliver(world, id, &queued), deliver(world, id, &queued)).await;
    join(
        world.record([facts(), facts()].concat()),
        world.record(facts()),
    )
    .await;
    assert_eq!(reviews.in_force(id).await, after);
    assert_eq!(world.audit(id).await.sequence, sequence);

    for (event, times) in [
        ("audit/step.analyze", 1),
        ("audit.step_started", 1),
        ("audit.step_completed", 1),
        ("audit.step_failed", 0),
    ] {
        assert_eq!(of_rerun(world, event).await, times, "{event}");
    }
    let ended = "audit/step-control-point-rerun-completed";
    assert_eq!(world.sent(ended).await, 1);
    let trail = "SELECT count(*) FROM audit_step_result_rerun_events";
    assert_eq!(world.count(trail).await, 1);
    let done = "SELECT count(*) FROM audit_step_result_rerun_events
                 WHERE status = 'done' AND previous_statut = 'PRESENT' AND next_statut = 'ABSENT'";
    assert_eq!(world.count(done).await, 1);
    let paid = "SELECT count(*) FROM audit_model_calls WHERE purpose = 'rerun'";
    assert_eq!(world.count(paid).await, 1);
}
