//! `audit/run`: starts an audit, inserting its row where the request did not.

use crate::store::config::ConfigState;
use crate::store::insert::NewAudit;
use crate::store::{self, audit};
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::Lane;
use vigie_events::audit::{AuditRun, FailureStage};
use vigie_events::ids::{AuditConfigId, AuditId, InvalidId, TrackingId};

/// The handler.
#[derive(Debug, Clone)]
pub struct StartAudit {
    /// Moves audits on.
    pub workflow: Workflow,
}

/// An `audit/run` that no audit can be made of.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Nothing a row could refer to.
    #[error("audit config {0} does not exist")]
    UnknownConfig(i64),
    /// The message id cannot be a tracking id.
    #[error(transparent)]
    BadTracking(#[from] InvalidId),
}

impl Handler<AuditRun> for StartAudit {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditRun>,
    ) -> Result<(), Failure> {
        if let Some(id) = delivery.body.audit_db_id {
            // Inserted with the request, which looked at the configuration.
            let Some(audit) = audit::lock_one(tx, id).await? else {
                return Ok(());
            };
            return Ok(self.workflow.begin(tx, &audit).await?);
        }
        let Some((id, config)) = self.insert(tx, delivery).await? else {
            return Ok(());
        };
        let Some(audit) = audit::lock_one(tx, id).await? else {
            return Ok(());
        };
        if !config.is_active || config.steps == 0 {
            let error = format!("Audit config {} is inactive or has no steps", config.id);
            let stage = FailureStage::ConfigInvalid;
            return Ok(self.workflow.fail_now(tx, &audit, stage, &error).await?);
        }
        Ok(self.workflow.begin(tx, &audit).await?)
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditRun>,
        reason: &str,
    ) -> Result<(), Failure> {
        let Some(id) = delivery.body.audit_db_id else {
            return Ok(());
        };
        let Some(audit) = audit::lock_one(tx, id).await? else {
            return Ok(());
        };
        tracing::error!(audit.id = %id, reason, "audit could not be started");
        let stage = FailureStage::PrerequisiteError;
        Ok(self
            .workflow
            .fail_now(tx, &audit, stage, "Audit could not be started")
            .await?)
    }
}

impl StartAudit {
    /// Inserts the audit of a command that came without a row; `None` when it is there already.
    async fn insert(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditRun>,
    ) -> Result<Option<(AuditId, ConfigState)>, Failure> {
        let run = &delivery.body;
        let unknown = || Failure::park(Unusable::UnknownConfig(run.audit_config_id));
        let config = AuditConfigId::new(run.audit_config_id);
        let config = store::config::state(tx, config)
            .await?
            .ok_or_else(unknown)?;
        let tracking: TrackingId = delivery
            .id
            .as_str()
            .parse()
            .map_err(|error| Failure::park(Unusable::BadTracking(error)))?;
        let new = NewAudit {
            fiche: &run.fiche_id,
            fiche_cache_id: None,
            config: config.id,
            lane: delivery.lane.unwrap_or(Lane::Bulk),
            use_rlm: run.use_rlm.unwrap_or(false),
            trigger_source: run.trigger_source.as_deref().unwrap_or("automation"),
            trigger_user: run.user_id.as_deref(),
            schedule: run.automation_schedule_id,
            automation_run: run.automation_run_id,
            batch: run.batch_id.as_deref(),
            deadline: self.workflow.settings().deadlines.queued,
        };
        let inserted = store::insert::insert(tx, &tracking, &new).await?;
        Ok(inserted.map(|(id, _)| (id, config)))
    }
}
