//! Messages that come twice, early or late move nothing a second time.

use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::{World, delivered};
use std::sync::atomic::Ordering;
use tokio_util::task::TaskTracker;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::events::{
    FailUnfetched, ProjectFiche, SendLater, StartAudit, UseFiche, UseTranscripts,
};
use vigie_bus::{Delivery, Handler, Worker};
use vigie_events::audit::{AuditRun, StepAnalyze, StepDeferred};
use vigie_events::fiche::{
    FetchFailure, FicheFetchFailed, FicheFetched, FicheSummary, FicheSummaryUpdated,
};
use vigie_events::ids::{AuditId, FicheCacheId};
use vigie_events::transcription::{FicheTranscribed, RunOutcome};
use vigie_events::{Event, Lane, Message};

async fn handled<E: Event, H: Handler<E>>(world: &World, handler: &H, message: Message<E>) {
    let mut tx = world.db.begin().await.unwrap();
    handler.handle(&mut tx, &delivered(message)).await.unwrap();
    tx.commit().await.unwrap();
}

async fn worked<E: Event, W: Worker<E>>(world: &World, worker: &W, message: Message<E>) {
    let delivery: Delivery<E> = delivered(message);
    let output = worker.work(&delivery).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    worker.store(&mut tx, &delivery, output).await.unwrap();
    tx.commit().await.unwrap();
}

fn summary(version: i64, groupe: &str) -> FicheSummary {
    FicheSummary {
        version,
        groupe: Some(groupe.to_owned()),
        agence_nom: None,
        attribution_user_id: None,
        sales_date: None,
        has_recordings: true,
        recordings_count: Some(2),
        fetched_at: None,
        last_revalidated_at: None,
    }
}

fn fetched(id: AuditId) -> Message<FicheFetched> {
    let fact = FicheFetched {
        fiche_id: "44".parse().unwrap(),
        cache_id: FicheCacheId::new(5120),
        recordings_count: 2,
        cached: false,
        fetch_duration_ms: None,
        request_id: format!("audit-{id}-fetch"),
        automation_run_id: None,
        summary: summary(3, "Equipe Ouest"),
    };
    fact.message()
}

fn fetch_failed(id: AuditId) -> Message<FicheFetchFailed> {
    let fact = FicheFetchFailed {
        fiche_id: "44".parse().unwrap(),
        request_id: format!("audit-{id}-fetch"),
        kind: FetchFailure::NotFound,
        error: "not found".to_owned(),
        attempts: 1,
        automation_run_id: None,
    };
    fact.message()
}

fn transcribed(id: AuditId) -> Message<FicheTranscribed> {
    let fact = FicheTranscribed {
        fiche_id: "44".parse().unwrap(),
        transcribed_count: 2,
        cached_count: 0,
        failed_count: 0,
        duration_ms: None,
        skipped: None,
        reason: None,
        run_id: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
        request_ids: vec![format!("audit-{id}-transcribe")],
        status: RunOutcome::Completed,
        automation_run_id: None,
    };
    fact.message()
}

