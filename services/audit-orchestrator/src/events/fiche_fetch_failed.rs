//! `fiche/fetch.failed`: ends the audit that asked (F1, F4).

use crate::domain::audit::Phase;
use crate::domain::request_id::Prerequisite;
use crate::store::audit;
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::audit::FailureStage;
use vigie_events::fiche::{FetchFailure, FicheFetchFailed};

/// The handler.
#[derive(Debug, Clone)]
pub struct FailUnfetched {
    /// Moves audits on.
    pub workflow: Workflow,
}

impl Handler<FicheFetchFailed> for FailUnfetched {
    fn concerns(&self, body: &FicheFetchFailed) -> bool {
        Prerequisite::Fetch.audit_of(&body.request_id).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetchFailed>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let Some(id) = Prerequisite::Fetch.audit_of(&body.request_id) else {
            return Ok(());
        };
        let Some(audit) = audit::lock_one(tx, id).await? else {
            return Ok(());
        };
        if audit.phase != Phase::Fetching {
            return Ok(());
        }
        let (stage, error) = match body.kind {
            FetchFailure::NotFound => (
                FailureStage::FicheNotFound,
                format!("Fiche {} not found (404)", audit.fiche),
            ),
            FetchFailure::Auth | FetchFailure::Upstream | FetchFailure::Invalid => {
                (FailureStage::PrerequisiteError, body.error.clone())
            }
        };
        Ok(self.workflow.fail_now(tx, &audit, stage, &error).await?)
    }
}
