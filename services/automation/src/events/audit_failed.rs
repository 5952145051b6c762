//! `audit/failed`: retries or closes one audit of a fiche.

use crate::domain::item::AuditEnd;
use crate::workflow::{AuditAnswer, Workflow};
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::audit::{AuditFailed, FailureStage};
use vigie_events::automation_request::{AutomationRequest, AutomationStep};

/// The handler.
#[derive(Debug, Clone)]
pub struct FailAudit {
    /// Moves runs on.
    pub workflow: Workflow,
}

impl Handler<AuditFailed> for FailAudit {
    fn concerns(&self, body: &AuditFailed) -> bool {
        AutomationRequest::parse(body.audit_tracking_id.as_str()).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditFailed>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let request = AutomationRequest::parse(body.audit_tracking_id.as_str());
        let Some(AutomationRequest {
            run,
            fiche,
            step: AutomationStep::Audit(config),
            retry,
        }) = request
        else {
            return Ok(());
        };
        let answer = AuditAnswer {
            run,
            fiche,
            config,
            attempt: retry,
            audit: body.audit_db_id,
            end: AuditEnd::Failed(body.error.clone()),
            not_found: body.stage == FailureStage::FicheNotFound,
        };
        Ok(self
            .workflow
            .audit_ended(tx, &answer, delivery.id.as_str())
            .await?)
    }
}
