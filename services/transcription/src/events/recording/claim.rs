//! Taking a recording, and keeping it while it is worked on.

use super::{BUSY, Job, TranscribeRecording, Waiting, known_settlement};
use crate::domain::run::Run;
use crate::store::{self, item};
use crate::workflow::{Settlement, WorkflowError};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::Failure;
use vigie_events::ids::CallId;
use vigie_events::transcription::RecordingTranscribe;

/// A lease is renewed three times in this time: what a killed worker costs.
const HEARTBEAT_LEASE: Duration = Duration::from_secs(45);

/// What a worker finds.
pub(super) enum Claim {
    /// Nothing is left to do.
    Settled,
    /// Somebody is at it, or at too many of its fiche.
    Busy(Duration),
    /// The transcript is there.
    Stored(Settlement),
    /// To be done.
    Mine(Job),
}

impl TranscribeRecording {
    fn lease(&self) -> Duration {
        HEARTBEAT_LEASE.min(self.state.workflow.settings().item_lease)
    }

    pub(super) async fn claim(&self, body: &RecordingTranscribe) -> Result<Claim, WorkflowError> {
        let mut tx = self.state.db.begin().await?;
        let claim = self.claim_in(&mut tx, body).await?;
        tx.commit().await?;
        Ok(claim)
    }

    async fn claim_in(
        &self,
        tx: &mut PgConnection,
        body: &RecordingTranscribe,
    ) -> Result<Claim, WorkflowError> {
        let run = store::run::lock(tx, body.run_id).await?;
        let Some(run) = run.filter(|run| run.state.is_open()) else {
            return Ok(Claim::Settled);
        };
        let item = item::lock(tx, run.run_id, &body.call_id).await?;
        let Some(item) = item.filter(|item| item.open) else {
            return Ok(Claim::Settled);
        };
        if let Some(left) = item.lease_left.filter(|left| *left > 0.0) {
            let left = Duration::try_from_secs_f64(left).unwrap_or(BUSY);
            return Ok(Claim::Busy(left + Duration::from_secs(1)));
        }
        if let Some(stored) = stored(tx, &run, &item.call_id).await? {
            return Ok(Claim::Stored(stored));
        }
        if item::active(tx, run.run_id).await? >= self.state.workflow.settings().per_fiche {
            return Ok(Claim::Busy(BUSY));
        }
        let doubted = store::call::doubt(tx, run.run_id, &item.call_id).await?;
        if doubted > 0 {
            metrics::counter!("vigie_speech_calls_in_doubt_total").increment(doubted);
        }
        let lease_no = item::claim(tx, run.run_id, &item.call_id, self.lease()).await?;
        let job = Job {
            run_id: run.run_id,
            fiche: run.fiche.clone(),
            call: item.call_id.clone(),
            lane: run.lane,
            force: run.force,
            lease_no,
        };
        if item.lease_no == 0 {
            metrics::histogram!("vigie_transcription_recording_wait_seconds", "lane" => run.lane.as_str())
                .record(item.waited.unwrap_or_default());
        }
        if item.attempts == 0 && item.lease_no == 0 {
            self.state
                .workflow
                .recording_started(tx, run, &item)
                .await?;
        }
        Ok(Claim::Mine(job))
    }

    /// Ends when the lease is lost.
    pub(super) async fn keep_lease(&self, job: &Job) -> Failure {
        let lease = self.lease();
        loop {
            tokio::time::sleep(lease / 3).await;
            let renewed = async {
                let mut conn = self.state.db.acquire().await?;
                item::renew(&mut conn, job.run_id, &job.call, job.lease_no, lease).await
            };
            match renewed.await {
                Ok(true) => {}
                Ok(false) => return Failure::defer(Waiting::LeaseLost, BUSY),
                // The lease outlives two missed renewals.
                Err(error) => tracing::warn!(%error, "lease not renewed"),
            }
        }
    }

    pub(super) async fn release(&self, job: &Job) {
        let released = async {
            let mut conn = self.state.db.acquire().await?;
            item::release(&mut conn, job.run_id, &job.call, job.lease_no).await
        };
        if let Err(error) = released.await {
            tracing::warn!(%error, "lease left to expire");
        }
    }
}

/// The transcript that makes a request needless. A forced run counts only its own.
async fn stored(
    tx: &mut PgConnection,
    run: &Run,
    call: &CallId,
) -> sqlx::Result<Option<Settlement>> {
    let known = store::transcript::find(tx, &run.fiche, call).await?;
    let usable = known.filter(|known| !run.force || known.run_id == Some(run.run_id));
    Ok(usable.map(|known| known_settlement(known, run.run_id)))
}
