//! The watchdog: repairs what lost messages, wiped brokers and killed replicas leave behind
//! (`audits.md` 2.10). Each repair is one short transaction on one locked audit; every replica may
//! run it. A sweeper that repairs often is a bug report, so repairs are counted.

use crate::domain::audit::Audit;
use crate::store::{audit, sweep};
use crate::workflow::{Workflow, WorkflowError};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, Db, Tx};
use vigie_events::ids::AuditId;

/// Pause between rounds; up to a fifth more is added at random.
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
}

impl Sweeper {
    /// Sweeps until `stop`. A failed round is logged; the next one tries again.
    pub async fn run(self, bus: Bus, stop: CancellationToken) -> anyhow::Result<()> {
        loop {
            let pause = EVERY.mul_f64(1.0 + rand::random::<f64>() / 5.0);
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause) => {}
            }
            // Without an answer nothing is known to be lost; due work is still sent again.
            let stream_created = match bus.work_stream_created().await {
                Ok(created) => Some(created),
                Err(error) => {
                    tracing::warn!(%error, "age of the work stream is unknown");
                    None
                }
            };
            if let Err(error) = self.round(stream_created).await {
                tracing::error!(%error, "watchdog round failed");
            }
        }
    }

    /// One round.
    pub async fn round(
        &self,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<Repairs, WorkflowError> {
        Ok(Repairs {
            overdue: self.repair_all(Repair::Overdue, stream_created).await?,
            unfinished: self.repair_all(Repair::Unfinished, stream_created).await?,
            sent_again: self.repair_all(Repair::Silent, stream_created).await?,
        })
    }

    async fn repair_all(
        &self,
        repair: Repair,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<usize, WorkflowError> {
        let mut repaired = 0;
        let mut last = None;
        while repaired < MOST {
            let mut tx = self.db.begin().await?;
            let Some(audit) = claim(&mut tx, repair, stream_created).await? else {
                tx.rollback().await?;
                break;
            };
            if last.replace(audit.id) == Some(audit.id) {
                // Not repaired by what was done: once a round is enough.
                tx.rollback().await?;
                break;
            }
            match repair {
                Repair::Overdue => self.workflow.overdue(&mut tx, &audit).await?,
                Repair::Unfinished => self.workflow.complete_again(&mut tx, &audit).await?,
                Repair::Silent => self.workflow.send_again(&mut tx, &audit).await?,
            }
            tx.commit().await?;
            repaired += 1;
            metrics::counter!("audit.repaired", "repair" => repair.as_str()).increment(1);
            tracing::warn!(audit.id = %audit.id, phase = %audit.phase, repair = repair.as_str(),
                "audit repaired");
        }
        Ok(repaired)
    }
}

async fn claim(
    tx: &mut Tx,
    repair: Repair,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<Audit>> {
    let id = match repair {
        Repair::Overdue => sweep::overdue(tx).await?,
        Repair::Unfinished => sweep::unfinished(tx).await?,
        Repair::Silent => sweep::silent(tx, stream_created).await?,
    };
    match id {
        Some(id) => audit::lock_one(tx, AuditId::new(id)).await,
        None => Ok(None),
    }
}
