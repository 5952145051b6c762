//! Who may ask for a re-run when, and what the analyzer is told of it.

use super::{answer, rerun, start, unproven};
use crate::decisions::{Reviews, by, code, user};
use crate::facts::analyzed;
use crate::world::delivered;
use vigie_audit_orchestrator::events::SendLater;
use vigie_audit_orchestrator::store::lease;
use vigie_bus::Handler;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::audit::StepDeferred;
use vigie_identity::{Caller, Scope, ServiceName};
use vigie_service::ErrorCode;

#[tokio::test]
async fn of_two_reruns_of_one_step_one_is_refused() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", None).await;
    let ask = || {
        let request = pb::RerunStepRequest {
            audit_id: id.to_string(),
            step_position: 3,
            ..pb::RerunStepRequest::default()
        };
        reviews.rpc.rerun_step(by(user(Scope::All), request))
    };
    let (one, other) = futures::future::join(ask(), ask()).await;
    assert!(one.is_ok() != other.is_ok());
    let error = one.err().or(other.err()).unwrap();
    assert_eq!(code(&error), ErrorCode::Conflict);
    // A point of that step is the same step; another step is free.
    let request = pb::RerunControlPointRequest {
        audit_id: id.to_string(),
        step_position: 3,
        control_point_index: 1,
        ..pb::RerunControlPointRequest::default()
    };
    let same = reviews
        .rpc
        .rerun_control_point(by(user(Scope::All), request));
    assert_eq!(code(&same.await.unwrap_err()), ErrorCode::Conflict);
    rerun(&reviews, id, 4, false).await;
}

#[tokio::test]
async fn the_analyzer_reads_the_guidance_and_pays_alone() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    // The lease of the first analysis, a moment old, holds up no re-run of the step.
    let mut conn = world.db.acquire().await.unwrap();
    for step in [3, 4] {
        let held = lease::take(&mut conn, id.get(), step, "first").await;
        assert_eq!(held.unwrap(), None);
    }
    let queued = rerun(&reviews, id, 3, false).await;
    let held = lease::take(&mut conn, id.get(), 4, "other").await;
    assert!(held.unwrap().is_some());
    drop(conn);
    start(world, id, &queued).await;
    let analyzer = || Caller {
        service: Some(ServiceName::StepAnalyzer),
        ..Caller::default()
    };
    let ask = async |holder: &str| {
        let request = pb::GetRerunRequest {
            rerun_id: queued.rerun_id.clone(),
            holder: Some(holder.to_owned()),
        };
        reviews
            .rpc
            .get_rerun(by(analyzer(), request))
            .await
            .unwrap()
            .into_inner()
    };
    let mine = ask("one").await;
    assert!(mine.wanted && mine.held_for_ms == 0);
    assert!(mine.guidance.contains("relis la fin"));
    assert!(ask("other").await.held_for_ms > 0);

    // Put off by the provider: it waits in the outbox with its next attempt, and is paid once.
    let commands = world.payloads("audit/step.analyze").await;
    let command = commands
        .iter()
        .rfind(|one| one["rerun_id"].is_string())
        .unwrap();
    let deferred = StepDeferred {
        step: serde_json::from_value(command.clone()).unwrap(),
        reason: "503".to_owned(),
        retry_after_ms: 1000,
        calls: analyzed(&world.audit(id).await, 3, Err("x")).calls,
    };
    let handler = SendLater {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    let message = deferred.clone().message();
    assert_eq!(
        message.id.as_str(),
        format!("{}-deferred-1", queued.rerun_id)
    );
    handler.handle(&mut tx, &delivered(message)).await.unwrap();
    tx.commit().await.unwrap();
    let waiting = "SELECT count(*) FROM outbox WHERE not_before IS NOT NULL
                     AND message_id LIKE 'rerun-%-analyze' AND payload LIKE '%\"attempt\":2%'";
    assert_eq!(world.count(waiting).await, 1);

    let fact = answer(world, id, &queued, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    assert!(!ask("one").await.wanted);
}
