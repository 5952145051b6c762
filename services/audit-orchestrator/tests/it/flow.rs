//! The consumers on a real broker, with the other services' answers played by the test.

use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::{World, delivered};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::domain::audit::Phase;
use vigie_audit_orchestrator::events::{self, SendLater};
use vigie_bus::{Consumers, Handler, Sending};
use vigie_events::audit::{AuditCompleted, AuditRun, ModelCall, StepAnalyze, StepDeferred};
use vigie_events::fiche::{FicheFetched, FicheSummary};
use vigie_events::ids::{AuditId, FicheCacheId, FicheId};
use vigie_events::transcription::{FicheTranscribed, RunOutcome};
use vigie_events::{Event, Lane, Message, MessageId};

/// A running service without its RPCs.
struct Running {
    world: World,
    script: Script,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Running {
    async fn start(transcribed: usize) -> Self {
        let world = World::new().await;
        world.bus.ensure_topology().await.unwrap();
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let script = Script::default();
        script.transcribed.store(transcribed, Ordering::SeqCst);
        let neighbours = serve(script.clone(), &tasks).await;
        let state = AppState {
            db: world.db.clone(),
            workflow: world.workflow.clone(),
            neighbours,
        };
        let db = Some(world.db.clone());
        let mut consumers = Consumers::new(world.bus.clone(), db, tasks.clone(), stop.clone());
        events::consume(&mut consumers, &state, 10).await.unwrap();
        tasks.spawn(world.db.clone().relay(world.bus.clone(), stop.clone()));
        Self {
            world,
            script,
            tasks,
            stop,
        }
    }

    async fn publish<E: Event>(&self, message: Message<E>) {
        self.world
            .bus
            .publish(&message, Sending::First)
            .await
            .unwrap();
    }

    async fn reaches(&self, id: AuditId, phase: Phase) {
        let world = &self.world;
        vigie_testkit::wait::until(phase.as_str(), Duration::from_secs(20), || async {
            Ok((world.audit(id).await.phase == phase).then_some(()))
        })
        .await
        .unwrap();
    }

    async fn run(&self, id: AuditId) {
        let audit = self.world.audit(id).await;
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
        self.publish(run.message(&audit.tracking, Lane::Interactive))
            .await;
    }

    async fn fetched(&self, id: AuditId, fiche: &FicheId) {
        let fact = FicheFetched {
            fiche_id: fiche.clone(),
            cache_id: FicheCacheId::new(5120),
            recordings_count: 2,
            cached: false,
            fetch_duration_ms: None,
            request_id: format!("audit-{id}-fetch"),
            automation_run_id: None,
            summary: FicheSummary {
                version: 3,
                groupe: Some("Equipe Ouest".to_owned()),
                agence_nom: None,
                attribution_user_id: None,
                sales_date: None,
                has_recordings: true,
                recordings_count: Some(2),
                fetched_at: None,
                last_revalidated_at: None,
            },
        };
        self.publish(fact.message()).await;
    }

    async fn transcribed(&self, id: AuditId, fiche: &FicheId) {
        let fact = FicheTranscribed {
            fiche_id: fiche.clone(),
            transcribed_count: 2,
            cached_count: 0,
            failed_count: 0,
            duration_ms: None,
            skipped: None,
            reason: None,
            run_id: "00000000-0000-4000-8000-000000000001".parse().unwrap(),
            request_ids: vec![
                "automation-1-transcribe-44".to_owned(),
                format!("audit-{id}-transcribe"),
            ],
            status: RunOutcome::Completed,
            automation_run_id: None,
        };
        self.publish(fact.message()).await;
    }

    fn end(self) {
        self.stop.cancel();
        // The scripted servers never end by themselves: dropping the runtime ends them.
        self.tasks.close();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_audit_goes_all_the_way() {
    let running = Running::start(1).await;
    let config = running.world.config(6).await;
    let fiche: FicheId = "44".parse().unwrap();
    let id = running.world.queued("44", &config).await;
    running.run(id).await;
    running.reaches(id, Phase::Fetching).await;
    running.fetched(id, &fiche).await;
    running.reaches(id, Phase::Transcribing).await;
    running.script.transcribed.store(2, Ordering::SeqCst);
    running.transcribed(id, &fiche).await;
    running.reaches(id, Phase::Analyzing).await;
    let audit = running.world.audit(id).await;
    for step in &config.steps {
        let fact = analyzed(&audit, step.position, Ok(proven(step, step.weight)));
        running.publish(fact.message()).await;
    }
    running.reaches(id, Phase::Completed).await;
    let row = running.world.listed(id).await;
    assert_eq!(
        (row.score_percentage.as_str(), row.recordings_count),
        ("100", Some(2))
    );
    assert_eq!(row.fiche_cache_id, Some(5120));
    assert_eq!(row.prospect_nom.as_deref(), Some("Lenoir"));
    let bus = &running.world.bus;
    let completed = vigie_testkit::wait::until("fact", Duration::from_secs(10), || async {
        Ok(bus.last_fact::<AuditCompleted>(&[id.to_string()]).await?)
    });
    assert_eq!(completed.await.unwrap().body.niveau, "EXCELLENT");
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn complete_transcripts_are_not_asked_for() {
    let running = Running::start(2).await;
    let config = running.world.config(6).await;
    let id = running.world.queued("44", &config).await;
    running.run(id).await;
    running.reaches(id, Phase::Fetching).await;
    running.fetched(id, &"44".parse().unwrap()).await;
    running.reaches(id, Phase::Analyzing).await;
    running.end();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deferred_step_waits_in_the_outbox_with_its_next_attempt() {
    let running = Running::start(2).await;
    let config = running.world.config(6).await;
    let id = running.world.analyzing("44", &config).await;
    let audit = running.world.audit(id).await;
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
    let spent = ModelCall {
        engine: "openai".to_owned(),
        model: "gpt-sim".to_owned(),
        prompt_tokens: 900,
        cached_tokens: 0,
        completion_tokens: 40,
        latency_ms: 7,
        ok: false,
    };
    let deferred = StepDeferred {
        step,
        reason: "503".to_owned(),
        retry_after_ms: 60_000,
        calls: vec![spent.clone(), spent],
    };
    running.publish(deferred.clone().message()).await;
    let world = &running.world;
    let waiting = vigie_testkit::wait::until("row", Duration::from_secs(10), || async {
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT message_id, payload FROM outbox WHERE not_before > now() + interval '50 s'",
        )
        .fetch_all(world.pool())
        .await?;
        Ok(rows.into_iter().next())
    });
    let (message_id, payload) = waiting.await.unwrap();
    assert_eq!(message_id, format!("audit-step-{id}-2"));
    let payload: serde_json::Value = serde_json::from_str(&payload).unwrap();
    assert_eq!(payload["attempt"], 2);

    // What it had cost is on record once, also when another worker put the same attempt off.
    let spent = "SELECT count(*) FROM audit_model_calls
                  WHERE step_position = 2 AND attempt = 1 AND prompt_tokens = 900";
    assert_eq!(world.count(spent).await, 2);
    let later = SendLater {
        workflow: world.workflow.clone(),
    };
    let mut twin = deferred.message();
    twin.id = MessageId::new("a-twin-of-it");
    let mut tx = world.db.begin().await.unwrap();
    later.handle(&mut tx, &delivered(twin)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.count(spent).await, 2);
    running.end();
}
