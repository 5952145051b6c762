//! Batches of audits (`audits.md` 2.9, 6.7, W-06): all or none, each member counted once, by its own
//! audit only, and always an end.

mod races;

use crate::callers::{by, user, wire};
use crate::facts::{analyzed, proven};
use crate::neighbours::{Script, serve};
use crate::world::{World, delivered};
use tokio_util::task::TaskTracker;
use tonic::{Code, Status};
use vigie_audit_orchestrator::app::AppState;
use vigie_audit_orchestrator::events::StartBatch;
use vigie_audit_orchestrator::rpc::batches::BatchesRpc;
use vigie_audit_orchestrator::store::audit;
use vigie_audit_orchestrator::sweeper::Sweeper;
use vigie_bus::Handler;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::batch_service_server::BatchService;
use vigie_events::audit::{FailureStage, StepAnalyzed};
use vigie_events::batch::AuditBatch;
use vigie_events::ids::AuditId;
use vigie_identity::Scope;
use vigie_scorecard::{ConfigSnapshot, StepDefinition};
use vigie_service::ErrorCode;

struct Stage {
    world: World,
    rpc: BatchesRpc,
    config: ConfigSnapshot,
}

impl Stage {
    async fn new() -> Self {
        Self::with(Script::default()).await
    }

    async fn with(script: Script) -> Self {
        let world = World::new().await;
        let state = AppState {
            db: world.db.clone(),
            workflow: world.workflow.clone(),
            neighbours: serve(script, &TaskTracker::new()).await,
        };
        let config = world.config(6).await;
        Self {
            rpc: BatchesRpc::new(state),
            world,
            config,
        }
    }

    async fn start(&self, scope: Scope, fiches: &[&str]) -> Result<String, Status> {
        let request = pb::StartBatchRequest {
            fiche_ids: fiches.iter().map(|id| (*id).to_owned()).collect(),
            audit_config_id: Some(self.config.id.clone()),
            ..pb::StartBatchRequest::default()
        };
        let answer = self.rpc.start_batch(by(user(scope, true), request)).await?;
        Ok(answer.into_inner().batch_id)
    }

