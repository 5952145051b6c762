//! Several steps in one call.

use super::rerun;
use crate::decisions::{Reviews, by, user};
use crate::facts::{analyzed, proven};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;
use vigie_identity::Scope;

#[tokio::test]
async fn of_the_steps_that_failed_those_without_a_rerun_get_one() {
    let reviews = Reviews::new().await;
    let world = &reviews.world;
    world.project("44", Some("Equipe Ouest"), None).await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config.steps.iter().map(|step| {
        let failed = step.position > 3;
        let result = if failed {
            Err("model away")
        } else {
            Ok(proven(step, 5))
        };
        analyzed(&audit, step.position, result)
    });
    world.record(facts.collect()).await;

    rerun(&reviews, id, 5, false).await;
    let request = pb::RerunFallbackRequest {
        audit_id: id.to_string(),
    };
    let answer = reviews.rpc.rerun_fallback(by(user(Scope::All), request));
    let queued = answer.await.unwrap().into_inner().reruns;
    let positions: Vec<_> = queued.iter().map(|it| it.step_position).collect();
    assert_eq!(positions, [4, 6]);
    let commands = world.payloads("audit/step-rerun").await;
    let sent: Vec<_> = commands.iter().map(|it| it["rerun_id"].as_str()).collect();
    let told: Vec<_> = queued.iter().map(|it| Some(it.rerun_id.as_str())).collect();
    assert_eq!(sent[1..], told);
    let queued = "SELECT count(*) FROM audit_step_result_rerun_events
                   WHERE kind = 'step_rerun' AND status = 'queued'";
    assert_eq!(world.count(queued).await, 3);
}
