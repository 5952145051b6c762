//! The watchdog (`audits.md` 2.10).

use crate::facts::{analyzed, proven};
use crate::world::World;
use chrono::Utc;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::sweeper::{Repairs, Sweeper};

fn sweeper(world: &World) -> Sweeper {
    Sweeper {
        db: world.db.clone(),
        workflow: world.workflow.clone(),
    }
}

#[tokio::test]
async fn a_deadline_ends_an_audit_with_what_it_has() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    world
        .record(vec![analyzed(&audit, 1, Ok(proven(&config.steps[0], 10)))])
        .await;
    world
        .execute("UPDATE audits SET deadline_at = now() - interval '1 second'")
        .await;
    let repairs = sweeper(&world).round(None).await.unwrap();
    assert_eq!(
        repairs,
        Repairs {
            overdue: 1,
            ..Repairs::default()
        }
    );
    let row = world.listed(id).await;
    assert_eq!(
        (row.phase.as_str(), row.failed_steps),
        ("completed", Some(5))
    );
    assert_eq!(row.completeness.as_deref(), Some("incomplete"));
    assert_eq!(
        sweeper(&world).round(None).await.unwrap(),
        Repairs::default()
    );
}

#[tokio::test]
async fn a_deadline_without_any_result_fails_the_audit() {
    let world = World::new().await;
    let config = world.config(6).await;
    let analyzing = world.analyzing("44", &config).await;
    let queued = world.queued("45", &config).await;
    world
        .execute("UPDATE audits SET deadline_at = now() - interval '1 second'")
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().overdue, 2);
    for id in [analyzing, queued] {
        let row = world.listed(id).await;
        assert_eq!(row.failure_stage.as_deref(), Some("watchdog_timeout"));
    }
    assert_eq!(world.sent("audit/failed").await, 2);
}

#[tokio::test]
async fn what_is_late_is_sent_again_and_ever_less_often() {
    let world = World::new().await;
    let config = world.config(6).await;
    world.queued("41", &config).await;
    world.fetching("42", &config).await;
    let analyzing = world.analyzing("43", &config).await;
    let audit = world.audit(analyzing).await;
    world
        .record(vec![analyzed(&audit, 2, Ok(proven(&config.steps[1], 10)))])
        .await;
    assert_eq!(
        sweeper(&world).round(None).await.unwrap(),
        Repairs::default()
    );

    world
        .execute("UPDATE audits SET sent_at = now() - interval '21 minutes'")
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().sent_again, 3);
    let sendings = "SELECT count(*) FROM outbox WHERE sending_id LIKE '%#1'";
    // The run, and five of six steps.
    assert_eq!(world.count(sendings).await, 6);
    let again = "SELECT count(*) FROM outbox WHERE message_id LIKE '%-fetch-again-1'";
    assert_eq!(world.count(again).await, 1);

    world
        .execute("UPDATE audits SET sent_at = now() - interval '21 minutes'")
        .await;
    // Doubled: only the fetch (10 min) is due.
    assert_eq!(sweeper(&world).round(None).await.unwrap().sent_again, 1);
}

#[tokio::test]
async fn a_wiped_broker_gets_everything_again_at_once() {
    let world = World::new().await;
    let config = world.config(6).await;
    world.analyzing("43", &config).await;
    world.bus.ensure_topology().await.unwrap();
    let created = world.bus.work_stream_created().await.unwrap();
    let repairs = sweeper(&world)
        .round(Some(created.max(Utc::now())))
        .await
        .unwrap();
    assert_eq!(repairs.sent_again, 1);
    let sendings = "SELECT count(*) FROM outbox WHERE sending_id LIKE 'audit-step-%#1'";
    assert_eq!(world.count(sendings).await, 6);
}

#[tokio::test]
async fn an_audit_whose_steps_are_all_stored_is_ended() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config
        .steps
        .iter()
        .map(|s| analyzed(&audit, s.position, Ok(proven(s, s.weight))));
    world.record(facts.collect()).await;
    world
        .execute("UPDATE audits SET phase = 'analyzing', completed_at = NULL")
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().unfinished, 1);
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
    assert_eq!(world.listed(id).await.score_percentage, "100");
}
