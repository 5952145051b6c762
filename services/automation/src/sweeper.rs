//! The sweeper: deadlines of fiches and runs, and what lost messages and wiped brokers leave
//! behind. Each repair is one short transaction on one locked run; every replica may run it.

use crate::neighbours::Neighbours;
use crate::store::sweep::{self, Found};
use crate::workflow::{TrackedAudits, Workflow, WorkflowError};
use chrono::{DateTime, Utc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use vigie_bus::{Bus, Db};

/// What a round repaired.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Repairs {
    /// Runs ended by their deadline.
    pub overdue_runs: usize,
    /// Runs whose command was sent once more.
    pub unbegun_runs: usize,
    /// Fiches moved by their deadline.
    pub overdue_items: usize,
    /// Fiches whose step was asked for once more.
    pub asked_again: usize,
    /// Slots that nobody had given.
    pub slots: usize,
}

impl Repairs {
    fn count(self) {
        for (repair, count) in [
            ("overdue_run", self.overdue_runs),
            ("unbegun_run", self.unbegun_runs),
            ("overdue_item", self.overdue_items),
            ("asked_again", self.asked_again),
            ("slot", self.slots),
        ] {
            if count > 0 {
                metrics::counter!("vigie_automation_repairs_total", "repair" => repair)
                    .increment(count as u64);
                tracing::warn!(repair, count, "automation repaired");
            }
        }
    }
}

/// The sweeper of one replica.
#[derive(Clone)]
pub struct Sweeper {
    /// The database.
    pub db: Db,
    /// Moves runs on.
    pub workflow: Workflow,
    /// Other services.
    pub neighbours: Neighbours,
}

impl Sweeper {
    /// Sweeps after each `pause` until `stop`.
    pub async fn run(
        self,
        bus: Bus,
        pause: Duration,
        stop: CancellationToken,
    ) -> anyhow::Result<()> {
        let sweeper = &self;
        bus.rounds(pause, &stop, |stream_created| async move {
            sweeper.round(stream_created).await.map(Repairs::count)
        })
        .await;
        Ok(())
    }

    /// One round.
    pub async fn round(
        &self,
        stream_created: Option<DateTime<Utc>>,
    ) -> Result<Repairs, WorkflowError> {
        let mut repairs = Repairs::default();
        let runs = sweep::overdue_runs(&mut *self.db.acquire().await?).await?;
        for run in runs {
            let mut tx = self.db.begin().await?;
            repairs.overdue_runs += usize::from(self.workflow.run_overdue(&mut tx, run).await?);
            tx.commit().await?;
        }
        let runs = sweep::unbegun_runs(&mut *self.db.acquire().await?, stream_created).await?;
        for run in runs {
            let mut tx = self.db.begin().await?;
            repairs.unbegun_runs += usize::from(self.workflow.send_run_again(&mut tx, run).await?);
            tx.commit().await?;
        }
        let items = sweep::overdue_items(&mut *self.db.acquire().await?).await?;
        for Found { run, fiche } in items {
            let mut tx = self.db.begin().await?;
            let moved = self.workflow.item_overdue(&mut tx, run, &fiche).await?;
            repairs.overdue_items += usize::from(moved);
            tx.commit().await?;
        }
        if let Some(created) = stream_created {
            repairs.asked_again = self.ask_again(created).await?;
        }
        let mut tx = self.db.begin().await?;
        repairs.slots = self.workflow.give_slots(&mut tx).await?;
        tx.commit().await?;
        Ok(repairs)
    }

    async fn ask_again(&self, created: DateTime<Utc>) -> Result<usize, WorkflowError> {
        let mut asked = 0;
        let items = sweep::forgotten_items(&mut *self.db.acquire().await?, created).await?;
        for Found { run, fiche } in items {
            let awaited = {
                let mut conn = self.db.acquire().await?;
                self.workflow.awaited_audits(&mut conn, run, &fiche).await?
            };
            // Asked before the transaction: no call is made while a run is locked.
            let tracked = if awaited.is_empty() {
                TrackedAudits::new()
            } else {
                match self.neighbours.tracked(&awaited).await {
                    Ok(tracked) => tracked,
                    Err(error) => {
                        tracing::warn!(%error, run.id = %run, "audits could not be looked up");
                        continue;
                    }
                }
            };
            let mut tx = self.db.begin().await?;
            let done = self
                .workflow
                .ask_again(&mut tx, run, &fiche, created, &tracked)
                .await?;
            asked += usize::from(done);
            tx.commit().await?;
        }
        Ok(asked)
    }
}
