//! What an audit may spend counts its re-runs too.

use super::{answer, rerun, start, status, unproven};
use crate::decisions::Reviews;
use crate::world::{World, settings};
use vigie_audit_orchestrator::workflow::Settings;

/// Six steps of 100 tokens each, and what re-runs may spend above them.
async fn left_over(tokens: i64) -> Reviews {
    let settings = Settings {
        max_tokens: 600 + tokens,
        ..settings()
    };
    Reviews::of(World::with(settings).await).await
}

#[tokio::test]
async fn a_rerun_that_finds_the_budget_spent_ends_and_says_so() {
    let reviews = left_over(50).await;
    let world = &reviews.world;
    let id = reviews.completed("44", None).await;
    let first = rerun(&reviews, id, 3, false).await;
    let second = rerun(&reviews, id, 4, false).await;
    start(world, id, &first).await;
    let fact = answer(world, id, &first, Ok(unproven(world).await)).await;
    world.record(vec![fact]).await;
    let commands = world.sent("audit/step.analyze").await;

    start(world, id, &second).await;
    assert_eq!(status(world, &second.rerun_id).await, "failed");
    assert_eq!(world.sent("audit/step.analyze").await, commands);
    let told = world.payloads("audit.step_failed").await;
    assert_eq!(told[0]["error"], "token budget exhausted");
    let ended = world.payloads("audit/step-rerun-completed").await;
    assert_eq!(ended[1]["error"], "token budget exhausted");
}