    /// `audit/batch` is handled.
    async fn handle(&self, batch: &str) {
        let mut tx = self.world.db.begin().await.unwrap();
        let handler = StartBatch {
            workflow: self.world.workflow.clone(),
        };
        let command = delivered(command(batch).message());
        handler.handle(&mut tx, &command).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn get(&self, batch: &str) -> pb::AuditBatch {
        let request = pb::GetBatchRequest {
            batch_id: batch.to_owned(),
            without_items: false,
        };
        let answer = self.rpc.get_batch(by(user(Scope::All, true), request));
        answer.await.unwrap().into_inner().batch.unwrap()
    }

    async fn cancel(&self, batch: &str) -> Result<pb::AuditBatch, Status> {
        let request = pb::CancelBatchRequest {
            batch_id: batch.to_owned(),
        };
        let answer = self.rpc.cancel_batch(by(user(Scope::All, true), request));
        Ok(answer.await?.into_inner().batch.unwrap())
    }

    async fn sweep(&self) {
        let sweeper = Sweeper {
            db: self.world.db.clone(),
            workflow: self.world.workflow.clone(),
            log_retention: crate::watchdog::KEEP,
        };
        sweeper.round(None).await.unwrap();
    }

    async fn fail(&self, id: AuditId) {
        let mut tx = self.world.db.begin().await.unwrap();
        let audit = audit::lock_one(&mut tx, id).await.unwrap().unwrap();
        let stage = FailureStage::PrerequisiteError;
        let workflow = &self.world.workflow;
        workflow
            .fail_now(&mut tx, &audit, stage, "CRM unavailable")
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    /// An audit that waits in the queue gets its fiche and its transcripts.
    async fn analyzing(&self, id: AuditId) {
        let mut tx = self.world.db.begin().await.unwrap();
        let audit = audit::lock_one(&mut tx, id).await.unwrap().unwrap();
        self.world.workflow.begin(&mut tx, &audit).await.unwrap();
        tx.commit().await.unwrap();
        self.world.fetched(id, &crate::facts::call()).await;
    }

    /// The facts about all of its steps.
    async fn facts(&self, id: AuditId) -> Vec<StepAnalyzed> {
        let audit = self.world.audit(id).await;
        let steps = self.config.steps.iter();
        let fact = |step: &StepDefinition| analyzed(&audit, step.position, Ok(proven(step, 5)));
        steps.map(fact).collect()
    }

    async fn complete(&self, id: AuditId) {
        self.analyzing(id).await;
        let facts = self.facts(id).await;
        // Out of order, and twice.
        let backwards = facts.iter().rev().cloned().collect();
        self.world.record(backwards).await;
        self.world.record(facts).await;
    }
}

fn command(batch: &str) -> AuditBatch {
    AuditBatch {
        batch_id: batch.to_owned(),
        fiche_ids: Vec::new(),
        audit_config_id: 1,
        user_id: None,
        use_rlm: None,
    }
}

fn audit_of(batch: &pb::AuditBatch, fiche: &str) -> AuditId {
    let item = batch.items.iter().find(|item| item.fiche_id == fiche);
    item.unwrap().audit_id.as_ref().unwrap().parse().unwrap()
}

/// Counts that tell how far a batch is.
fn counts(batch: &pb::AuditBatch) -> (&str, i32, i32, i32) {
    (&batch.status, batch.total, batch.succeeded, batch.failed)
}

#[tokio::test]
async fn members_are_counted_once_by_the_ends_of_their_own_audits() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::All, &["44", "45", "44"]).await.unwrap();
    assert!(batch.ends_with("-2"), "{batch}");
    assert_eq!(counts(&stage.get(&batch).await), ("running", 2, 0, 0));
    // The command comes twice.
    stage.handle(&batch).await;
    stage.handle(&batch).await;
    let world = &stage.world;
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 2);
    assert_eq!(world.sent("audit/run").await, 2);
    let bulk = "SELECT count(*) FROM audits WHERE lane = 'bulk' AND trigger_source = 'batch'";
    assert_eq!(world.count(bulk).await, 2);

    // A later audit of a member's fiche and configuration is nobody's member.
    let other = world.queued("44", &stage.config).await;
    stage.fail(other).await;
    let now = stage.get(&batch).await;
    assert_eq!(counts(&now), ("running", 2, 0, 0));

    stage.complete(audit_of(&now, "44")).await;
    assert_eq!(counts(&stage.get(&batch).await), ("running", 2, 1, 0));
    stage.fail(audit_of(&now, "45")).await;
    let now = stage.get(&batch).await;
    assert_eq!(counts(&now), ("completed", 2, 1, 1));
    assert_eq!(now.items[1].error.as_deref(), Some("CRM unavailable"));
    let told = world.payloads("audit/batch.completed").await;
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0]["succeeded"], &told[0]["failed"]),
        (&1.into(), &1.into())
    );
    assert_eq!(world.sent("batch.progress").await, 3);
    assert_eq!(world.sent("batch.completed").await, 1);
    assert_eq!(now.sequence, 4);
    // A later word changes nothing.
    stage.handle(&batch).await;
    stage.sweep().await;
    assert_eq!(stage.get(&batch).await, now);
}

#[tokio::test]
async fn a_newer_version_takes_the_latest_flag() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let old = world.queued("44", &stage.config).await;
    let batch = stage.start(Scope::All, &["44", "45"]).await.unwrap();
    stage.handle(&batch).await;
    let latest = "SELECT count(*) FROM audits WHERE is_latest";
    assert_eq!(world.count(latest).await, 2);
    let versions = "SELECT max(version)::bigint FROM audits WHERE fiche_id = '44'";
    assert_eq!(world.count(versions).await, 2);
    stage.complete(old).await;
    let new = audit_of(&stage.get(&batch).await, "44");
    // Its failure hands the flag back to the version that completed.
    stage.fail(new).await;
    let flags: Vec<i64> = sqlx::query_scalar("SELECT id FROM audits WHERE is_latest ORDER BY id")
        .fetch_all(world.pool())
        .await
        .unwrap();
    assert!(
        flags.contains(&old.get()) && !flags.contains(&new.get()),
        "{flags:?}"
    );
}

#[tokio::test]
async fn cancelling_ends_the_open_members_and_the_batch() {
    let stage = Stage::new().await;
    let world = &stage.world;
    // Before its audits are created, and after.
    let early = stage.start(Scope::All, &["41", "42"]).await.unwrap();
    let now = stage.cancel(&early).await.unwrap();
    assert_eq!(counts(&now), ("cancelled", 2, 0, 2));
    stage.handle(&early).await;
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 0);

    let late = stage.start(Scope::All, &["44", "45", "46"]).await.unwrap();
    stage.handle(&late).await;
    stage
        .complete(audit_of(&stage.get(&late).await, "44"))
        .await;
    let now = stage.cancel(&late).await.unwrap();
    assert_eq!(counts(&now), ("cancelled", 3, 1, 2));
    let statuses: Vec<_> = now.items.iter().map(|item| item.status.as_str()).collect();
    assert_eq!(statuses, ["completed", "failed", "failed"]);
    assert!(now.completed_at.is_some());
    let cancelled = "SELECT count(*) FROM audits WHERE failure_stage = 'cancelled'";
    assert_eq!(world.count(cancelled).await, 2);
    assert_eq!(world.sent("audit/batch.completed").await, 2);
    let again = stage.cancel(&late).await.unwrap_err();
    let text = "Batch is already cancelled".to_owned();
    assert_eq!(wire(&again), (ErrorCode::Conflict, text));
}

