//! Batches that are cancelled while they are created, cancelled twice, cancelled while they
//! complete, and whose command comes twice at once.

use super::{Stage, audit_of, counts};
use crate::callers::wire;
use crate::world::delivered;
use futures::future::{join, join_all};
use std::time::Duration;
use tonic::Status;
use vigie_audit_orchestrator::events::{RecordSteps, StartAudit};
use vigie_audit_orchestrator::store::batch;
use vigie_audit_orchestrator::workflow::BatchEnd;
use vigie_bus::{BatchHandler, Handler, Tx};
use vigie_contracts::audit::v1 as pb;
use vigie_events::Lane;
use vigie_events::audit::AuditRun;
use vigie_events::ids::{AuditConfigId, AuditId, TrackingId};
use vigie_identity::Scope;
use vigie_service::ErrorCode;
use vigie_testkit::wait;

const OPEN: &str = "SELECT count(*) FROM audits WHERE phase NOT IN ('completed', 'failed')";

impl Stage {
    /// Commits once somebody waits for what the transaction holds.
    async fn commit_when_awaited(&self, tx: Tx) {
        let waiting = "SELECT count(*) FROM pg_stat_activity
                        WHERE datname = current_database() AND wait_event_type = 'Lock'";
        wait::until("somebody who waits", Duration::from_secs(20), || async {
            Ok((self.world.count(waiting).await > 0).then_some(()))
        })
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// A cancellation that is not committed.
    async fn cancelling(&self, id: &str) -> Tx {
        let mut tx = self.world.db.begin().await.unwrap();
        let found = batch::find(&mut tx, id, None).await.unwrap().unwrap();
        let end = BatchEnd::Cancelled;
        let workflow = &self.world.workflow;
        workflow.end_batch(&mut tx, &found, end).await.unwrap();
        tx
    }

    /// The last word about an audit, not committed.
    async fn completing(&self, id: AuditId) -> Tx {
        let facts = self.facts(id).await.into_iter();
        let facts: Vec<_> = facts.map(|fact| delivered(fact.message())).collect();
        let handler = RecordSteps {
            workflow: self.world.workflow.clone(),
        };
        let mut tx = self.world.db.begin().await.unwrap();
        handler.handle(&mut tx, &facts).await.unwrap();
        tx
    }

    /// A batch whose audits wait for their steps.
    async fn analyzing_batch(&self, fiches: &[&str]) -> (String, Vec<AuditId>) {
        let batch = self.start(Scope::All, fiches).await.unwrap();
        self.handle(&batch).await;
        let now = self.get(&batch).await;
        let ids: Vec<_> = fiches.iter().map(|fiche| audit_of(&now, fiche)).collect();
        for id in &ids {
            self.analyzing(*id).await;
        }
        (batch, ids)
    }

    /// The commands of all audits are handled, late.
    async fn handle_runs(&self) {
        let handler = StartAudit {
            workflow: self.world.workflow.clone(),
        };
        for payload in self.world.payloads("audit/run").await {
            let run: AuditRun = serde_json::from_value(payload).unwrap();
            let config = AuditConfigId::new(run.audit_config_id);
            let batch = run.batch_id.clone().unwrap();
            let tracking = TrackingId::of_batch(&batch, &run.fiche_id, config);
            let command = delivered(run.message(&tracking, Lane::Bulk));
            let mut tx = self.world.db.begin().await.unwrap();
            handler.handle(&mut tx, &command).await.unwrap();
            tx.commit().await.unwrap();
        }
    }

    /// So many batches ended, each was told once, and nothing of them is open or begins later.
    async fn all_over(&self, batches: i64) {
        self.handle_runs().await;
        self.sweep().await;
        let world = &self.world;
        assert_eq!(world.count(OPEN).await, 0);
        assert_eq!(world.sent("audit/batch.completed").await, batches);
        assert_eq!(world.sent("batch.completed").await, batches);
        let ended = "SELECT count(*) FROM audit_batches WHERE completed_at IS NOT NULL";
        assert_eq!(world.count(ended).await, batches);
        let odd = "SELECT count(*) FROM audit_batch_items i LEFT JOIN audits a ON a.id = i.audit_id
                    WHERE i.status <> COALESCE(a.status, 'failed')";
        assert_eq!(world.count(odd).await, 0);
    }
}

fn is_refused(answer: &Result<pb::AuditBatch, Status>, text: &str) {
    let refused = wire(answer.as_ref().unwrap_err());
    assert_eq!(refused, (ErrorCode::Conflict, text.to_owned()));
}

#[tokio::test]
async fn audits_that_are_created_during_a_cancellation_are_cancelled() {
    let stage = Stage::new().await;
    let world = &stage.world;
    let batch = stage.start(Scope::All, &["44", "45", "46"]).await.unwrap();
    let mut tx = world.db.begin().await.unwrap();
    let created = world.workflow.create_audits(&mut tx, &batch).await.unwrap();
    assert_eq!(created, 3);
    let (now, ()) = join(stage.cancel(&batch), stage.commit_when_awaited(tx)).await;
    assert_eq!(counts(&now.unwrap()), ("cancelled", 3, 0, 3));
    let cancelled = "SELECT count(*) FROM audits WHERE failure_stage = 'cancelled'";
    assert_eq!(world.count(cancelled).await, 3);
    stage.all_over(1).await;
    assert_eq!(world.sent("fiche/fetch").await, 0);
}

#[tokio::test]
async fn nothing_is_created_after_a_cancellation() {
    let stage = Stage::new().await;
    let batch = stage.start(Scope::All, &["44", "45"]).await.unwrap();
    let tx = stage.cancelling(&batch).await;
    join(stage.handle(&batch), stage.commit_when_awaited(tx)).await;
    let audits = "SELECT count(*) FROM audits";
    assert_eq!(stage.world.count(audits).await, 0);
    stage.all_over(1).await;
    assert_eq!(stage.world.count(audits).await, 0);
}

#[tokio::test]
async fn in_whatever_order_a_batch_is_cancelled_once() {
    let stage = Stage::new().await;
    for round in 1..=8 {
        let batch = stage.start(Scope::All, &["44", "45", "46"]).await.unwrap();
        let commands = join(stage.handle(&batch), stage.handle(&batch));
        let cancels = join(stage.cancel(&batch), stage.cancel(&batch));
        let (_, (one, other)) = join(commands, cancels).await;
        assert_ne!(one.is_ok(), other.is_ok(), "{one:?} {other:?}");
        let (done, refused) = if one.is_ok() {
            (one, other)
        } else {
            (other, one)
        };
        assert_eq!(counts(&done.unwrap()), ("cancelled", 3, 0, 3));
        is_refused(&refused, "Batch is already cancelled");
        stage.all_over(round).await;
    }
    assert_eq!(stage.world.sent("fiche/fetch").await, 0);
}

#[tokio::test]
async fn the_last_audit_completes_before_a_cancellation() {
    let stage = Stage::new().await;
    let (batch, ids) = stage.analyzing_batch(&["44"]).await;
    let tx = stage.completing(ids[0]).await;
    let (answer, ()) = join(stage.cancel(&batch), stage.commit_when_awaited(tx)).await;
    is_refused(&answer, "Batch is already completed");
    assert_eq!(counts(&stage.get(&batch).await), ("completed", 1, 1, 0));
    stage.all_over(1).await;
}

#[tokio::test]
async fn an_audit_that_completes_during_a_cancellation_keeps_its_score() {
    let stage = Stage::new().await;
    let (batch, ids) = stage.analyzing_batch(&["44", "45"]).await;
    let tx = stage.completing(ids[1]).await;
    let (answer, ()) = join(stage.cancel(&batch), stage.commit_when_awaited(tx)).await;
    let now = answer.unwrap();
    assert_eq!(counts(&now), ("cancelled", 2, 1, 1));
    let statuses: Vec<_> = now.items.iter().map(|item| item.status.as_str()).collect();
    assert_eq!(statuses, ["failed", "completed"]);
    stage.all_over(1).await;
}

#[tokio::test]
async fn a_result_that_comes_during_a_cancellation_is_only_paid() {
    let stage = Stage::new().await;
    let (batch, ids) = stage.analyzing_batch(&["44"]).await;
    let facts = stage.facts(ids[0]).await;
    let steps = i64::try_from(facts.len()).unwrap();
    let tx = stage.cancelling(&batch).await;
    join(stage.world.record(facts), stage.commit_when_awaited(tx)).await;
    assert_eq!(counts(&stage.get(&batch).await), ("cancelled", 1, 0, 1));
    let stored = "SELECT count(*) FROM audit_step_results";
    assert_eq!(stage.world.count(stored).await, 0);
    let paid = "SELECT count(*) FROM audit_model_calls";
    assert_eq!(stage.world.count(paid).await, steps);
    stage.all_over(1).await;
}

#[tokio::test]
async fn a_command_that_comes_twice_at_once_creates_each_audit_once() {
    let stage = Stage::new().await;
    let world = &stage.world;
    for round in 1..=5 {
        let batch = stage.start(Scope::All, &["44", "45", "46"]).await.unwrap();
        let sweep = stage.sweep();
        join(join(stage.handle(&batch), stage.handle(&batch)), sweep).await;
        assert_eq!(world.count("SELECT count(*) FROM audits").await, 3 * round);
        assert_eq!(world.sent("audit/run").await, 3 * round);
        let latest = "SELECT count(*) FROM audits WHERE is_latest";
        assert_eq!(world.count(latest).await, 3);
    }
}

#[tokio::test]
async fn audits_that_end_at_once_are_all_counted() {
    let stage = Stage::new().await;
    let fiches = ["44", "45", "46", "47", "48"];
    let (batch, ids) = stage.analyzing_batch(&fiches).await;
    let ends = ids.iter().enumerate().map(|(n, id)| {
        let stage = &stage;
        async move {
            if n == 2 {
                stage.fail(*id).await;
            } else {
                stage.completing(*id).await.commit().await.unwrap();
            }
        }
    });
    join_all(ends).await;
    let now = stage.get(&batch).await;
    assert_eq!(counts(&now), ("completed", 5, 4, 1));
    let told = stage.world.payloads("batch.progress").await;
    let mut numbers: Vec<_> = told
        .iter()
        .filter_map(|it| it["sequence"].as_i64())
        .collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    assert_eq!(now.sequence, 7);
    stage.all_over(1).await;
}
