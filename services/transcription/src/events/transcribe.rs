//! `fiche/transcribe`: joins the open run of the fiche, or starts one. Who has just refreshed the
//! fiche (audits, automation) is answered without another refresh; where everything is transcribed,
//! in the same transaction.

use crate::app::AppState;
use crate::domain::plan::Recordings;
use crate::domain::run::Source;
use crate::store;
use crate::workflow::{Opened, Wish};
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::Lane;
use vigie_events::transcription::{FicheTranscribe, RunOutcome};

/// The worker.
pub struct StartRun {
    state: AppState,
}

impl StartRun {
    /// With these parts.
    pub const fn new(state: AppState) -> Self {
        Self { state }
    }

    fn wish(delivery: &Delivery<FicheTranscribe>) -> Wish<'_> {
        let body = &delivery.body;
        let priority = body.priority.unwrap_or_default();
        Wish {
            fiche: &body.fiche_id,
            priority,
            // The sender chose the lane, by the priority or by who asks.
            lane: delivery.lane.unwrap_or(Lane::Bulk),
            force: body.force.unwrap_or(false),
            request_id: delivery.id.as_str(),
            automation_run: body.automation_run_id,
            by: body.user_id.as_deref(),
        }
    }
}

impl Worker<FicheTranscribe> for StartRun {
    type Output = Option<Recordings>;

    async fn work(
        &self,
        delivery: &Delivery<FicheTranscribe>,
    ) -> Result<Option<Recordings>, Failure> {
        if !Source::of_command(delivery.id.as_str()).has_refreshed() {
            return Ok(None);
        }
        Ok(self.state.fiches.plannable(&delivery.body.fiche_id).await?)
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheTranscribe>,
        recordings: Option<Recordings>,
    ) -> Result<(), Failure> {
        let wish = Self::wish(delivery);
        if store::run::has_served(tx, wish.fiche, wish.request_id).await? {
            return Ok(());
        }
        let workflow = &self.state.workflow;
        match workflow.open(tx, &wish).await? {
            Opened::Joined(_) => {}
            Opened::Started(run_id) => match recordings {
                Some(recordings) => workflow.plan(tx, run_id, &recordings).await?,
                None => {
                    workflow.refresh(tx, run_id, wish.fiche, wish.lane).await?;
                }
            },
        }
        Ok(())
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheTranscribe>,
        reason: &str,
    ) -> Result<(), Failure> {
        let wish = Self::wish(delivery);
        if store::run::has_served(tx, wish.fiche, wish.request_id).await? {
            return Ok(());
        }
        tracing::error!(fiche.id = %wish.fiche, reason, "transcription could not be planned");
        let workflow = &self.state.workflow;
        // Whoever waits is answered, by a run that failed.
        if let Opened::Started(run_id) = workflow.open(tx, &wish).await? {
            let error = "Recordings of the fiche could not be read";
            workflow
                .abort(tx, run_id, RunOutcome::Failed, "plan_failed", error)
                .await?;
        }
        Ok(())
    }
}
