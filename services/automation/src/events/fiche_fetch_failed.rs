//! `fiche/fetch.failed`: retries, leaves out or fails the fiche that asked.

use super::ours;
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::automation_request::AutomationStep;
use vigie_events::fiche::FicheFetchFailed;

/// The handler.
#[derive(Debug, Clone)]
pub struct FailFetch {
    /// Moves runs on.
    pub workflow: Workflow,
}

impl Handler<FicheFetchFailed> for FailFetch {
    fn concerns(&self, body: &FicheFetchFailed) -> bool {
        ours(&body.request_id, AutomationStep::Fetch).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetchFailed>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let Some(request) = ours(&body.request_id, AutomationStep::Fetch) else {
            return Ok(());
        };
        let cause = delivery.id.as_str();
        Ok(self
            .workflow
            .fetch_failed(tx, &request, body.kind, &body.error, cause)
            .await?)
    }
}
