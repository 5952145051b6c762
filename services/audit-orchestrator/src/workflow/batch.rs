//! Batches: rows with the request, audits with `audit/batch`, counting with the audits' ends.

use super::{Workflow, WorkflowError};
use crate::domain::batch::Batch;
use crate::store::batch::{self, Ended, NewBatch};
use crate::store::batch_audits::{self, Created, Open};
use crate::store::batch_sweep;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_bus::outbox;
use vigie_events::Lane;
use vigie_events::audit::AuditRun;
use vigie_events::batch::AuditBatch;
use vigie_events::ids::{AuditConfigId, FicheId};

/// Beyond the longest life of its audits, so that each ends by its own deadline.
const GRACE: Duration = Duration::from_secs(3600);
/// Error of members whose audit could not be created.
const NOT_STARTED: &str = "Audit could not be started";

/// A batch as asked for.
#[derive(Debug, Clone, Copy)]
pub struct BatchWish<'a> {
    /// Its configuration.
    pub config: AuditConfigId,
    /// Its fiches, each once.
    pub fiches: &'a [FicheId],
    /// The principal that asks.
    pub by: &'a str,
    /// Who its audits are for.
    pub trigger_user: Option<&'a str>,
    /// Transcript tools mode, as asked.
    pub asked_rlm: bool,
    /// The same, if the engine has it.
    pub use_rlm: bool,
}

impl Workflow {
    /// Stores a batch with its members and sends `audit/batch`.
    pub async fn open_batch(
        &self,
        tx: &mut PgConnection,
        wish: BatchWish<'_>,
    ) -> Result<Batch, WorkflowError> {
        let deadlines = self.settings.deadlines;
        let new = NewBatch {
            config: wish.config,
            fiches: wish.fiches,
            by: wish.by,
            trigger_user: wish.trigger_user,
            use_rlm: wish.use_rlm,
            deadline: deadlines.queued + deadlines.of(Lane::Bulk) + GRACE,
        };
        let batch = batch::insert(tx, &new).await?;
        let command = AuditBatch {
            batch_id: batch.batch_id.clone(),
            fiche_ids: wish.fiches.to_vec(),
            audit_config_id: wish.config.get(),
            user_id: wish.trigger_user.map(ToOwned::to_owned),
            use_rlm: Some(wish.asked_rlm),
        };
        outbox::send_and_show(tx, &[command.message()], &batch.shown()?).await?;
        Ok(batch)
    }

    /// Creates the audits that an open batch lacks, and sends them. Told again, it finds none.
    pub async fn create_audits(
        &self,
        tx: &mut PgConnection,
        batch_id: &str,
    ) -> Result<usize, WorkflowError> {
        let Some(open) = batch_audits::lock_open(tx, batch_id).await? else {
            return Ok(0);
        };
        let members = batch_audits::missing(tx, batch_id).await?;
        if members.is_empty() {
            return Ok(0);
        }
        let deadline = self.settings.deadlines.queued;
        let created = batch_audits::create(tx, &open, &members, deadline).await?;
        let runs: Vec<_> = created
            .iter()
            .map(|it| run(&open, it).message(&it.member.tracking, Lane::Bulk))
            .collect();
        outbox::send_all(tx, &runs).await?;
        tracing::info!(
            batch.id = batch_id,
            audits = created.len(),
            "audits of a batch queued"
        );
        Ok(created.len())
    }

    /// Ends the members of a batch that have no audit and will get none.
    pub async fn give_up_missing(
        &self,
        tx: &mut PgConnection,
        batch_id: &str,
    ) -> Result<(), WorkflowError> {
        // Locked, so that nobody creates them meanwhile.
        if batch_audits::lock_open(tx, batch_id).await?.is_none() {
            return Ok(());
        }
        self.fail_missing(tx, batch_id, NOT_STARTED).await
    }

    pub(super) async fn fail_missing(
        &self,
        tx: &mut PgConnection,
        batch_id: &str,
        error: &str,
    ) -> Result<(), WorkflowError> {
        let missing = batch_audits::missing(tx, batch_id).await?;
        let ended = missing.into_iter().map(|member| Ended {
            tracking: member.tracking.to_string(),
            error: Some(error.to_owned()),
        });
        self.count_members(tx, &ended.collect::<Vec<_>>()).await
    }

    /// Does what an open batch still lacks: audits, or the counting of audits that have ended.
    pub async fn repair_batch(
        &self,
        tx: &mut PgConnection,
        batch_id: &str,
    ) -> Result<(), WorkflowError> {
        self.create_audits(tx, batch_id).await?;
        let uncounted = batch_sweep::uncounted(tx, batch_id).await?;
        self.count_members(tx, &uncounted).await
    }

    /// Counts ended members in their batches, each once, and tells how far those are. The last
    /// thing that a transaction does with rows: audits are locked before batches.
    pub(super) async fn count_members(
        &self,
        tx: &mut PgConnection,
        ended: &[Ended],
    ) -> Result<(), WorkflowError> {
        if ended.is_empty() {
            return Ok(());
        }
        let (mut facts, mut shown) = (Vec::new(), Vec::new());
        for batch in batch::count(tx, ended).await? {
            shown.extend(batch.shown()?);
            if let Some(fact) = batch.ended() {
                tracing::info!(batch.id = batch.batch_id, batch.status, "batch ended");
                metrics::counter!("audit.batch.ended", "status" => batch.status).increment(1);
                facts.push(fact.message());
            }
        }
        outbox::send_and_show(tx, &facts, &shown).await?;
        Ok(())
    }
}

fn run(open: &Open, created: &Created) -> AuditRun {
    AuditRun {
        fiche_id: created.member.fiche.clone(),
        audit_config_id: open.config.get(),
        user_id: open.trigger_user.clone(),
        automation_schedule_id: None,
        automation_run_id: None,
        trigger_source: Some("batch".to_owned()),
        use_rlm: Some(open.use_rlm),
        audit_db_id: Some(created.id),
        batch_id: Some(open.batch_id.clone()),
    }
}
