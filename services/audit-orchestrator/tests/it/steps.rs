//! Results of steps: stored once, in any order, and the last one ends the audit.

use crate::facts::{analyzed, claimed, half_a_call, proven};
use crate::world::World;
use futures::future::join_all;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_scorecard::{Conforme, Niveau, Statut};

/// Scores of vector A4 of 5.5.
const A4: [i32; 6] = [10, 10, 5, 8, 3, 1];

#[tokio::test]
async fn the_numbers_are_those_of_vector_a4() {
    let world = World::new().await;
    world.project("44", Some("Equipe Ouest"), None).await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config.steps.iter().zip(A4);
    let facts = facts.map(|(step, score)| analyzed(&audit, step.position, Ok(proven(step, score))));
    world.record(facts.collect()).await;

    let row = world.listed(id).await;
    assert_eq!(row.phase, "completed");
    assert_eq!(
        (row.overall_score.as_str(), row.score_percentage.as_str()),
        ("74", "74")
    );
    assert_eq!(
        (row.niveau.as_str(), row.is_compliant),
        ("ACCEPTABLE", true)
    );
    assert_eq!((row.critical_passed, row.critical_total), (3, 3));
    assert_eq!((row.successful_steps, row.failed_steps), (Some(6), Some(0)));
    assert_eq!(
        (row.total_tokens, row.timeline_chunks),
        (Some(600), Some(3))
    );
    assert_eq!(row.completeness.as_deref(), Some("complete"));
    assert_eq!(row.engine.as_deref(), Some("openai"));
    let calculated = world.payloads("audit.compliance_calculated").await;
    assert_eq!(calculated[0]["overall_score"], "37/50");
    assert_eq!(calculated[0]["score_percentage"], "74.00%");
    let completed = world.payloads("audit/completed").await;
    assert_eq!(completed.len(), 1);
    assert_eq!(completed[0]["score"], 74.0);
    let points = world
        .count("SELECT count(*) FROM audit_step_result_control_points")
        .await;
    let quotes = world
        .count("SELECT count(*) FROM audit_step_result_citations")
        .await;
    assert_eq!((points, quotes), (28, 28));
    let spend = world
        .count("SELECT sum(cost_micros)::bigint FROM audit_model_calls")
        .await;
    assert_eq!(spend, 6 * (90 + 20));
}

#[tokio::test]
async fn realtime_messages_come_in_the_usual_order_and_are_numbered() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    for step in &config.steps {
        world
            .record(vec![analyzed(&audit, step.position, Ok(proven(step, 1)))])
            .await;
    }
    let shown = world.shown().await;
    assert_eq!(
        shown[..10],
        [
            "audit.fiche_fetch_started",
            "audit.fiche_fetch_completed",
            "audit.transcription_check",
            "audit.config_loaded",
            "audit.started",
            "audit.timeline_generated",
            "audit.progress",
            "audit.analysis_started",
            "audit.step_completed",
            "audit.progress",
        ]
    );
    assert_eq!(
        shown[shown.len() - 2..],
        ["audit.compliance_calculated", "audit.completed"]
    );
    let last = world.payloads("audit.completed").await;
    assert_eq!(last[0]["sequence"], i64::try_from(shown.len()).unwrap());
    assert_eq!(
        world.audit(id).await.sequence,
        i64::try_from(shown.len()).unwrap()
    );
    let step = &world.payloads("audit.step_completed").await[0];
    assert!(step.get("event_id").is_none(), "{step}");
}

#[tokio::test]
async fn a_redelivered_step_changes_nothing_and_completes_the_audit_once() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts: Vec<_> = config
        .steps
        .iter()
        .rev() // Out of order, too.
        .map(|step| analyzed(&audit, step.position, Ok(proven(step, step.weight))))
        .collect();
    for fact in &facts {
        world.record(vec![fact.clone(), fact.clone()]).await;
        world.record(vec![fact.clone()]).await;
    }
    world.record(facts).await;
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
    assert_eq!(world.sent("audit/completed").await, 1);
    assert_eq!(world.sent("audit.step_completed").await, 6);
    assert_eq!(
        world.count("SELECT count(*) FROM audit_step_results").await,
        6
    );
    assert_eq!(
        world.count("SELECT count(*) FROM audit_model_calls").await,
        6
    );
}

#[tokio::test]
async fn steps_that_finish_together_complete_the_audit_once() {
    let world = World::new().await;
    let config = world.config(18).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let recorded = config.steps.iter().map(|step| {
        world.record(vec![analyzed(
            &audit,
            step.position,
            Ok(proven(step, step.weight)),
        )])
    });
    join_all(recorded).await;
    assert_eq!(world.audit(id).await.phase, Phase::Completed);
    assert_eq!(world.sent("audit/completed").await, 1);
    assert_eq!(world.listed(id).await.score_percentage, "100");
}

