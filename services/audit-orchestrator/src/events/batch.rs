//! `audit/batch`: creates the audits of a batch.

use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::batch::AuditBatch;

/// The handler.
#[derive(Debug, Clone)]
pub struct StartBatch {
    /// Moves batches on.
    pub workflow: Workflow,
}

impl Handler<AuditBatch> for StartBatch {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditBatch>,
    ) -> Result<(), Failure> {
        let batch = &delivery.body.batch_id;
        self.workflow.create_audits(tx, batch).await?;
        Ok(())
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditBatch>,
        reason: &str,
    ) -> Result<(), Failure> {
        let batch = &delivery.body.batch_id;
        tracing::error!(
            batch.id = batch,
            reason,
            "audits of a batch could not be created"
        );
        Ok(self.workflow.give_up_missing(tx, batch).await?)
    }
}
