//! What is done with audits: groups, logs, changes, deletion, cancelling, control points.

mod changes;
mod ending;
mod groups;
mod story;

use crate::callers::{by, user};
use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::{World, settings};
use tokio_util::task::TaskTracker;
use tonic::Status;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::rpc::operations::OperationsRpc;
use vigie_audit_orchestrator::workflow::Settings;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;
use vigie_events::ids::AuditId;
use vigie_identity::Scope;
use vigie_scorecard::ConfigSnapshot;

async fn operations() -> (World, OperationsRpc) {
    let (world, state) = state_with(settings()).await;
    (world, OperationsRpc::new(state))
}

async fn state_with(settings: Settings) -> (World, AppState) {
    let world = World::with(settings).await;
    let neighbours = serve(Script::default(), &TaskTracker::new()).await;
    let (db, workflow) = (world.db.clone(), world.workflow.clone());
    let state = AppState {
        db,
        workflow,
        neighbours,
    };
    (world, state)
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
