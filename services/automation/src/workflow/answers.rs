//! What facts about the steps of a fiche do. Each names its run and fiche by the id of its command.

use super::apply::audit_run;
use super::turn::Turn;
use super::{Workflow, WorkflowError};
use crate::domain::audits::{self, AuditNext};
use crate::domain::item::{AuditEnd, Ignored, Item, ItemAudit, ItemState, Next};
use crate::domain::reply::{self, Transcription};
use crate::store;
use crate::store::log::Level;
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::automation_request::AutomationRequest;
use vigie_events::fiche::FetchFailure;
use vigie_events::ids::{AuditConfigId, AuditId, AutomationRunId, FicheId};

/// How the transcription run that served a fiche ended.
#[derive(Debug, Clone, Copy)]
pub struct Transcribed<'a> {
    /// Outcome.
    pub run: Transcription<'a>,
    /// Recordings newly transcribed.
    pub new: i32,
}

/// How an audit of a fiche ended.
#[derive(Debug, Clone)]
pub struct AuditAnswer {
    /// The run.
    pub run: AutomationRunId,
    /// The fiche.
    pub fiche: FicheId,
    /// The configuration.
    pub config: AuditConfigId,
    /// Which retry it answers.
    pub attempt: u32,
    /// The audit.
    pub audit: Option<AuditId>,
    /// Its end.
    pub end: AuditEnd,
    /// Whether the CRM does not know the fiche.
    pub not_found: bool,
}

impl Workflow {
    /// `fiche/fetched`.
    pub async fn fetched(
        &self,
        tx: &mut PgConnection,
        request: &AutomationRequest,
        groupe: Option<&str>,
        recordings: i32,
        cause: &str,
    ) -> Result<(), WorkflowError> {
        let waiting = self.waiting(tx, request.run, &request.fiche).await?;
        let Some((mut turn, mut item)) = waiting else {
            return Ok(());
        };
        let next = reply::fetched(&item, &turn.run.plan, groupe, recordings);
        item.recordings = Some(recordings);
        self.apply(tx, &mut turn, item, next, Some(cause)).await?;
        self.close(tx, turn).await
    }

    /// `fiche/fetch.failed`.
    pub async fn fetch_failed(
        &self,
        tx: &mut PgConnection,
        request: &AutomationRequest,
        kind: FetchFailure,
        error: &str,
        cause: &str,
    ) -> Result<(), WorkflowError> {
        let waiting = self.waiting(tx, request.run, &request.fiche).await?;
        let Some((mut turn, item)) = waiting else {
            return Ok(());
        };
        let next = reply::fetch_failed(&item, &turn.run.plan, request.retry, kind, error);
        self.apply(tx, &mut turn, item, next, Some(cause)).await?;
        self.close(tx, turn).await
    }

    /// `fiche/transcribed`.
    pub async fn transcribed(
        &self,
        tx: &mut PgConnection,
        request: &AutomationRequest,
        answer: Transcribed<'_>,
        cause: &str,
    ) -> Result<(), WorkflowError> {
        let waiting = self.waiting(tx, request.run, &request.fiche).await?;
        let Some((mut turn, item)) = waiting else {
            return Ok(());
        };
        let next = reply::transcribed(&item, &turn.run.plan, request.retry, answer.run);
        if next != Next::Stay && answer.new > 0 {
            turn.run.transcriptions += answer.new;
            store::item::add_transcribed(tx, request.run, &request.fiche, answer.new).await?;
        }
        self.apply(tx, &mut turn, item, next, Some(cause)).await?;
        self.close(tx, turn).await
    }

    /// `audit/completed` and `audit/failed`.
    pub async fn audit_ended(
        &self,
        tx: &mut PgConnection,
        answer: &AuditAnswer,
        cause: &str,
    ) -> Result<(), WorkflowError> {
        let waiting = self.waiting(tx, answer.run, &answer.fiche).await?;
        let Some((mut turn, item)) = waiting else {
            let (run, fiche) = (answer.run, &answer.fiche);
            store::audit::late(tx, run, fiche, answer.config, answer.audit).await?;
            return Ok(());
        };
        self.take_audit(tx, &mut turn, item, answer, Some(cause))
            .await?;
        self.close(tx, turn).await
    }

