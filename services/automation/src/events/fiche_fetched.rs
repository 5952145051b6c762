//! `fiche/fetched`: moves the fiche that asked on.

use super::ours;
use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::automation_request::AutomationStep;
use vigie_events::fiche::FicheFetched;

/// The handler.
#[derive(Debug, Clone)]
pub struct UseFiche {
    /// Moves runs on.
    pub workflow: Workflow,
}

impl Handler<FicheFetched> for UseFiche {
    fn concerns(&self, body: &FicheFetched) -> bool {
        ours(&body.request_id, AutomationStep::Fetch).is_some()
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetched>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let Some(request) = ours(&body.request_id, AutomationStep::Fetch) else {
            return Ok(());
        };
        let groupe = body.summary.groupe.as_deref();
        let (count, cause) = (body.recordings_count, delivery.id.as_str());
        Ok(self
            .workflow
            .fetched(tx, &request, groupe, count, cause)
            .await?)
    }
}
