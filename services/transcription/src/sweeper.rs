//! Repairs what lost messages, wiped brokers and killed replicas leave behind (A5.8 rule 3). Each
//! repair is one short transaction on one locked run; every replica may run it. A sweeper that
//! repairs often is a bug report, so repairs are counted.

use crate::store::sweep::{self, Stuck};
use crate::store::{self};
use crate::workflow::{Workflow, WorkflowError};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, Db, Tx};

/// Pause between rounds.
const EVERY: Duration = Duration::from_secs(15);
/// Repairs of one kind in one round.
const MOST: usize = 200;
/// Leases of a recording that may run out before it is given up.
pub const MOST_EXPIRIES: i32 = 3;

/// What a round looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Repair {
    Overdue,
    Unanswered,
    Expired,
    Silent,
}

impl Repair {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Overdue => "overdue",
            Self::Unanswered => "asked_again",
            Self::Expired => "lease_expired",
            Self::Silent => "sent_again",
        }
    }
}

/// How much a round repaired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Runs ended because of their deadline.
    pub overdue: usize,
    /// Runs whose refresh was asked for once more.
    pub unanswered: usize,
    /// Recordings whose worker was gone.
    pub expired: usize,
    /// Recordings whose command was sent once more.
    pub silent: usize,
}

/// The sweeper of one replica.
#[derive(Debug, Clone)]
pub struct Sweeper {
    /// The database.
    pub db: Db,
    /// Moves runs on.
    pub workflow: Workflow,
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
        let repairs = Repairs {
            overdue: self.repair_all(Repair::Overdue, stream_created).await?,
            unanswered: self.repair_all(Repair::Unanswered, stream_created).await?,
            expired: self.repair_all(Repair::Expired, stream_created).await?,
            silent: self.repair_all(Repair::Silent, stream_created).await?,
        };
        let mut conn = self.db.acquire().await?;
        store::start::forget(&mut conn).await?;
        sweep::forget(&mut conn, self.workflow.settings().log_retention).await?;
        for lane in sweep::lanes(&mut conn).await? {
            let name = lane.lane;
            let set = |what: &'static str, value: f64| {
                metrics::gauge!("vigie_transcription_queue", "lane" => name.clone(), "what" => what)
                    .set(value);
            };
            set("planned_runs", lane.planned);
            set("running_runs", lane.running);
            set("waiting_recordings", lane.waiting);
            set("recordings_in_progress", lane.in_progress);
            set("oldest_wait_seconds", lane.oldest_seconds);
        }
        Ok(repairs)
    }

    async fn repair_all(
        &self,
        repair: Repair,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<usize, WorkflowError> {
        let mut repaired = 0;
        while repaired < MOST {
            let mut tx = self.db.begin().await?;
            if !self.repair(&mut tx, repair, stream_created).await? {
                tx.rollback().await?;
                break;
            }
            tx.commit().await?;
            repaired += 1;
            metrics::counter!("vigie_transcription_repairs_total", "repair" => repair.as_str())
                .increment(1);
        }
        Ok(repaired)
    }

    async fn repair(
        &self,
        tx: &mut Tx,
        repair: Repair,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<bool, WorkflowError> {
        let run_id = match repair {
            Repair::Overdue => match sweep::overdue(tx).await? {
                Some(run_id) => {
                    self.workflow.overdue(tx, run_id).await?;
                    run_id
                }
                None => return Ok(false),
            },
            Repair::Unanswered => match sweep::unanswered(tx, stream_created).await? {
                Some(run_id) => {
                    self.workflow.ask_again(tx, run_id).await?;
                    run_id
                }
                None => return Ok(false),
            },
            Repair::Expired => match sweep::expired(tx).await? {
                Some(stuck) => self.send_again(tx, stuck).await?,
                None => return Ok(false),
            },
            Repair::Silent => match sweep::silent(tx, stream_created).await? {
                Some(stuck) => self.send_again(tx, stuck).await?,
                None => return Ok(false),
            },
        };
        tracing::warn!(run.id = %run_id, repair = repair.as_str(), "transcription run repaired");
        Ok(true)
    }

    async fn send_again(&self, tx: &mut Tx, stuck: Stuck) -> Result<uuid::Uuid, WorkflowError> {
        let call_id = stuck.call_id.parse()?;
        self.workflow
            .send_again(tx, stuck.run_id, &call_id, MOST_EXPIRIES)
            .await?;
        Ok(stuck.run_id)
    }
}