#[tokio::test]
async fn a_batch_whose_command_was_lost_is_taken_up() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::All, &["44", "45"]).await.unwrap();
    stage.sweep().await;
    let world = &stage.world;
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 0);
    world
        .execute("UPDATE audit_batches SET started_at = now() - interval '6 minutes'")
        .await;
    stage.sweep().await;
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 2);
    assert_eq!(world.sent("audit/run").await, 2);
    // An end that nobody counted is counted by the watchdog.
    world
        .execute("UPDATE audits SET phase = 'failed', error_message = 'gone' WHERE fiche_id = '44'")
        .await;
    stage.sweep().await;
    assert_eq!(counts(&stage.get(&batch).await), ("running", 2, 0, 1));
}

#[tokio::test]
async fn a_deadline_ends_a_batch_and_old_ones_are_forgotten() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::All, &["44", "45"]).await.unwrap();
    stage.handle(&batch).await;
    let world = &stage.world;
    world
        .execute("UPDATE audit_batches SET deadline_at = now() - interval '1 second'")
        .await;
    stage.sweep().await;
    assert_eq!(counts(&stage.get(&batch).await).3, 2);
    let late = "SELECT count(*) FROM audits WHERE failure_stage = 'watchdog_timeout'";
    assert_eq!(world.count(late).await, 2);
    world
        .execute("UPDATE audit_batches SET completed_at = now() - interval '7 hours'")
        .await;
    stage.sweep().await;
    assert_eq!(world.count("SELECT count(*) FROM audit_batches").await, 0);
    assert_eq!(
        world.count("SELECT count(*) FROM audit_batch_items").await,
        0
    );
    assert_eq!(world.count("SELECT count(*) FROM audits").await, 2);
}

#[tokio::test]
async fn a_command_that_is_given_up_ends_the_batch() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::All, &["44"]).await.unwrap();
    let handler = StartBatch {
        workflow: stage.world.workflow.clone(),
    };
    let mut tx = stage.world.db.begin().await.unwrap();
    let command = delivered(command(&batch).message());
    handler.parked(&mut tx, &command, "test").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(counts(&stage.get(&batch).await), ("completed", 1, 0, 1));
}

#[tokio::test]
async fn what_may_not_run_leaves_no_trace() {
    let stage = Stage::with(Script {
        failure: Some(Code::Unavailable),
        ..Script::default()
    })
    .await;
    // Nobody can tell whether the fiches are in scope.
    let refused = stage.start(Scope::Group, &["44"]).await.unwrap_err();
    assert_eq!(wire(&refused).0, ErrorCode::Unavailable);
    let refused = stage.start(Scope::All, &[]).await.unwrap_err();
    let text = "Invalid batch audit input".to_owned();
    assert_eq!(wire(&refused), (ErrorCode::Validation, text));
    stage
        .world
        .execute("UPDATE audit_configs SET is_active = false")
        .await;
    let refused = stage.start(Scope::All, &["44"]).await.unwrap_err();
    assert_eq!(wire(&refused).0, ErrorCode::Validation);
    let rows = "SELECT (SELECT count(*) FROM audit_batches) + (SELECT count(*) FROM outbox)";
    assert_eq!(stage.world.count(rows).await, 0);
}

#[tokio::test]
async fn only_who_asked_or_sees_everything_may_read_a_batch() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::Group, &["44"]).await.unwrap();
    let read = async |scope| {
        let request = pb::GetBatchRequest {
            batch_id: batch.clone(),
            without_items: false,
        };
        stage.rpc.get_batch(by(user(scope, true), request)).await
    };
    // The caller of these tests asked for it; its items are in its groupe.
    let own = read(Scope::Group).await.unwrap().into_inner();
    assert_eq!(own.batch.unwrap().items.len(), 1);
    stage
        .world
        .execute("UPDATE audit_batches SET requested_by = 'user-99'")
        .await;
    let refused = read(Scope::Group).await.unwrap_err();
    let text = "Batch not found".to_owned();
    assert_eq!(wire(&refused), (ErrorCode::NotFound, text));
    assert!(read(Scope::All).await.is_ok());
}