    pub(super) async fn take_audit(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: Item,
        answer: &AuditAnswer,
        cause: Option<&str>,
    ) -> Result<(), WorkflowError> {
        if item.state != ItemState::Auditing {
            return Ok(());
        }
        let mut audits = store::audit::of(tx, answer.run, &answer.fiche).await?;
        let Some(audit) = audits
            .iter_mut()
            .find(|audit| audit.config == answer.config)
        else {
            return Ok(());
        };
        let (plan, halted) = (&turn.run.plan, turn.run.halted);
        match audits::audit_ended(audit, plan, halted, answer.attempt, &answer.end) {
            AuditNext::Stay => return Ok(()),
            AuditNext::Retry if !answer.not_found => {
                let (config, attempt) = (audit.config, audit.attempt + 1);
                self.retry_audits(tx, turn, &item, &[(config, attempt)])
                    .await?;
                return Ok(());
            }
            AuditNext::Retry | AuditNext::Close => {
                self.close_audit(tx, turn, &item, audit, answer.audit, answer.end.clone())
                    .await?;
            }
        }
        let next = if answer.not_found {
            Next::Ignore(Ignored::NotFound)
        } else {
            audits::after_audits(&audits)
        };
        self.apply(tx, turn, item, next, cause).await
    }

    async fn close_audit(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: &Item,
        audit: &mut ItemAudit,
        id: Option<AuditId>,
        end: AuditEnd,
    ) -> Result<(), WorkflowError> {
        store::audit::close(tx, turn.run.id, &item.fiche, audit.config, id, &end).await?;
        turn.touched = true;
        turn.run.audits += 1;
        if matches!(end, AuditEnd::Failed(_)) {
            turn.run.audits_failed += 1;
        }
        audit.end = Some(end);
        Ok(())
    }

    /// Asks for audits once more and gives them their full time.
    async fn retry_audits(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: &Item,
        audits: &[(AuditConfigId, u32)],
    ) -> Result<(), WorkflowError> {
        if audits.is_empty() {
            return Ok(());
        }
        let mut commands = Vec::with_capacity(audits.len());
        for &(config, attempt) in audits {
            store::audit::retry(tx, turn.run.id, &item.fiche, config, attempt).await?;
            commands.push(audit_run(&turn.run, &item.fiche, config, attempt));
        }
        store::item::enter(tx, turn.run.id, item, self.settings().audit_wait, None).await?;
        outbox::send_all(tx, &commands).await?;
        turn.touched = true;
        let metadata = json!({"fiche_id": item.fiche.as_str(), "audits": audits.len()});
        turn.log
            .add(Level::Warning, "audits asked for once more", &metadata);
        Ok(())
    }

    /// A fiche whose deadline has passed. False when it has moved since.
    pub async fn item_overdue(
        &self,
        tx: &mut PgConnection,
        run: AutomationRunId,
        fiche: &FicheId,
    ) -> Result<bool, WorkflowError> {
        let waiting = self.waiting(tx, run, fiche).await?;
        let Some((mut turn, item)) = waiting.filter(|(_, item)| item.overdue) else {
            return Ok(false);
        };
        if item.state == ItemState::Auditing {
            self.audits_overdue(tx, &mut turn, item).await?;
        } else {
            let next = reply::overdue(&item, &turn.run.plan);
            self.apply(tx, &mut turn, item, next, None).await?;
        }
        self.close(tx, turn).await?;
        Ok(true)
    }

    async fn audits_overdue(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: Item,
    ) -> Result<(), WorkflowError> {
        let mut audits = store::audit::of(tx, turn.run.id, &item.fiche).await?;
        let (again, ended) = audits::overdue_audits(&audits, &turn.run.plan, turn.run.halted);
        for audit in audits
            .iter_mut()
            .filter(|audit| ended.contains(&audit.config))
        {
            let end = AuditEnd::Failed(crate::domain::item::ItemFailure::overdue(item.state).error);
            self.close_audit(tx, turn, &item, audit, None, end).await?;
        }
        let retried = audits.iter().filter(|audit| again.contains(&audit.config));
        let retried: Vec<_> = retried
            .map(|audit| (audit.config, audit.attempt + 1))
            .collect();
        self.retry_audits(tx, turn, &item, &retried).await?;
        self.apply(tx, turn, item, audits::after_audits(&audits), None)
            .await
    }
}
