//! `fiche/summary.updated`: keeps the projection up to date.

use crate::store;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Handler};
use vigie_events::fiche::FicheSummaryUpdated;

/// The handler.
#[derive(Debug, Clone, Copy)]
pub struct ProjectFiche;

impl Handler<FicheSummaryUpdated> for ProjectFiche {
    async fn handle(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheSummaryUpdated>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let fiche_id = body.fiche_id.as_str();
        Ok(store::fiche::apply(tx, fiche_id, body.cache_id.get(), &body.summary).await?)
    }
}
