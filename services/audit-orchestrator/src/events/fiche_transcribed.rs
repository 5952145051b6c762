//! `fiche/transcribed`: begins the analysis of the audits that asked for the run, whatever its
//! outcome: what is not transcribed is missing from the timeline (W-17).

use crate::app::AppState;
use crate::domain::audit::Phase;
use crate::domain::material::Material;
use crate::domain::request_id::Prerequisite;
use crate::store::audit;
use sqlx::PgConnection;
use vigie_bus::{Delivery, Failure, Worker};
use vigie_events::audit::FailureStage;
use vigie_events::transcription::FicheTranscribed;

/// The worker.
#[derive(Clone)]
pub struct UseTranscripts {
    /// Database, neighbours, workflow.
    pub state: AppState,
}

/// The audits among those that asked for a run.
fn asking(body: &FicheTranscribed) -> Vec<i64> {
    let ids = body.request_ids.iter();
    let mut ids: Vec<i64> = ids
        .filter_map(|id| Prerequisite::Transcribe.audit_of(id))
        .map(vigie_events::ids::AuditId::get)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

impl Worker<FicheTranscribed> for UseTranscripts {
    type Output = Option<Material>;

    fn concerns(&self, body: &FicheTranscribed) -> bool {
        !asking(body).is_empty()
    }

    async fn work(
        &self,
        delivery: &Delivery<FicheTranscribed>,
    ) -> Result<Option<Material>, Failure> {
        let ids = asking(&delivery.body);
        let waiting = {
            let mut conn = self.state.db.acquire().await?;
            audit::in_phase(&mut conn, &ids, Phase::Transcribing).await?
        };
        if waiting.is_empty() {
            return Ok(None);
        }
        let (material, _) = self
            .state
            .neighbours
            .material(&delivery.body.fiche_id)
            .await?;
        Ok(Some(material))
    }

    async fn store(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheTranscribed>,
        output: Option<Material>,
    ) -> Result<(), Failure> {
        let Some(material) = output else {
            return Ok(());
        };
        for audit in audit::lock(tx, &asking(&delivery.body)).await? {
            self.state
                .workflow
                .transcribed(tx, &audit, &material)
                .await?;
        }
        Ok(())
    }

    async fn parked(
        &self,
        tx: &mut PgConnection,
        delivery: &Delivery<FicheTranscribed>,
        reason: &str,
    ) -> Result<(), Failure> {
        for audit in audit::lock(tx, &asking(&delivery.body)).await? {
            if audit.phase == Phase::Transcribing {
                tracing::error!(audit.id = %audit.id, reason, "transcripts could not be read");
                let error = "Transcripts of the fiche could not be read";
                let stage = FailureStage::PrerequisiteError;
                self.state
                    .workflow
                    .fail_now(tx, &audit, stage, error)
                    .await?;
            }
        }
        Ok(())
    }
}
