//! The watchdog: repairs what lost messages, wiped brokers and killed replicas leave behind
//! (`audits.md` 2.10). Each repair is one short transaction on one locked audit; every replica may
//! run it. A sweeper that repairs often is a bug report, so repairs are counted.

use crate::store::{audit, batch, batch_sweep, lease, log, rerun, sweep};
use crate::workflow::{BatchEnd, CancelError, Workflow, WorkflowError};
use chrono::{DateTime, Utc};
use std::error::Error as _;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, Db, Tx};
use vigie_events::ids::AuditId;

/// Pause between rounds.
const EVERY: Duration = Duration::from_secs(15);
/// Repairs of one kind in one round.
const MOST: usize = 200;

/// What a round looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repair {
    /// Past its deadline.
    Overdue,
    /// All steps stored, not ended.
    Unfinished,
    /// Waits for longer than it should.
    Silent,
}

impl Repair {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Unfinished => "unfinished",
            Self::Silent => "sent_again",
        }
    }
}

/// How many audits a round repaired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Ended because of their deadline.
    pub overdue: usize,
    /// Ended because all steps were stored.
    pub unfinished: usize,
    /// Whose work was sent once more.
    pub sent_again: usize,
}

/// The watchdog of one replica.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// The database.
    pub db: Db,
    /// Moves audits on.
    pub workflow: Workflow,
    /// How long lines of stories are kept.
    pub log_retention: Duration,
}

impl Sweeper {
    /// Sweeps until `stop`.
    pub async fn run(self, bus: Bus, stop: CancellationToken) -> anyhow::Result<()> {
        bus.rounds(EVERY, &stop, |stream_created| self.round(stream_created))
            .await;
        Ok(())
    }

    /// One round.
    pub async fn round(
        &self,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<Repairs, WorkflowError> {
        let mut conn = self.db.acquire().await?;
        lease::forget(&mut conn).await?;
        log::forget(&mut conn, self.log_retention).await?;
        drop(conn);
        self.repair_reruns(stream_created).await?;
        let repairs = Repairs {
            overdue: self.repair_all(Repair::Overdue, stream_created).await?,
            unfinished: self.repair_all(Repair::Unfinished, stream_created).await?,
            sent_again: self.repair_all(Repair::Silent, stream_created).await?,
        };
        self.repair_batches(stream_created).await?;
        Ok(repairs)
    }

    /// Ends batches past their deadline, gives others what they lack, and forgets old ones.
    async fn repair_batches(
        &self,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<(), WorkflowError> {
        let mut conn = self.db.acquire().await?;
        let due = batch_sweep::due(&mut conn, stream_created).await?;
        batch_sweep::forget(&mut conn, self.workflow.settings().batches.keep).await?;
        drop(conn);
        for batch_sweep::Due { batch_id, overdue } in due {
            let mut tx = self.db.begin().await?;
            match self.repair_batch(&mut tx, &batch_id, overdue).await {
                Ok(()) => {
                    tx.commit().await?;
                    metrics::counter!("audit.repaired", "repair" => "batch").increment(1);
                    tracing::warn!(batch.id = batch_id, overdue, "batch repaired");
                }
                // Somebody else was faster.
                Err(CancelError::Ended(_) | CancelError::LostRace) => tx.rollback().await?,
                Err(CancelError::Workflow(error)) => {
                    tx.rollback().await?;
                    metrics::counter!("audit.unrepaired", "repair" => "batch").increment(1);
                    tracing::error!(batch.id = batch_id, %error,
                        cause = error.source().map(tracing::field::display),
                        "batch could not be repaired");
                }
            }
        }
        Ok(())
    }

    async fn repair_batch(
        &self,
        tx: &mut Tx,
        batch_id: &str,
        overdue: bool,
    ) -> Result<(), CancelError> {
        if !overdue {
            return Ok(self.workflow.repair_batch(tx, batch_id).await?);
        }
        match batch::find(tx, batch_id, None).await? {
            Some(batch) => self.workflow.end_batch(tx, &batch, BatchEnd::Overdue).await,
            None => Ok(()),
        }
    }

    /// Ends re-runs past their deadline and sends silent ones once more, each in its own transaction.
    async fn repair_reruns(
        &self,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<(), WorkflowError> {
        let due = rerun::due(&mut *self.db.acquire().await?, stream_created).await?;
        for rerun::Due { rerun_id, overdue } in due {
            let mut tx = self.db.begin().await?;
            let repaired = if overdue {
                let error = "deadline passed";
                self.workflow.fail_rerun(&mut tx, &rerun_id, error).await
            } else {
                self.workflow.send_rerun_again(&mut tx, &rerun_id).await
            };
            match repaired {
                Ok(()) => {
                    tx.commit().await?;
                    metrics::counter!("audit.repaired", "repair" => "rerun").increment(1);
                    tracing::warn!(rerun.id = rerun_id, overdue, "re-run repaired");
                }
                Err(error) => {
                    tx.rollback().await?;
                    metrics::counter!("audit.unrepaired", "repair" => "rerun").increment(1);
                    tracing::error!(rerun.id = rerun_id, %error, "re-run could not be repaired");
                }
            }
        }
        Ok(())
    }

    async fn repair_all(
        &self,
        repair: Repair,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<usize, WorkflowError> {
        let mut repaired = 0;
        let mut seen = Vec::new();
        while repaired < MOST {
            let mut tx = self.db.begin().await?;
            let Some(id) = claim(&mut tx, repair, stream_created, &seen).await? else {
                tx.rollback().await?;
                break;
            };
            // Once a round is enough, whether or not it helped.
            seen.push(id);
            match self.repair(&mut tx, repair, AuditId::new(id)).await {
                Ok(phase) => {
                    tx.commit().await?;
                    repaired += 1;
                    metrics::counter!("audit.repaired", "repair" => repair.as_str()).increment(1);
                    tracing::warn!(
                        audit.id = id,
                        phase,
                        repair = repair.as_str(),
                        "audit repaired"
                    );
                }
                Err(error) => {
                    // The others must not wait for it. The next round tries again.
                    tx.rollback().await?;
                    metrics::counter!("audit.unrepaired", "repair" => repair.as_str()).increment(1);
                    tracing::error!(audit.id = id, repair = repair.as_str(), %error,
                        cause = error.source().map(tracing::field::display),
                        "audit could not be repaired");
                }
            }
        }
        Ok(repaired)
    }

    /// Repairs a claimed audit and tells the phase it was found in.
    async fn repair(
        &self,
        tx: &mut Tx,
        repair: Repair,
        id: AuditId,
    ) -> Result<&'static str, WorkflowError> {
        let audit = audit::lock_one(tx, id).await?;
        let audit = audit.ok_or(sqlx::Error::RowNotFound)?;
        match repair {
            Repair::Overdue => self.workflow.overdue(tx, &audit).await?,
            Repair::Unfinished => self.workflow.complete_again(tx, &audit).await?,
            Repair::Silent => self.workflow.send_again(tx, &audit).await?,
        }
        Ok(audit.phase.as_str())
    }
}

async fn claim(
    tx: &mut Tx,
    repair: Repair,
    stream_created: Option<DateTime<Utc>>,
    seen: &[i64],
) -> sqlx::Result<Option<i64>> {
    match repair {
        Repair::Overdue => sweep::overdue(tx, seen).await,
        Repair::Unfinished => sweep::unfinished(tx, seen).await,
        Repair::Silent => sweep::silent(tx, stream_created, seen).await,
    }
}
