//! `fiche/fetched`: plans the run that waits for this refresh.

use crate::app::AppState;
use crate::domain::plan::Recordings;
use crate::domain::request_id::run_of_fetch;
use crate::store;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::fiche::FicheFetched;
use vigie_events::transcription::RunOutcome;

/// The worker.
pub struct PlanFetched {
    state: AppState,
}

impl PlanFetched {
    /// With these parts.
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }
}

impl Worker<FicheFetched> for PlanFetched {
    type Output = Option<Recordings>;

    fn concerns(&self, body: &FicheFetched) -> bool {
        run_of_fetch(&body.request_id).is_some()
    }

    async fn work(&self, delivery: &Delivery<FicheFetched>) -> Result<Option<Recordings>, Failure> {
        let Some(run_id) = run_of_fetch(&delivery.body.request_id) else {
            return Ok(None);
        };
        let waits = {
            let mut conn = self.state.db.acquire().await?;
            store::run::is_planned(&mut conn, run_id).await?
        };
        if !waits {
            return Ok(None);
        }
        let found = self.state.fiches.plannable(&delivery.body.fiche_id).await?;
        // Fetched a moment ago: a fiche that is gone has no recordings.
        Ok(Some(found.unwrap_or_default()))
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetched>,
        recordings: Option<Recordings>,
    ) -> Result<(), Failure> {
        let run_id = run_of_fetch(&delivery.body.request_id);
        if let (Some(run_id), Some(mut recordings)) = (run_id, recordings) {
            recordings.fiche_cache_id = Some(delivery.body.cache_id.get());
            self.state.workflow.plan(tx, run_id, &recordings).await?;
        }
        Ok(())
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetched>,
        reason: &str,
    ) -> Result<(), Failure> {
        let Some(run_id) = run_of_fetch(&delivery.body.request_id) else {
            return Ok(());
        };
        tracing::error!(run.id = %run_id, reason, "recordings could not be read");
        let error = "Recordings of the fiche could not be read";
        let workflow = &self.state.workflow;
        workflow
            .abort(tx, run_id, RunOutcome::Failed, "plan_failed", error)
            .await?;
        Ok(())
    }
}
