//! The end of an audit that gets no score.

use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::audit::{Audit, Phase};
use crate::domain::time::iso;
use crate::store;
use crate::store::log::{Level, Lines};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::audit::{AuditFailed, FailureStage};
use vigie_events::realtime::audit::{Failed, IsFailed, PartialResults};

impl Workflow {
    /// Ends a locked, open audit as failed. `announcer` may hold messages that go before.
    pub async fn fail(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        mut announcer: Announcer,
        stage: FailureStage,
        error: &str,
    ) -> Result<(), WorkflowError> {
        if audit.phase.is_final() {
            return Ok(());
        }
        let partial_results = self.partial_results(tx, audit).await?;
        announcer.enter(Phase::Failed);
        announcer.say(|reference| Failed {
            audit: reference,
            error: error.to_owned(),
            failed_phase: Some(stage.as_str().to_owned()),
            failed_at: iso(audit.now),
            partial_results,
            status: IsFailed::Only,
        })?;
        let sequence = announcer.sequence();
        if !store::end::fail(tx, audit, stage, error, sequence).await? {
            return Ok(());
        }
        let fact = AuditFailed {
            fiche_id: audit.fiche.clone(),
            audit_config_id: audit.config.get(),
            error: error.to_owned(),
            retry_count: 0,
            audit_db_id: Some(audit.id),
            audit_tracking_id: audit.tracking.clone(),
            stage,
            batch_id: audit.batch.clone(),
            automation_run_id: audit.automation_run,
        };
        outbox::send_and_show(tx, &[fact.message()], &announcer.into_messages()).await?;
        let mut log = Lines::new(self.settings.log);
        log.add(
            audit,
            Level::Error,
            "failed",
            error,
            json!({"stage": stage.as_str()}),
        );
        log.insert(tx).await?;
        self.contexts.forget(audit.id.get()).await;
        metrics::counter!("audit.ended", "outcome" => stage.as_str()).increment(1);
        tracing::warn!(audit.id = %audit.id, stage = stage.as_str(), "audit failed");
        Ok(())
    }

    /// The same, for an audit with nothing to say before.
    pub async fn fail_now(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
        stage: FailureStage,
        error: &str,
    ) -> Result<(), WorkflowError> {
        self.fail(tx, audit, Announcer::of(audit, audit.phase), stage, error)
            .await
    }

    async fn partial_results(
        &self,
        tx: &mut PgConnection,
        audit: &Audit,
    ) -> sqlx::Result<Option<PartialResults>> {
        let (Phase::Analyzing, Some(total_steps)) = (audit.phase, audit.total_steps) else {
            return Ok(None);
        };
        let gating = self.settings.evidence.gating;
        let stored = store::step::stored(tx, &[audit.id.get()], gating).await?;
        let steps = stored
            .get(&audit.id.get())
            .map(Vec::as_slice)
            .unwrap_or_default();
        let failed = steps.iter().filter(|step| !step.facts.traite).count();
        Ok(Some(PartialResults {
            completed_steps: crate::domain::material::count(steps.len()),
            total_steps,
            failed_steps: crate::domain::material::count(failed),
        }))
    }
}