#[tokio::test]
async fn each_answer_moves_an_audit_once_and_only_from_where_it_waits() {
    let world = World::new().await;
    let script = Script::default();
    let state = AppState {
        db: world.db.clone(),
        workflow: world.workflow.clone(),
        neighbours: serve(script.clone(), &TaskTracker::new()).await,
    };
    let (use_fiche, use_transcripts) = (
        UseFiche {
            state: state.clone(),
        },
        UseTranscripts { state },
    );
    let workflow = world.workflow.clone();
    let fail = FailUnfetched { workflow };
    let config = world.config(6).await;
    let id = world.queued("44", &config).await;
    let phase = async || world.audit(id).await.phase;

    // Early: nobody waits for them yet.
    worked(&world, &use_fiche, fetched(id)).await;
    worked(&world, &use_transcripts, transcribed(id)).await;
    handled(&world, &fail, fetch_failed(id)).await;
    assert_eq!(phase().await, Phase::Queued);

    let audit = world.audit(id).await;
    let run = AuditRun {
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        user_id: None,
        automation_schedule_id: None,
        automation_run_id: None,
        trigger_source: None,
        use_rlm: None,
        audit_db_id: Some(id),
        batch_id: None,
    };
    let start = StartAudit {
        workflow: world.workflow.clone(),
    };
    for _ in 0..2 {
        let command = run.clone().message(&audit.tracking, Lane::Interactive);
        handled(&world, &start, command).await;
    }
    assert_eq!(phase().await, Phase::Fetching);
    assert_eq!(world.sent("fiche/fetch").await, 1);
    worked(&world, &use_transcripts, transcribed(id)).await;
    assert_eq!(phase().await, Phase::Fetching);

    // Twice, and a contradiction that comes too late.
    for _ in 0..2 {
        worked(&world, &use_fiche, fetched(id)).await;
    }
    handled(&world, &fail, fetch_failed(id)).await;
    assert_eq!(phase().await, Phase::Transcribing);
    assert_eq!(world.sent("fiche/transcribe").await, 1);

    script.transcribed.store(2, Ordering::SeqCst);
    for _ in 0..2 {
        worked(&world, &use_transcripts, transcribed(id)).await;
    }
    worked(&world, &use_fiche, fetched(id)).await;
    assert_eq!(phase().await, Phase::Analyzing);
    assert_eq!(world.sent("audit/step.analyze").await, 6);

    // Ended: nothing of it begins again.
    let audit = world.audit(id).await;
    let facts = config.steps.iter();
    let facts = facts.map(|step| analyzed(&audit, step.position, Ok(proven(step, 1))));
    world.record(facts.collect()).await;
    assert_eq!(phase().await, Phase::Completed);
    worked(&world, &use_fiche, fetched(id)).await;
    worked(&world, &use_transcripts, transcribed(id)).await;
    handled(&world, &fail, fetch_failed(id)).await;
    let command = run.message(&audit.tracking, Lane::Interactive);
    handled(&world, &start, command).await;
    assert_eq!(phase().await, Phase::Completed);
    for (event, times) in [
        ("fiche/fetch", 1),
        ("fiche/transcribe", 1),
        ("audit/step.analyze", 6),
        ("audit/completed", 1),
        ("audit/failed", 0),
    ] {
        assert_eq!(world.sent(event).await, times, "{event}");
    }
}

#[tokio::test]
async fn an_older_summary_never_replaces_a_newer_one() {
    let world = World::new().await;
    // Only fiches with an audit are projected, from version 1 on.
    world.project("44", Some("Equipe Ouest"), None).await;
    for (version, groupe) in [(3, "Equipe Nord"), (2, "Equipe Sud"), (3, "Equipe Nord")] {
        let fact = FicheSummaryUpdated {
            fiche_id: "44".parse().unwrap(),
            cache_id: FicheCacheId::new(5120),
            summary: summary(version, groupe),
        };
        handled(&world, &ProjectFiche, fact.message()).await;
    }
    let newest = "SELECT count(*) FROM fiches
                   WHERE fiche_id = '44' AND version = 3 AND groupe = 'Equipe Nord'";
    assert_eq!(world.count(newest).await, 1);
}

#[tokio::test]
async fn a_step_put_off_after_its_result_is_not_asked_again() {
    let world = World::new().await;
    let config = world.config(6).await;
    let id = world.analyzing("44", &config).await;
    let audit = world.audit(id).await;
    let deferred = |attempt| StepDeferred {
        step: StepAnalyze {
            audit_db_id: id,
            audit_id: audit.tracking.clone(),
            fiche_id: audit.fiche.clone(),
            audit_config_id: audit.config.get(),
            step_position: 2,
            use_rlm: None,
            attempt,
            rerun: None,
        },
        reason: "503".to_owned(),
        retry_after_ms: 60_000,
        calls: Vec::new(),
    };
    let later = SendLater {
        workflow: world.workflow.clone(),
    };
    let definition = config.step(2).unwrap();
    let fact = analyzed(&audit, 2, Ok(proven(definition, 1)));
    world.record(vec![fact]).await;
    let sent = world.sent("audit/step.analyze").await;
    for attempt in [1, 1, 2] {
        handled(&world, &later, deferred(attempt).message()).await;
    }
    assert_eq!(world.sent("audit/step.analyze").await, sent);
}
