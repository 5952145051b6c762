//! `audit/run`: starts an audit, inserting its row where the request did not.

use crate::domain::audit::uses_tools;
use crate::store::config::ConfigState;
use crate::store::insert::NewAudit;
use crate::store::{self, audit};
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler, outbox};
use vigie_events::Lane;
use vigie_events::audit::{AuditFailed, AuditRun, FailureStage};
use vigie_events::ids::{AuditConfigId, AuditId, InvalidId, TrackingId};

/// The handler.
#[derive(Debug, Clone)]
pub struct StartAudit {
    /// Moves audits on.
    pub workflow: Workflow,
}

/// The message id cannot be a tracking id: nobody can be told.
#[derive(Debug, thiserror::Error)]
#[error("the message id is no tracking id")]
pub struct BadTracking(#[from] InvalidId);

/// What became of a command that came without a row.
enum Inserted {
    /// Its audit.
    New(AuditId, ConfigState),
    /// It is there already.
    Known,
    /// Nothing that a row could refer to.
    UnknownConfig(TrackingId),
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
        let (id, config) = match self.insert(tx, delivery).await? {
            Inserted::New(id, config) => (id, config),
            Inserted::Known => return Ok(()),
            Inserted::UnknownConfig(tracking) => {
                let config = delivery.body.audit_config_id;
                tracing::warn!(audit.tracking_id = %tracking, config.id = config,
                    "audit of an unknown config");
                let error = format!("Audit config {config} does not exist");
                let stage = FailureStage::ConfigInvalid;
                return refuse(tx, &delivery.body, tracking, stage, error).await;
            }
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
        let error = "Audit could not be started";
        let stage = FailureStage::PrerequisiteError;
        let Some(id) = delivery.body.audit_db_id else {
            // Rolled back with the attempt that failed: there is no row.
            tracing::error!(audit.tracking_id = delivery.id.as_str(), reason, error);
            let tracking = tracking_of(delivery)?;
            return refuse(tx, &delivery.body, tracking, stage, error.to_owned()).await;
        };
        let Some(audit) = audit::lock_one(tx, id).await? else {
            return Ok(());
        };
        tracing::error!(audit.id = %id, reason, error);
        Ok(self.workflow.fail_now(tx, &audit, stage, error).await?)
    }
}

impl StartAudit {
    /// Inserts the audit of a command that came without a row.
    async fn insert(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditRun>,
    ) -> Result<Inserted, Failure> {
        let run = &delivery.body;
        let tracking = tracking_of(delivery)?;
        let config = AuditConfigId::new(run.audit_config_id);
        let Some(config) = store::config::state(tx, config).await? else {
            return Ok(Inserted::UnknownConfig(tracking));
        };
        let new = NewAudit {
            fiche: &run.fiche_id,
            fiche_cache_id: None,
            config: config.id,
            lane: delivery.lane.unwrap_or(Lane::Bulk),
            use_rlm: uses_tools(
                run.use_rlm.unwrap_or(false),
                &self.workflow.settings().engine,
            ),
            trigger_source: run.trigger_source.as_deref().unwrap_or("api"),
            trigger_user: run.user_id.as_deref(),
            schedule: run.automation_schedule_id,
            automation_run: run.automation_run_id,
            batch: run.batch_id.as_deref(),
            deadline: self.workflow.settings().deadlines.queued,
        };
        let inserted = store::insert::insert(tx, &tracking, &new).await?;
        Ok(inserted.map_or(Inserted::Known, |(id, _)| Inserted::New(id, config)))
    }
}

fn tracking_of(delivery: &Delivery<AuditRun>) -> Result<TrackingId, Failure> {
    let tracking = delivery.id.as_str().parse();
    tracking.map_err(|error| Failure::park(BadTracking(error)))
}

/// Tells whoever waits that no audit comes of a command.
async fn refuse(
    tx: &mut PgConnection,
    run: &AuditRun,
    tracking: TrackingId,
    stage: FailureStage,
    error: String,
) -> Result<(), Failure> {
    let fact = AuditFailed {
        fiche_id: run.fiche_id.clone(),
        audit_config_id: run.audit_config_id,
        error,
        retry_count: 0,
        audit_db_id: None,
        audit_tracking_id: tracking,
        stage,
        batch_id: run.batch_id.clone(),
        automation_run_id: run.automation_run_id,
    };
    outbox::send(tx, &fact.message()).await?;
    metrics::counter!("audit.refused", "stage" => stage.as_str()).increment(1);
    Ok(())
}
