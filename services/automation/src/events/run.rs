//! `automation/run`: begins a run, once it is known what it may touch and with which configurations.

use crate::app::AppState;
use crate::store;
use crate::store::run::Pending;
use crate::workflow::Known;
use sqlx::PgConnection;
use std::collections::HashSet;
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
    type Output = Option<Known>;

    async fn work(&self, delivery: &Delivery<AutomationRun>) -> Result<Self::Output, Failure> {
        let pending = {
            let mut conn = self.state.db.acquire().await?;
            store::run::pending(&mut conn, delivery.body.run_id).await?
        };
        match pending {
            None => Ok(None),
            Some(pending) => Ok(Some(self.find_out(&pending).await?)),
        }
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<AutomationRun>,
        output: Self::Output,
    ) -> Result<(), Failure> {
        let Some(known) = output else { return Ok(()) };
        Ok(self
            .state
            .workflow
            .begin(tx, delivery.body.run_id, &known)
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

impl BeginRun {
    async fn find_out(&self, pending: &Pending) -> Result<Known, Failure> {
        let neighbours = &self.state.neighbours;
        let configs = if pending.plan.run_audits {
            neighbours.configs(&pending.plan).await?
        } else {
            Vec::new()
        };
        // Machines have no account; the token that triggered the run was checked for its fiches.
        let user = pending
            .triggered_by
            .as_deref()
            .and_then(|id| id.parse().ok());
        let hidden = match user {
            Some(user) => neighbours.hidden_from(user, &pending.fiche_ids).await?,
            None => HashSet::new(),
        };
        Ok(Known { configs, hidden })
    }
}
