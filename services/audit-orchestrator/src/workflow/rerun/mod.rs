//! Re-runs of steps and control points of a completed audit (8.1, 8.2): the AI's facts are replaced,
//! decisions stay in force unless forced, and everything derived is computed anew.

mod end;
mod tell;

use super::record::BUDGET_SPENT;
use super::{Workflow, WorkflowError};
use crate::domain::announcer::Announcer;
use crate::domain::answer::Answer;
use crate::domain::audit::Audit;
use crate::domain::time::iso;
use crate::store;
use crate::store::rerun::{self, Rerun};
use sqlx::PgConnection;
use tell::{own_channel, place};
use vigie_bus::outbox;
use vigie_events::audit::{StepAnalyze, StepAnalyzed};
use vigie_events::ids::AuditId;
use vigie_events::realtime::review::RerunStarted;
use vigie_events::rerun::{RerunRef, RerunScope};
use vigie_events::{Lane, Message};

/// Attempts of re-sent steps are this far apart, as those of audits.
const ATTEMPTS_APART: u32 = 1000;

impl Workflow {
    /// Locks the audit of a re-run, then reads it.
    async fn locked(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> sqlx::Result<Option<(Audit, Rerun)>> {
        let Some(id) = rerun::audit_of(tx, rerun_id).await? else {
            return Ok(None);
        };
        let Some(audit) = store::audit::lock_one(tx, AuditId::new(id)).await? else {
            return Ok(None);
        };
        let found = rerun::find(tx, rerun_id).await?;
        Ok(found.map(|rerun| (audit, rerun)))
    }

    /// Sends the step of a queued re-run to the analyzer.
    pub async fn start_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        if !rerun::start(tx, rerun_id).await? {
            return Ok(());
        }
        // Others may have spent it since this one was asked for.
        let most = self.settings.max_tokens;
        if most > 0 && store::call::spent(tx, audit.id.get()).await? >= most {
            return self.end_failed(tx, &audit, &rerun, BUDGET_SPENT).await;
        }
        let started = RerunStarted {
            place: place(&audit, &rerun),
            started_at: iso(audit.now),
            status: "rerunning".to_owned(),
        };
        let mut announcer = Announcer::of(&audit, audit.phase);
        announcer.say_also(&started, &own_channel(&audit))?;
        rerun::said(tx, audit.id.get(), announcer.sequence()).await?;
        let command = command(&audit, &rerun, 1);
        outbox::send_and_show(tx, &[command], &announcer.into_messages()).await?;
        Ok(())
    }

    /// Stores the answer to a re-run, once, and ends it.
    pub async fn record_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
        fact: StepAnalyzed,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        let answer = Answer::from(fact);
        // Paid for, whether or not anybody still waits for it.
        rerun::pay(tx, audit.id.get(), rerun_id, &answer, &self.settings.prices).await?;
        if !rerun.is_open() {
            return Ok(());
        }
        match answer.result.clone() {
            Err(error) => self.end_failed(tx, &audit, &rerun, &error).await,
            Ok(_) => self.end_done(tx, &audit, &rerun, answer).await,
        }
    }

    /// Ends an open re-run without a result.
    pub async fn fail_rerun(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
        error: &str,
    ) -> Result<(), WorkflowError> {
        match self.locked(tx, rerun_id).await? {
            Some((audit, rerun)) if rerun.is_open() => {
                self.end_failed(tx, &audit, &rerun, error).await
            }
            _ => Ok(()),
        }
    }

    /// Sends once more what an open re-run waits for.
    pub async fn send_rerun_again(
        &self,
        tx: &mut PgConnection,
        rerun_id: &str,
    ) -> Result<(), WorkflowError> {
        let Some((audit, rerun)) = self.locked(tx, rerun_id).await? else {
            return Ok(());
        };
        if !rerun.is_open() {
            return Ok(());
        }
        if rerun.status == "queued" {
            return self.start_rerun(tx, rerun_id).await;
        }
        let sending = u32::try_from(rerun.sends).unwrap_or(1).max(1);
        let attempt = sending.saturating_mul(ATTEMPTS_APART) + 1;
        let command = command(&audit, &rerun, attempt);
        outbox::send_again(tx, &command, sending, None).await?;
        rerun::sent_again(tx, rerun_id).await?;
        Ok(())
    }
}

fn scope_of(rerun: &Rerun) -> RerunScope {
    match rerun.control_point_index {
        Some(_) => RerunScope::ControlPoint,
        None => RerunScope::Step,
    }
}

fn command(audit: &Audit, rerun: &Rerun, attempt: u32) -> Message<StepAnalyze> {
    let step = StepAnalyze {
        audit_db_id: audit.id,
        audit_id: audit.tracking.clone(),
        fiche_id: audit.fiche.clone(),
        audit_config_id: audit.config.get(),
        step_position: rerun.step_position,
        use_rlm: Some(audit.use_rlm),
        attempt,
        rerun: Some(RerunRef {
            rerun_id: rerun.rerun_id.clone(),
            rerun_scope: scope_of(rerun),
            control_point_index: rerun.control_point_index,
        }),
    };
    // A person waits, whatever the audit's own lane was.
    step.message(Lane::Interactive)
}
