//! `fiches/progressive-fetch-continue`: one command for each day that a job lacks.

use crate::workflow;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::fiche_jobs::ProgressiveFetchContinue;

pub(super) struct Continue;

impl Handler<ProgressiveFetchContinue> for Continue {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<ProgressiveFetchContinue>,
    ) -> Result<(), Failure> {
        Ok(workflow::restart(tx, &delivery.body.job_id).await?)
    }
}
