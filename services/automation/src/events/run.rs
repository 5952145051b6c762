//! `automation/run`: begins a run, once the audit configurations are known.

use crate::app::AppState;
use crate::domain::snapshot::UsedConfig;
use crate::store;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::automation::AutomationRun;

/// The worker.
#[derive(Clone)]
pub struct BeginRun {
    /// Database, neighbours, workflow.
    pub state: AppState,
}

impl Worker<AutomationRun> for BeginRun {
    /// `None` when the run has begun already.
    type Output = Option<Vec<UsedConfig>>;

    async fn work(&self, delivery: &Delivery<AutomationRun>) -> Result<Self::Output, Failure> {
        let plan = {
            let mut conn = self.state.db.acquire().await?;
            store::run::pending_plan(&mut conn, delivery.body.run_id).await?
        };
        match plan {
            None => Ok(None),
            Some(plan) if !plan.run_audits => Ok(Some(Vec::new())),
            Some(plan) => Ok(Some(self.state.neighbours.configs(&plan).await?)),
        }
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AutomationRun>,
        output: Self::Output,
    ) -> Result<(), Failure> {
        let Some(configs) = output else { return Ok(()) };
        Ok(self
            .state
            .workflow
            .begin(tx, delivery.body.run_id, &configs)
            .await?)
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AutomationRun>,
        reason: &str,
    ) -> Result<(), Failure> {
        tracing::error!(run.id = %delivery.body.run_id, reason, "run could not be started");
        Ok(self
            .state
            .workflow
            .give_up(tx, delivery.body.run_id)
            .await?)
    }
}
