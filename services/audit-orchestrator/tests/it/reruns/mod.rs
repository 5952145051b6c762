//! Re-runs: one at a time, each with an end, decisions above them.

mod asked;
mod budget;
mod ended;
mod several;
mod shown;
mod twice;

use crate::decisions::{Reviews, by, user};
use crate::facts::{analyzed, proven};
use crate::world::{World, delivered};
use vigie_audit_orchestrator::events::StartRerun;
use vigie_bus::Handler;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::audit::StepAnalyzed;
use vigie_events::ids::AuditId;
use vigie_events::rerun::{RerunRef, RerunScope, StepRerun};
use vigie_identity::Scope;
use vigie_scorecard::{Statut, StepResult};

async fn rerun(reviews: &Reviews, id: AuditId, position: i32, force: bool) -> pb::QueuedRerun {
    let request = pb::RerunStepRequest {
        audit_id: id.to_string(),
        step_position: position,
        custom_prompt: Some("relis la fin".to_owned()),
        force,
    };
    let answer = reviews.rpc.rerun_step(by(user(Scope::All), request)).await;
    answer.unwrap().into_inner().rerun.unwrap()
}

/// The command of a re-run, delivered.
async fn start(world: &World, id: AuditId, queued: &pb::QueuedRerun) {
    let command = StepRerun {
        audit_id: id,
        step_position: queued.step_position,
        rerun_id: queued.rerun_id.clone(),
    };
    let handler = StartRerun {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let delivery = delivered(command.message(&queued.event_id));
    handler.handle(&mut tx, &delivery).await.unwrap();
    tx.commit().await.unwrap();
}

/// The analyzer's answer to a re-run.
async fn answer(
    world: &World,
    id: AuditId,
    queued: &pb::QueuedRerun,
    result: Result<StepResult, &str>,
) -> StepAnalyzed {
    let audit = world.audit(id).await;
    let index = queued.rerun_id.split("-cp-").nth(1);
    let index = index.map(|rest| rest.split('-').next().unwrap().parse().unwrap());
    StepAnalyzed {
        rerun: Some(RerunRef {
            rerun_id: queued.rerun_id.clone(),
            rerun_scope: index.map_or(RerunScope::Step, |_: i32| RerunScope::ControlPoint),
            control_point_index: index,
        }),
        ..analyzed(&audit, queued.step_position, result)
    }
}

async fn status(world: &World, rerun_id: &str) -> String {
    sqlx::query_scalar("SELECT status FROM audit_step_result_rerun_events WHERE rerun_id = $1")
        .bind(rerun_id)
        .fetch_one(world.pool())
        .await
        .unwrap()
}

/// The third step, with nothing proven.
async fn unproven(world: &World) -> StepResult {
    let config = world.config(6).await;
    let mut result = proven(config.step(3).unwrap(), 0);
    for point in &mut result.points_controle {
        point.statut = Statut::Absent;
        point.citations.clear();
    }
    result
}
