//! `fiche/fetched`: keeps the projection up to date and moves the audit that asked on.

use crate::app::AppState;
use crate::domain::audit::Phase;
use crate::domain::material::Material;
use crate::domain::request_id::Prerequisite;
use crate::domain::snapshot::FicheNames;
use crate::store::fiche::Fiche;
use crate::store::{self, audit};
use crate::workflow::FetchedFiche;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::audit::FailureStage;
use vigie_events::fiche::FicheFetched;

/// The worker.
#[derive(Clone)]
pub struct UseFiche {
    /// Database, neighbours, workflow.
    pub state: AppState,
}

/// What the audit that asked goes on with.
#[derive(Debug)]
pub struct Gathered {
    material: Material,
    fiche: Option<Fiche>,
}

impl Worker<FicheFetched> for UseFiche {
    type Output = Option<Gathered>;

    async fn work(&self, delivery: &Delivery<FicheFetched>) -> Result<Option<Gathered>, Failure> {
        let body = &delivery.body;
        let Some(id) = Prerequisite::Fetch.audit_of(&body.request_id) else {
            return Ok(None);
        };
        // A fresh answer is waited for; whether it is, is asked again under the audit's lock.
        if !delivery.fresh {
            let mut conn = self.state.db.acquire().await?;
            if !audit::is_in_phase(&mut conn, id, Phase::Fetching).await? {
                return Ok(None);
            }
        }
        let (material, fiche) = self.state.neighbours.material(&body.fiche_id).await?;
        Ok(Some(Gathered { material, fiche }))
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetched>,
        output: Option<Gathered>,
    ) -> Result<(), Failure> {
        let body = &delivery.body;
        let fiche_id = body.fiche_id.as_str();
        let audit = match Prerequisite::Fetch.audit_of(&body.request_id) {
            // Audits first, then the projection: the order of all writers.
            Some(id) if output.is_some() => audit::lock_one(tx, id).await?,
            _ => None,
        };
        let (Some(audit), Some(gathered)) = (audit, output) else {
            store::fiche::apply(tx, fiche_id, body.cache_id.get(), &body.summary).await?;
            return Ok(());
        };
        let prospect_name = gathered.fiche.as_ref().map_or_else(String::new, |fiche| {
            FicheNames::join(
                fiche.prospect_prenom.as_deref(),
                fiche.prospect_nom.as_deref(),
            )
        });
        match &gathered.fiche {
            Some(fiche) => store::fiche::put(tx, fiche).await?,
            None => store::fiche::apply(tx, fiche_id, body.cache_id.get(), &body.summary).await?,
        }
        let fetched = FetchedFiche {
            material: &gathered.material,
            prospect_name: &prospect_name,
            from_cache: body.cached,
        };
        Ok(self.state.workflow.fetched(tx, &audit, &fetched).await?)
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheFetched>,
        reason: &str,
    ) -> Result<(), Failure> {
        let Some(id) = Prerequisite::Fetch.audit_of(&delivery.body.request_id) else {
            return Ok(());
        };
        let Some(audit) = audit::lock_one(tx, id).await? else {
            return Ok(());
        };
        if audit.phase != Phase::Fetching {
            return Ok(());
        }
        tracing::error!(audit.id = %id, reason, "recordings could not be read");
        let error = "Recordings of the fiche could not be read";
        let stage = FailureStage::PrerequisiteError;
        Ok(self
            .state
            .workflow
            .fail_now(tx, &audit, stage, error)
            .await?)
    }
}
