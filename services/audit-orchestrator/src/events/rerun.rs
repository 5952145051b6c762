//! `audit/step-rerun` and `audit/step-control-point-rerun`: send the step to the analyzer.

use crate::workflow::Workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::rerun::{ControlPointRerun, StepRerun};

/// Why a re-run that was never sent ended.
const NOT_STARTED: &str = "re-run could not be started";

/// The handler of both.
#[derive(Debug, Clone)]
pub struct StartRerun {
    /// Moves re-runs on.
    pub workflow: Workflow,
}

impl Handler<StepRerun> for StartRerun {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<StepRerun>,
    ) -> Result<(), Failure> {
        let rerun = &delivery.body.rerun_id;
        Ok(self.workflow.start_rerun(tx, rerun).await?)
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<StepRerun>,
        reason: &str,
    ) -> Result<(), Failure> {
        let rerun = &delivery.body.rerun_id;
        tracing::error!(rerun.id = rerun, reason, NOT_STARTED);
        Ok(self.workflow.fail_rerun(tx, rerun, NOT_STARTED).await?)
    }
}

impl Handler<ControlPointRerun> for StartRerun {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<ControlPointRerun>,
    ) -> Result<(), Failure> {
        let rerun = &delivery.body.rerun_id;
        Ok(self.workflow.start_rerun(tx, rerun).await?)
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<ControlPointRerun>,
        reason: &str,
    ) -> Result<(), Failure> {
        let rerun = &delivery.body.rerun_id;
        tracing::error!(rerun.id = rerun, reason, NOT_STARTED);
        Ok(self.workflow.fail_rerun(tx, rerun, NOT_STARTED).await?)
    }
}
