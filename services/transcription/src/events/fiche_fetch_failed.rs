//! `fiche/fetch.failed`: ends the run that waits for this refresh.

use crate::domain::request_id::run_of_fetch;
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::fiche::FicheFetchFailed;

/// The handler.
pub struct FailUnfetched {
    workflow: Workflow,
}

impl FailUnfetched {
    /// With this workflow.
    pub const fn new(workflow: Workflow) -> Self {
        Self { workflow }
    }
}

impl Handler<FicheFetchFailed> for FailUnfetched {
    fn concerns(&self, body: &FicheFetchFailed) -> bool {
        run_of_fetch(&body.request_id).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetchFailed>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        if let Some(run_id) = run_of_fetch(&body.request_id) {
            self.workflow
                .fetch_failed(tx, run_id, body.kind, &body.error)
                .await?;
        }
        Ok(())
    }
}
