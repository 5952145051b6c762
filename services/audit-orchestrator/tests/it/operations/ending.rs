//! Cancelling.

use super::{cancel, complete, operations};
use crate::callers::wire;
use crate::facts::{analyzed, proven};
use futures::future::join;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_service::ErrorCode;

#[tokio::test]
async fn an_open_audit_is_cancelled_once_and_late_results_are_dropped() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    for phase in [Phase::Queued, Phase::Fetching, Phase::Analyzing] {
        let fiche = phase.as_str().len().to_string();
        let id = match phase {
            Phase::Queued => world.queued(&fiche, &config).await,
            Phase::Fetching => world.fetching(&fiche, &config).await,
            _ => world.analyzing(&fiche, &config).await,
        };
        let before = world.audit(id).await;
        let audit = cancel(&rpc, id).await.unwrap();
        assert_eq!(audit.status, "failed");
        assert_eq!(audit.failure_stage.as_deref(), Some("cancelled"));
        assert_eq!(audit.error_message.as_deref(), Some("Audit cancelled"));
        let (code, _) = wire(&cancel(&rpc, id).await.unwrap_err());
        assert_eq!(code, ErrorCode::Conflict);
        let step = &config.steps[0];
        let late = analyzed(&before, step.position, Ok(proven(step, 5)));
        world.record(vec![late]).await;
    }
    assert_eq!(world.sent("audit/failed").await, 3);
    assert_eq!(
        world.count("SELECT count(*) FROM audit_step_results").await,
        0
    );
    // Dropped, but paid.
    assert_eq!(
        world.count("SELECT count(*) FROM audit_model_calls").await,
        3
    );
}

#[tokio::test]
async fn a_cancellation_beside_the_last_step_ends_the_audit_once() {
    let (world, rpc) = operations().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let (cancelled, ()) = join(cancel(&rpc, id), complete(&world, id, &config)).await;
    let ends = (
        world.sent("audit/completed").await,
        world.sent("audit/failed").await,
    );
    let expected = if cancelled.is_ok() { (0, 1) } else { (1, 0) };
    assert_eq!(ends, expected);
}