#[tokio::test]
async fn one_batch_serves_many_audits() {
    let world = World::new().await;
    let config = world.config(6).await;
    let mut facts = Vec::new();
    for fiche in ["41", "42", "43"] {
        let id = world.analyzing(fiche, &config).await;
        let audit = world.audit(id).await;
        let steps = config.steps.iter();
        facts.extend(steps.map(|s| analyzed(&audit, s.position, Ok(proven(s, s.weight)))));
    }
    facts.sort_by_key(|fact| fact.step_position);
    world.record(facts).await;
    assert_eq!(world.sent("audit/completed").await, 3);
    assert_eq!(world.sent("audit.progress").await, 3 + 3);
}

#[tokio::test]
async fn a_claim_without_a_real_quote_is_lowered_and_rejects_a_critical_step() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config.steps.iter().map(|step| {
        let mut result = proven(step, step.weight);
        if step.position == 1 {
            // Five points: two proven, two invented, one that does not apply.
            for index in [2, 3] {
                let point = &config.steps[0].control_points[index];
                result.points_controle[index] = claimed(point, "une phrase jamais prononcée");
            }
            result.points_controle[4].statut = Statut::NonApplicable;
        }
        analyzed(&audit, step.position, Ok(result))
    });
    world.record(facts.collect()).await;
    let row = world.listed(id).await;
    assert_eq!((row.niveau.as_str(), row.is_compliant), ("REJET", false));
    assert_eq!((row.critical_passed, row.critical_total), (2, 3));
    // 5 of 10 points for step 1: 45 of 50.
    assert_eq!(row.score_percentage, "90");
    let unverifiable = "SELECT count(*) FROM audit_step_result_control_points
                         WHERE ai_verdict = 'UNVERIFIABLE' AND statut = 'ABSENT'";
    assert_eq!(world.count(unverifiable).await, 2);
    let snapshot: serde_json::Value =
        serde_json::from_str(row.result_data.as_deref().unwrap()).unwrap();
    let gating = &snapshot["metadata"]["evidence_gating"];
    assert_eq!(gating["removed_citations"], 2);
    assert_eq!(gating["steps_conforme_adjusted"], 1);
    // Announced before gating.
    let announced = &world.payloads("audit.step_completed").await[0];
    assert_eq!(
        (&announced["score"], &announced["conforme"]),
        (&10.into(), &true.into())
    );
}

#[tokio::test]
async fn a_failed_step_gets_the_fallback_and_the_audit_is_incomplete() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config.steps.iter().map(|step| {
        let result = if step.position == 3 {
            Err("timeout")
        } else {
            Ok(proven(step, step.weight))
        };
        analyzed(&audit, step.position, result)
    });
    world.record(facts.collect()).await;
    let row = world.listed(id).await;
    assert_eq!(
        (row.phase.as_str(), row.failed_steps),
        ("completed", Some(1))
    );
    assert_eq!(row.completeness.as_deref(), Some("incomplete"));
    let failed = world.payloads("audit.step_failed").await;
    assert_eq!(failed[0]["error"], "timeout");
    let errors = "SELECT count(*) FROM audit_step_result_control_points WHERE ai_verdict = 'ERROR'";
    assert_eq!(world.count(errors).await, 5);
}

#[tokio::test]
async fn an_audit_of_which_nothing_was_judged_fails() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let facts = config
        .steps
        .iter()
        .map(|step| analyzed(&audit, step.position, Err("no key")));
    world.record(facts.collect()).await;
    let row = world.listed(id).await;
    assert_eq!(row.phase, "failed");
    assert_eq!(row.failure_stage.as_deref(), Some("all_steps_failed"));
    assert_eq!(world.sent("audit/failed").await, 1);
    assert_eq!(world.sent("audit/completed").await, 0);
}

#[tokio::test]
async fn a_missing_recording_makes_absence_unverifiable() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.fetching("44", &config).await;
    world.fetched(id, &half_a_call()).await;
    assert_eq!(world.audit(id).await.phase, Phase::Transcribing);
    assert_eq!(world.sent("fiche/transcribe").await, 1);
    let mut tx = world.db.begin().await.unwrap();
    let audit = vigie_audit_orchestrator::store::audit::lock_one(&mut tx, id)
        .await
        .unwrap();
    world
        .workflow
        .transcribed(&mut tx, &audit.unwrap(), &half_a_call())
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let audit = world.audit(id).await;
    let facts = config.steps.iter().map(|step| {
        let mut result = proven(step, 0);
        for point in &mut result.points_controle {
            point.statut = Statut::Absent;
            point.citations.clear();
        }
        result.conforme = Conforme::NonConforme;
        result.niveau_conformite = Niveau::Insuffisant;
        analyzed(&audit, step.position, Ok(result))
    });
    world.record(facts.collect()).await;
    let row = world.listed(id).await;
    assert_eq!(
        (row.phase.as_str(), row.completeness.as_deref()),
        ("completed", Some("incomplete"))
    );
    let absent = "SELECT count(*) FROM audit_step_result_control_points
                   WHERE ai_verdict <> 'UNVERIFIABLE'";
    assert_eq!(world.count(absent).await, 0);
}
