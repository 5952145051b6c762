//! How often a person may ask for audits and re-runs (W-20), at whichever replica.

use crate::callers::{by, user, wire};
use crate::decisions::Reviews;
use crate::neighbours::{Script, serve};
use crate::world::{World, settings};
use futures::future::join_all;
use std::sync::Arc;
use tokio_util::task::TaskTracker;
use tonic::Status;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::domain::pace::Pace;
use vigie_audit_orchestrator::rpc::AuditRpc;
use vigie_audit_orchestrator::rpc::batches::BatchesRpc;
use vigie_audit_orchestrator::workflow::{Settings, Workflow};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_service_server::AuditService;
use vigie_contracts::audit::v1::batch_service_server::BatchService;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::ids::UserId;
use vigie_identity::{Caller, Principal, PrincipalKind, Scope};
use vigie_service::{ErrorCode, RETRY_AFTER_SECONDS, WireError};

async fn world(per_minute: u32) -> World {
    World::with(Settings {
        pace: Pace::per_minute(per_minute),
        ..settings()
    })
    .await
}

/// One more process over the same database.
async fn replica(world: &World) -> AppState {
    AppState {
        db: world.db.clone(),
        workflow: Workflow::new(world.workflow.settings().clone()),
        neighbours: serve(Script::default(), &TaskTracker::new()).await,
    }
}

/// The same grants, under another name.
fn caller(kind: PrincipalKind) -> Caller {
    let caller = user(Scope::All, true);
    let principal = Principal {
        kind,
        ..Principal::clone(caller.principal.as_deref().unwrap())
    };
    Caller {
        principal: Some(Arc::new(principal)),
        ..caller
    }
}

fn person(id: i64) -> Caller {
    caller(PrincipalKind::User(UserId::new(id)))
}

async fn run(state: &AppState, caller: Caller, fiche: &str, config: &str) -> Result<(), Status> {
    let request = pb::RunAuditRequest {
        fiche_id: fiche.to_owned(),
        audit_config_id: config.to_owned(),
        ..pb::RunAuditRequest::default()
    };
    let rpc = AuditRpc::new(state.clone());
    rpc.run_audit(by(caller, request)).await.map(drop)
}

/// The seconds that a refusal tells to wait.
fn wait(status: &Status) -> u64 {
    let error = WireError::from(status);
    assert_eq!(error.code, ErrorCode::RateLimited, "{}", error.message);
    error.extras[RETRY_AFTER_SECONDS].as_u64().unwrap()
}

#[tokio::test]
async fn all_replicas_together_let_in_as_many_as_allowed() {
    let world = world(3).await;
    let config = world.config(6).await.id;
    let replicas = [replica(&world).await, replica(&world).await];
    let calls = (0..10).map(|n| {
        let (state, config) = (&replicas[n % 2], &config);
        async move { run(state, person(12), &format!("44{n}"), config).await }
    });
    let refused = join_all(calls).await.into_iter().filter_map(Result::err);
    let refused: Vec<_> = refused.collect();
    assert_eq!(refused.len(), 7);
    for status in &refused {
        assert!((1..=20).contains(&wait(status)), "{status:?}");
    }
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 3);
    assert_eq!(world.sent("audit/run").await, 3);
    // Refusals put nobody off any longer: one third of a minute gives one more.
    world
        .execute("UPDATE run_limits SET next_at = next_at - interval '20 seconds'")
        .await;
    run(&replicas[0], person(12), "44", &config).await.unwrap();
    let again = run(&replicas[1], person(12), "44", &config).await;
    assert!(wait(&again.unwrap_err()) > 15);
    // Silence saves a minute's worth, not more.
    world
        .execute("UPDATE run_limits SET next_at = next_at - interval '3 days'")
        .await;
    for _ in 0..3 {
        run(&replicas[0], person(12), "44", &config).await.unwrap();
    }
    run(&replicas[0], person(12), "44", &config)
        .await
        .unwrap_err();
}

#[tokio::test]
async fn only_the_person_who_asked_is_held_up() {
    let world = world(1).await;
    let config = world.config(6).await.id;
    let state = replica(&world).await;
    // What is refused for another reason counts nothing.
    let unknown = run(&state, person(12), "44", "999").await.unwrap_err();
    assert_eq!(wire(&unknown).0, ErrorCode::NotFound);
    run(&state, person(12), "44", &config).await.unwrap();
    wait(&run(&state, person(12), "44", &config).await.unwrap_err());
    run(&state, person(13), "44", &config).await.unwrap();
    for _ in 0..3 {
        let machine = caller(PrincipalKind::Machine("nightly".to_owned()));
        run(&state, machine, "44", &config).await.unwrap();
    }
    assert_eq!(world.count("SELECT count(*) FROM run_limits").await, 2);
}

#[tokio::test]
async fn a_batch_counts_once_and_reruns_count_too() {
    let reviews = Reviews::of(world(2).await).await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let state = replica(world).await;
    let batch = || pb::StartBatchRequest {
        fiche_ids: (0..40).map(|n| n.to_string()).collect(),
        ..pb::StartBatchRequest::default()
    };
    let batches = BatchesRpc::new(state);
    let started = batches.start_batch(by(person(12), batch())).await;
    started.unwrap();
    let rerun = |position| {
        let request = pb::RerunStepRequest {
            audit_id: id.to_string(),
            step_position: position,
            ..pb::RerunStepRequest::default()
        };
        reviews.rpc.rerun_step(by(person(12), request))
    };
    let unknown = rerun(99).await.unwrap_err();
    assert_eq!(wire(&unknown).0, ErrorCode::NotFound);
    rerun(3).await.unwrap();
    wait(&rerun(4).await.unwrap_err());
    let point = pb::RerunControlPointRequest {
        audit_id: id.to_string(),
        step_position: 4,
        control_point_index: 1,
        ..pb::RerunControlPointRequest::default()
    };
    let refused = reviews.rpc.rerun_control_point(by(person(12), point)).await;
    wait(&refused.unwrap_err());
    let refused = batches.start_batch(by(person(12), batch())).await;
    wait(&refused.unwrap_err());
    assert_eq!(world.sent("audit/batch").await, 1);
    assert_eq!(world.sent("audit/step-rerun").await, 1);
}
