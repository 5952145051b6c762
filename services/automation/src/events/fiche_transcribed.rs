//! `fiche/transcribed`: moves every fiche of ours that the run served on.

use super::ours;
use crate::domain::reply::Transcription;
use crate::workflow::{Transcribed, Workflow};
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::automation_request::{AutomationRequest, AutomationStep};
use vigie_events::transcription::FicheTranscribed;

/// The handler.
#[derive(Debug, Clone)]
pub struct UseTranscripts {
    /// Moves runs on.
    pub workflow: Workflow,
}

impl Handler<FicheTranscribed> for UseTranscripts {
    fn concerns(&self, body: &FicheTranscribed) -> bool {
        let mut ids = body.request_ids.iter();
        ids.any(|id| ours(id, AutomationStep::Transcribe).is_some())
    }

    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheTranscribed>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let mut requests: Vec<AutomationRequest> = body
            .request_ids
            .iter()
            .filter_map(|id| ours(id, AutomationStep::Transcribe))
            .collect();
        // Runs are locked in one order by everybody.
        requests.sort_by_key(|request| (request.run, std::cmp::Reverse(request.retry)));
        let answer = Transcribed {
            run: Transcription {
                status: body.status,
                failed: body.failed_count,
                refused: body.skipped.unwrap_or(false),
                reason: body.reason.as_deref(),
            },
            new: body.transcribed_count,
        };
        let runs: Vec<_> = requests.iter().map(|request| request.run).collect();
        self.workflow.hold(tx, &runs).await?;
        for request in &requests {
            self.workflow
                .transcribed(tx, request, answer, delivery.id.as_str())
                .await?;
        }
        Ok(())
    }
}
