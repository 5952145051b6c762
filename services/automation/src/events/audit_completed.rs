//! `audit/completed`: closes one audit of a fiche.

use crate::domain::item::AuditEnd;
use crate::workflow::{AuditAnswer, Workflow};
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::audit::AuditCompleted;
use vigie_events::automation_request::{AutomationRequest, AutomationStep};

/// The handler.
#[derive(Debug, Clone)]
pub struct CloseAudit {
    /// Moves runs on.
    pub workflow: Workflow,
}

impl Handler<AuditCompleted> for CloseAudit {
    fn concerns(&self, body: &AuditCompleted) -> bool {
        AutomationRequest::parse(body.audit_tracking_id.as_str()).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AuditCompleted>,
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
            audit: Some(body.audit_db_id),
            end: AuditEnd::Completed,
            not_found: false,
        };
        Ok(self
            .workflow
            .audit_ended(tx, &answer, delivery.id.as_str())
            .await?)
    }
}
