//! The watchdog (`audits.md` 2.10).

use crate::facts::{analyzed, proven};
use crate::world::{World, delivered, settings};
use chrono::Utc;
use std::num::NonZeroUsize;
use std::time::Duration;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::domain::window::StepWindow;
use vigie_audit_orchestrator::events::SendLater;
use vigie_audit_orchestrator::sweeper::{Repairs, Sweeper};
use vigie_audit_orchestrator::workflow::Settings;
use vigie_bus::Handler;
use vigie_events::audit::{StepAnalyze, StepDeferred};

/// How long stories are kept.
pub const KEEP: Duration = Duration::from_hours(24);

fn sweeper(world: &World) -> Sweeper {
    Sweeper {
        db: world.db.clone(),
        workflow: world.workflow.clone(),
        log_retention: KEEP,
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

#[tokio::test]
async fn an_audit_that_cannot_be_repaired_holds_up_no_other() {
    let world = World::new().await;
    let config = world.config(6).await;
    for fiche in ["44", "45", "46"] {
        world.analyzing(fiche, &config).await;
    }
    // No fiche id: it cannot be read. Found first, because it is due for longest.
    world
        .execute(
            "UPDATE audits
                SET sent_at = now() - interval '1 hour',
                    deadline_at = now() + interval '1 hour'",
        )
        .await;
    world
        .execute(
            "UPDATE audits SET fiche_id = 'no id', sent_at = now() - interval '2 hours'
              WHERE fiche_id = '44'",
        )
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().sent_again, 2);
    world
        .execute("UPDATE audits SET deadline_at = now() - interval '1 second'")
        .await;
    world
        .execute(
            "UPDATE audits SET deadline_at = now() - interval '1 hour' WHERE fiche_id = 'no id'",
        )
        .await;
    assert_eq!(sweeper(&world).round(None).await.unwrap().overdue, 2);
    let open = "SELECT count(*) FROM audits WHERE phase = 'analyzing'";
    assert_eq!(world.count(open).await, 1);
}

#[tokio::test]
async fn an_audit_without_its_context_is_ended() {
    for due in [
        "UPDATE audits SET deadline_at = now() - interval '1 second'",
        "UPDATE audits SET sent_at = now() - interval '1 hour'",
        "UPDATE audits SET total_steps = 0 WHERE fiche_id = '44'",
    ] {
        let world = World::new().await;
        let config = world.config(6).await;
        let id = world.analyzing("44", &config).await;
        let other = world.analyzing("45", &config).await;
        world
            .execute("DELETE FROM audit_timelines t USING audits a WHERE a.id = t.audit_id AND a.fiche_id = '44'")
            .await;
        world.execute(due).await;
        sweeper(&world).round(None).await.unwrap();
        let row = world.listed(id).await;
        assert_eq!(
            row.failure_stage.as_deref(),
            Some("finalization_error"),
            "{due}"
        );
        assert_ne!(
            world.listed(other).await.failure_stage.as_deref(),
            Some("finalization_error")
        );
        assert_eq!(
            sweeper(&world).round(None).await.unwrap(),
            Repairs::default(),
            "{due}"
        );
    }
}

#[tokio::test]
async fn silence_counts_from_the_last_sending() {
    let world = World::with(Settings {
        window: StepWindow::new(NonZeroUsize::new(2)),
        ..settings()
    })
    .await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let long_ago = "UPDATE audits SET sent_at = now() - interval '21 minutes',
                           updated_at = now() - interval '21 minutes'";
    world.execute(long_ago).await;
    world
        .record(vec![analyzed(&audit, 1, Ok(proven(&config.steps[0], 1)))])
        .await;
    let fresh = "SELECT count(*) FROM audits WHERE updated_at > now() - interval '20 minutes'";
    assert_eq!(world.count(fresh).await, 1);
    let round = async || sweeper(&world).round(None).await.unwrap().sent_again;
    assert_eq!(round().await, 0);

    // A deferred step is silent for as long as it was told to wait.
    world.execute(long_ago).await;
    let step = StepAnalyze {
        audit_db_id: id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: 2,
        use_rlm: None,
        attempt: 1,
        rerun: None,
    };
    let deferred = StepDeferred {
        step,
        retry_after_ms: 600_000,
        reason: "rate limited".to_owned(),
        calls: Vec::new(),
    };
    let later = SendLater {
        workflow: world.workflow.clone(),
    };
    let mut tx = world.db.begin().await.unwrap();
    later
        .handle(&mut tx, &delivered(deferred.message()))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let waits = "SELECT count(*) FROM audits WHERE sent_at > now() + interval '9 minutes'";
    assert_eq!(world.count(waits).await, 1);
    let told = "SELECT count(*) FROM workflow_logs WHERE step_name = 'step-2'
                   AND message = 'Step deferred' AND data ->> 'error' = 'rate limited'";
    assert_eq!(world.count(told).await, 1);
    assert_eq!(round().await, 0);
    let again = "SELECT count(*) FROM workflow_logs WHERE message = 'Answer is late, asked again'";
    let before = world.count(again).await;
    world.execute(long_ago).await;
    assert_eq!(round().await, 1);
    assert_eq!(world.count(again).await, before + 1);
}

#[tokio::test]
async fn stories_are_forgotten_in_the_end() {
    let world = World::new().await;
    let config = world.config(6).await;
    world.fetching("44", &config).await;
    let lines = "SELECT count(*) FROM workflow_logs";
    let before = world.count(lines).await;
    assert!(before > 0);
    sweeper(&world).round(None).await.unwrap();
    assert_eq!(world.count(lines).await, before);
    world
        .execute("UPDATE workflow_logs SET created_at = now() - interval '25 hours'")
        .await;
    sweeper(&world).round(None).await.unwrap();
    assert_eq!(world.count(lines).await, 0);
}
