//! How steps are rationed and paid: windows, budgets, answers that come late or twice.

use crate::decisions::{Reviews, by, code, user};
use crate::facts::{analyzed, call, proven};
use crate::neighbours::{Script, serve};
use crate::world::{World, settings};
use std::num::NonZeroUsize;
use tokio_util::task::TaskTracker;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::domain::window::StepWindow;
use vigie_audit_orchestrator::rpc::reviews::ReviewRpc;
use vigie_audit_orchestrator::workflow::Settings;
use vigie_audit_orchestrator::workflow::Workflow;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_identity::Scope;
use vigie_service::ErrorCode;

#[tokio::test]
async fn a_window_keeps_that_many_steps_outstanding() {
    let window = StepWindow::new(NonZeroUsize::new(2));
    let world = World::with(Settings {
        window,
        ..settings()
    })
    .await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    assert_eq!(world.sent("audit/step.analyze").await, 2);
    let audit = world.audit(id).await;
    for (done, step) in config.steps.iter().enumerate() {
        world
            .record(vec![analyzed(&audit, step.position, Ok(proven(step, 1)))])
            .await;
        let sent = usize::try_from(world.sent("audit/step.analyze").await).unwrap();
        assert_eq!(sent, (done + 3).min(6));
    }
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
}

#[tokio::test]
async fn steps_not_begun_when_the_budget_is_spent_are_not_begun() {
    let window = StepWindow::new(NonZeroUsize::new(1));
    let world = World::with(Settings {
        window,
        max_tokens: 150,
        ..settings()
    })
    .await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    for step in &config.steps[..2] {
        world
            .record(vec![analyzed(&audit, step.position, Ok(proven(step, 1)))])
            .await;
    }
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
    assert_eq!(world.sent("audit/step.analyze").await, 2);
    assert_eq!(
        world.payloads("audit.step_failed").await[0]["error"],
        "token budget exhausted"
    );
    assert_eq!(world.listed(id).await.failed_steps, Some(4));
}

#[tokio::test]
async fn a_spent_budget_binds_reruns_too() {
    let reviews = Reviews::new().await;
    let id = reviews.completed("44", Some(3)).await;
    let neighbours = serve(Script::default(), &TaskTracker::new()).await;
    let spent = "SELECT sum(prompt_tokens + completion_tokens)::bigint FROM audit_model_calls";
    let spent = reviews.world.count(spent).await;
    let under = |max_tokens| {
        let workflow = Workflow::new(Settings {
            max_tokens,
            ..settings()
        });
        ReviewRpc::new(AppState {
            db: reviews.world.db.clone(),
            workflow,
            neighbours: neighbours.clone(),
        })
    };
    let step = || pb::RerunStepRequest {
        audit_id: id.to_string(),
        step_position: 1,
        ..pb::RerunStepRequest::default()
    };
    let fallback = || pb::RerunFallbackRequest {
        audit_id: id.to_string(),
    };
    let rpc = under(spent);
    let refused = rpc.rerun_step(by(user(Scope::All), step())).await;
    assert_eq!(code(&refused.unwrap_err()), ErrorCode::Conflict);
    let refused = rpc.rerun_fallback(by(user(Scope::All), fallback())).await;
    assert_eq!(code(&refused.unwrap_err()), ErrorCode::Conflict);
    assert_eq!(reviews.world.sent("audit/step-rerun").await, 0);
    let rpc = under(spent + 1);
    rpc.rerun_step(by(user(Scope::All), step())).await.unwrap();
    let rpc = under(0);
    let queued = rpc.rerun_fallback(by(user(Scope::All), fallback())).await;
    assert_eq!(queued.unwrap().into_inner().reruns.len(), 1);
}

#[tokio::test]
async fn a_late_result_of_an_ended_audit_is_only_paid() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    world.execute("UPDATE audits SET phase = 'failed'").await;
    world
        .record(vec![analyzed(&audit, 1, Ok(proven(&config.steps[0], 1)))])
        .await;
    assert_eq!(
        world.count("SELECT count(*) FROM audit_step_results").await,
        0
    );
    assert_eq!(
        world.count("SELECT count(*) FROM audit_model_calls").await,
        1
    );
}

#[tokio::test]
async fn an_earlier_delivery_leaves_a_call_in_doubt() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let mut fact = analyzed(&audit, 1, Ok(proven(&config.steps[0], 1)));
    fact.delivery = 3;
    world.record(vec![fact]).await;
    let doubts = "SELECT count(*) FROM audit_model_calls WHERE outcome = 'in_doubt'";
    assert_eq!(world.count(doubts).await, 2);
    assert!(call().is_complete());
}

#[tokio::test]
async fn a_budget_without_a_window_still_stops_what_is_not_begun() {
    let world = World::with(Settings {
        max_tokens: 150,
        ..settings()
    })
    .await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    assert_eq!(world.sent("audit/step.analyze").await, 2);
    let audit = world.audit(id).await;
    for step in &config.steps[..3] {
        world
            .record(vec![analyzed(&audit, step.position, Ok(proven(step, 1)))])
            .await;
    }
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
    assert_eq!(world.sent("audit/step.analyze").await, 3);
    assert_eq!(world.listed(id).await.failed_steps, Some(3));
    let failed = world.payloads("audit.step_failed").await;
    assert_eq!(failed[0]["error"], "token budget exhausted");
}

#[tokio::test]
async fn a_second_answer_to_a_step_of_an_open_audit_is_paid_once() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let first = analyzed(&audit, 1, Ok(proven(&config.steps[0], 1)));
    let mut second = first.clone();
    second.attempt = 1001;
    world.record(vec![first.clone()]).await;
    for _ in 0..2 {
        world
            .record(vec![second.clone(), first.clone(), second.clone()])
            .await;
    }
    let calls = "SELECT count(*) FROM audit_model_calls";
    assert_eq!(world.count(calls).await, 2);
    let results = "SELECT count(*) FROM audit_step_results";
    assert_eq!(world.count(results).await, 1);
}

#[tokio::test]
async fn an_answer_to_an_audit_without_context_ends_it_and_is_paid() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    world.execute("DELETE FROM audit_timelines").await;
    world
        .record(vec![analyzed(&audit, 1, Ok(proven(&config.steps[0], 1)))])
        .await;
    let row = world.listed(id).await;
    assert_eq!(row.failure_stage.as_deref(), Some("finalization_error"));
    let calls = "SELECT count(*) FROM audit_model_calls";
    assert_eq!(world.count(calls).await, 1);
}

#[tokio::test]
async fn what_a_completed_audit_tells_is_the_mode_it_was_judged_in() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    world.execute("UPDATE audits SET use_rlm = true").await;
    let audit = world.audit(id).await;
    let steps = config.steps.iter();
    let facts = steps.map(|s| analyzed(&audit, s.position, Ok(proven(s, s.weight))));
    world.record(facts.collect()).await;
    assert_eq!(world.payloads("audit/completed").await[0]["use_rlm"], true);
    let shown = &world.payloads("audit.completed").await[0];
    assert_eq!(shown["approach"]["transcript_mode"], "tools");
    let snapshot = world.listed(id).await.result_data.unwrap();
    assert!(snapshot.contains("tools"), "{snapshot}");
    assert!(audit.use_rlm);
}
