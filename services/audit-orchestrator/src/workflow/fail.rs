//! The end of audits that get no score.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::domain::material::count;
use crate::domain::time::iso;
use crate::store;
use crate::store::batch::Ended;
use crate::store::end::Failure;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_bus::outbox;
use vigie_events::audit::{AuditFailed, FailureStage};
use vigie_events::realtime::audit::{Failed, IsFailed, PartialResults};

/// A locked audit on its way to failure.
pub(super) struct Failing {
    /// The audit.
    pub(super) audit: Audit,
    /// Holds messages that go before.
    pub(super) announcer: Announcer,
    /// Sanitised text.
    pub(super) error: String,
}

impl Failing {
    /// With nothing to say before.
    pub(super) fn of(audit: Audit, error: &str) -> Self {
        Self {
            announcer: Announcer::of(&audit, audit.phase),
            audit,
            error: error.to_owned(),
        }
    }
}

impl Workflow {
    /// Ends a locked, open audit as failed. `announcer` may hold messages that go before.
    pub async fn fail(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        announcer: Announcer,
        stage: FailureStage,
        error: &str,
    ) -> Result<(), WorkflowError> {
        let failing = Failing {
            audit: audit.clone(),
            announcer,
            error: error.to_owned(),
        };
        self.fail_all(tx, vec![failing], stage).await
    }

    /// The same, for an audit with nothing to say before.
    pub async fn fail_now(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        stage: FailureStage,
        error: &str,
    ) -> Result<(), WorkflowError> {
        self.fail_all(tx, vec![Failing::of(audit.clone(), error)], stage)
            .await
    }

    /// The same, for many: a handful of statements.
    pub(super) async fn fail_all(
        &self,
        tx: &mut PgConnection,
        failing: Vec<Failing>,
        stage: FailureStage,
    ) -> Result<(), WorkflowError> {
        let ended = self.fail_uncounted(tx, failing, stage).await?;
        self.count_members(tx, &ended).await
    }

    /// The same, for a caller that counts the members of batches among them with others: batches
    /// are locked last.
    pub(super) async fn fail_uncounted(
        &self,
        tx: &mut PgConnection,
        mut failing: Vec<Failing>,
        stage: FailureStage,
    ) -> Result<Vec<Ended>, WorkflowError> {
        failing.retain(|it| !it.audit.phase.is_final());
        if failing.is_empty() {
            return Ok(Vec::new());
        }
        let mut partial = self.partial_results(tx, &failing).await?;
        for Failing {
            audit,
            announcer,
            error,
        } in &mut failing
        {
            let partial_results = partial.remove(&audit.id.get());
            announcer.enter(Phase::Failed);
            announcer.say(|reference| Failed {
                audit: reference,
                error: error.clone(),
                failed_phase: Some(stage.as_str().to_owned()),
                failed_at: iso(audit.now),
                partial_results,
                status: IsFailed::Only,
            })?;
        }
        let rows: Vec<Failure<'_>> = failing
            .iter()
            .map(|it| Failure {
                audit: it.audit.id,
                error: &it.error,
                sequence: it.announcer.sequence(),
            })
            .collect();
        store::end::fail(tx, &rows, stage).await?;
        let mut log = Lines::new(self.settings.log);
        let (mut facts, mut shown, mut ended) = (Vec::new(), Vec::new(), Vec::new());
        for it in failing {
            let data = json!({"stage": stage.as_str()});
            log.add(&it.audit, Level::Error, "failed", &it.error, data);
            self.contexts.forget(it.audit.id.get()).await;
            tracing::warn!(audit.id = %it.audit.id, stage = stage.as_str(), "audit failed");
            shown.extend(it.announcer.into_messages());
            if it.audit.batch.is_some() {
                ended.push(Ended {
                    tracking: it.audit.tracking.to_string(),
                    error: Some(it.error.clone()),
                });
            }
            facts.push(fact(it.audit, stage, it.error).message());
        }
        metrics::counter!("audit.ended", "outcome" => stage.as_str()).increment(facts.len() as u64);
        outbox::send_and_show(tx, &facts, &shown).await?;
        log.insert(tx).await?;
        Ok(ended)
    }

    async fn partial_results(
        &self,
        tx: &mut PgConnection,
        failing: &[Failing],
    ) -> sqlx::Result<HashMap<i64, PartialResults>> {
        let analyzing = failing
            .iter()
            .filter(|it| it.audit.phase == Phase::Analyzing);
        let totals: HashMap<i64, i32> = analyzing
            .filter_map(|it| Some((it.audit.id.get(), it.audit.total_steps?)))
            .collect();
        if totals.is_empty() {
            return Ok(HashMap::new());
        }
        let ids: Vec<i64> = totals.keys().copied().collect();
        let mut stored = store::step::stored(tx, &ids, self.settings.evidence.gating).await?;
        let results = totals.into_iter().map(|(id, total_steps)| {
            let steps = stored.remove(&id).unwrap_or_default();
            let failed = steps.iter().filter(|step| !step.facts.traite).count();
            let results = PartialResults {
                completed_steps: count(steps.len()),
                total_steps,
                failed_steps: count(failed),
            };
            (id, results)
        });
        Ok(results.collect())
    }
}

fn fact(audit: Audit, stage: FailureStage, error: String) -> AuditFailed {
    AuditFailed {
        fiche_id: audit.fiche,
        audit_config_id: audit.config.get(),
        error,
        retry_count: 0,
        audit_db_id: Some(audit.id),
        audit_tracking_id: audit.tracking,
        stage,
        batch_id: audit.batch,
        automation_run_id: audit.automation_run,
    }
}
