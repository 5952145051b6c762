//! Re-runs: one at a time, each with an end, decisions above them.

use crate::decisions::{Reviews, by, code, point, step, user};
use crate::facts::{analyzed, claimed, proven};
use crate::world::{World, delivered};
use vigie_audit_orchestrator::domain::view::latest;
use vigie_audit_orchestrator::events::{SendLater, StartRerun};
use vigie_audit_orchestrator::store::view;
use vigie_audit_orchestrator::sweeper::Sweeper;
use vigie_bus::Handler;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_events::audit::{StepAnalyzed, StepDeferred};
use vigie_events::ids::AuditId;
use vigie_events::rerun::{RerunRef, RerunScope, StepRerun};
use vigie_identity::{Caller, Scope, ServiceName};
use vigie_scorecard::{Statut, StepResult};
use vigie_service::ErrorCode;

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
async fn a_review_during_a_rerun_stays_in_force_unless_forced() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let queued = rerun(&reviews, id, 3, false).await;
    start(world, id, &queued).await;
    let decided = pb::ReviewStepRequest {
        score: Some(7),
        ..step(id, 3, "PARTIEL")
    };
    reviews.decide(decided).await.unwrap();
    reviews
        .decide_point(point(id, 3, 1, "PRESENT"))
        .await
        .unwrap();
    let fact = answer(world, id, &queued, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    let effective =
        "SELECT (score * 100 + ai_score)::bigint FROM audit_step_results WHERE step_position = 3";
    assert_eq!(world.count(effective).await, 700, "7 decided over 0 found");

    let forced = rerun(&reviews, id, 3, true).await;
    start(world, id, &forced).await;
    let fact = answer(world, id, &forced, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    assert_eq!(world.count(effective).await, 0);
    let trail = "SELECT count(*) FROM audit_step_result_human_reviews WHERE revokes_id IS NOT NULL";
    assert_eq!(world.count(trail).await, 2);
    let human = "SELECT count(*) FROM audit_step_result_control_points WHERE human_statut";
    assert_eq!(world.count(human).await, 0);
}

#[tokio::test]
async fn one_point_is_analysed_again_and_its_step_derived() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let request = pb::RerunControlPointRequest {
        audit_id: id.to_string(),
        step_position: 3,
        control_point_index: 2,
        ..pb::RerunControlPointRequest::default()
    };
    let queued = reviews
        .rpc
        .rerun_control_point(by(user(Scope::All), request))
        .await;
    let queued = queued.unwrap().into_inner().rerun.unwrap();
    let config = world.config(6).await;
    let definition = config.step(3).unwrap();
    let mut result = proven(definition, 9);
    // A quote that the call does not hold: gating lowers it.
    let text = &definition.control_points[1];
    result.points_controle = vec![claimed(text, "ceci n'a jamais été dit par personne")];
    let fact = answer(world, id, &queued, Ok(result)).await;
    // Out of order: the answer is there before the command was handled.
    world.record(vec![fact]).await;
    let absent = "SELECT sum(control_point_index)::bigint FROM audit_step_result_control_points
                   WHERE step_position = 3 AND statut = 'ABSENT'";
    assert_eq!(world.count(absent).await, 2, "only the second");
    let points = i64::try_from(definition.control_points.len()).unwrap();
    let expected = (9 * (points - 1) * 2 + points) / (2 * points);
    let score = "SELECT score::bigint FROM audit_step_results WHERE step_position = 3";
    assert_eq!(world.count(score).await, expected);
    let ended = &world
        .payloads("audit/step-control-point-rerun-completed")
        .await[0];
    assert_eq!(
        (&ended["statut_changed"], &ended["citations_changed"]),
        (&true.into(), &true.into())
    );
    let trail = "SELECT count(*) FROM audit_step_result_rerun_events
                  WHERE kind = 'control_point_rerun' AND previous_statut = 'PRESENT'
                    AND next_statut = 'ABSENT' AND previous_step_score = 9";
    assert_eq!(world.count(trail).await, 1);
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

#[tokio::test]
async fn the_analyzer_reads_the_guidance_and_pays_alone() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let queued = rerun(&reviews, id, 3, false).await;
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
        prices: world.workflow.settings().prices.clone(),
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

#[tokio::test]
async fn the_latest_view_tells_who_decided_and_what_was_analysed_again() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let queued = rerun(&reviews, id, 3, false).await;
    let fact = answer(world, id, &queued, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    reviews
        .decide_point(point(id, 3, 1, "PARTIEL"))
        .await
        .unwrap();
    reviews.decide(step(id, 3, "CONFORME")).await.unwrap();

    let mut conn = world.db.acquire().await.unwrap();
    let rows = view::steps(&mut conn, &[id.get()]).await.unwrap();
    let steps = view::full(&mut conn, &[id.get()], &rows).await.unwrap();
    let snapshot = world.listed(id).await.result_data.unwrap();
    let snapshot = serde_json::from_str(&snapshot).unwrap();
    let shown = latest(snapshot, &steps[&id.get()]).unwrap();
    let shown = &shown["audit"]["results"]["steps"];
    assert!(shown[0].get("human_review").is_none() && shown[0].get("rerun_history").is_none());
    let third = &shown[2];
    assert_eq!(third["conforme"], "CONFORME");
    let history = &third["rerun_history"][0];
    assert_eq!(history["kind"], "step_rerun");
    assert_eq!(history["rerun_id"], queued.rerun_id);
    assert_eq!(history["custom_prompt"], "relis la fin");
    assert_eq!(
        (&history["previous"]["score"], &history["next"]["score"]),
        (&9.into(), &0.into())
    );
    let decided = &third["human_review"];
    assert_eq!(decided[0]["kind"], "control_point");
    assert_eq!(decided[0]["previous"]["statut"], "ABSENT");
    assert_eq!(decided[0]["override"]["statut"], "PARTIEL");
    assert_eq!(decided[0]["by_user_id"], "12");
    assert!(decided[1].get("kind").is_none());
    assert_eq!(decided[1]["override"]["conforme"], "CONFORME");
    assert_eq!(
        decided[1]["override"]["score"],
        decided[1]["previous"]["score"]
    );
    let first = &third["points_controle"][0];
    assert_eq!(
        (&first["verdict"], &first["verdict_source"]),
        (&"PARTIEL".into(), &"human".into())
    );
    assert_eq!(third["points_controle"][1]["verdict_source"], "ai");
}
