//! Decisions and points: what is in force, derived and told after a re-run.

use super::{answer, rerun, start, unproven};
use crate::decisions::{Reviews, by, point, step, user};
use crate::facts::{claimed, proven};
use vigie_audit_orchestrator::domain::view::latest;
use vigie_audit_orchestrator::store::view;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_identity::Scope;

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
