//! The end of a batch before all of its audits ended by themselves.

use super::fail::Failing;
use super::{Workflow, WorkflowError};
use crate::domain::batch::Batch;
use crate::store::{self, batch_audits};
use sqlx::PgConnection;
use vigie_events::audit::FailureStage;

/// Why a batch ends early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// A person cancelled it.
    Cancelled,
    /// Its deadline passed.
    Overdue,
}

impl BatchEnd {
    const fn stage(self) -> FailureStage {
        match self {
            Self::Cancelled => FailureStage::Cancelled,
            Self::Overdue => FailureStage::WatchdogTimeout,
        }
    }

    const fn error(self) -> &'static str {
        match self {
            Self::Cancelled => "Batch cancelled",
            Self::Overdue => "Batch deadline passed",
        }
    }
}

/// Why a batch was not ended.
#[derive(Debug, thiserror::Error)]
pub enum CancelError {
    /// Its audits were created meanwhile: trying again sees them.
    #[error("audits of the batch were created meanwhile")]
    LostRace,
    /// It has ended.
    #[error("Batch is already {0}")]
    Ended(String),
    /// Internal.
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl From<sqlx::Error> for CancelError {
    fn from(error: sqlx::Error) -> Self {
        Self::Workflow(error.into())
    }
}

impl Workflow {
    /// Ends the open audits of a batch as failed, and the batch with them.
    pub async fn end_batch(
        &self,
        tx: &mut PgConnection,
        batch: &Batch,
        end: BatchEnd,
    ) -> Result<(), CancelError> {
        let id = &batch.batch_id;
        let known = batch_audits::open_audits(tx, id).await?;
        let audits = store::audit::lock(tx, &known).await?;
        if !batch_audits::cancel(tx, batch).await? {
            let now = store::batch::find(tx, id, None).await?;
            let status = now.map_or_else(|| batch.status.clone(), |batch| batch.status);
            return Err(CancelError::Ended(status));
        }
        // Nobody creates any from here on.
        let open = batch_audits::open_audits(tx, id).await?;
        if open.iter().any(|id| !known.contains(id)) {
            return Err(CancelError::LostRace);
        }
        let failing = audits
            .into_iter()
            .map(|audit| Failing::of(audit, end.error()))
            .collect();
        let stage = end.stage();
        let ended = self.fail_uncounted(tx, failing, stage).await?;
        self.count_members(tx, &ended).await?;
        self.fail_missing(tx, id, end.error()).await?;
        Ok(())
    }
}
