//! Carries out what becomes of a fiche.

use super::turn::Turn;
use super::{Workflow, WorkflowError};
use crate::domain::item::{Ignored, Item, ItemFailure, ItemState, Next};
use crate::store;
use crate::store::item::Closing;
use crate::store::log::Level;
use crate::store::run::Run;
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::audit::AuditRun;
use vigie_events::fiche::FicheFetch;
use vigie_events::ids::{AuditConfigId, FicheId, TrackingId};
use vigie_events::transcription::FicheTranscribe;
use vigie_events::{Lane, Message};

impl Workflow {
    /// Moves a fiche on. `cause` is the message that did it.
    pub(super) async fn apply(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        mut item: Item,
        next: Next,
        cause: Option<&str>,
    ) -> Result<(), WorkflowError> {
        match next.when_halted(turn.run.halted) {
            Next::Stay => Ok(()),
            Next::Retry => {
                item.attempt += 1;
                self.retry(tx, turn, &item, cause).await
            }
            Next::Transcribe => {
                turn.count(item.state, ItemState::Fetched);
                (item.state, item.attempt) = (ItemState::Fetched, 0);
                let wait = self.settings().transcription_wait;
                store::item::enter(tx, turn.run.id, &item, wait, cause).await?;
                Ok(outbox::send(tx, &transcribe(&turn.run, &item)).await?)
            }
            Next::Audit => self.audit(tx, turn, item, cause).await,
            Next::Done => {
                self.settle(
                    tx,
                    turn,
                    item,
                    ItemState::Done,
                    &Closing {
                        cause,
                        ..Closing::default()
                    },
                )
                .await
            }
            Next::Ignore(reason) => {
                let reason = reason.to_string();
                let closing = Closing {
                    ignored: Some(&reason),
                    cause,
                    ..Closing::default()
                };
                self.settle(tx, turn, item, ItemState::Ignored, &closing)
                    .await
            }
            Next::Fail(failure) => self.fail_item(tx, turn, item, &failure, cause).await,
        }
    }

    async fn retry(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: &Item,
        cause: Option<&str>,
    ) -> Result<(), WorkflowError> {
        turn.touched = true;
        let run = &turn.run;
        let settings = self.settings();
        match item.state {
            ItemState::Selected => {
                store::item::enter(tx, run.id, item, settings.details_wait, cause).await?;
                outbox::send(tx, &fetch(run, item)).await?;
            }
            ItemState::Fetched => {
                store::item::enter(tx, run.id, item, settings.transcription_wait, cause).await?;
                outbox::send(tx, &transcribe(run, item)).await?;
            }
            // Audits are retried one by one; other states wait for nothing.
            _ => return Ok(()),
        }
        let metadata = json!({"fiche_id": item.fiche.as_str(), "attempt": item.attempt,
            "state": item.state.as_str()});
        turn.log
            .add(Level::Warning, "step asked for once more", &metadata);
        Ok(())
    }

    async fn audit(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        mut item: Item,
        cause: Option<&str>,
    ) -> Result<(), WorkflowError> {
        turn.count(item.state, ItemState::Auditing);
        (item.state, item.attempt) = (ItemState::Auditing, 0);
        let run = &mut turn.run;
        run.audits_total += i32::try_from(run.plan.configs.len()).unwrap_or(i32::MAX);
        store::item::enter(tx, run.id, &item, self.settings().audit_wait, cause).await?;
        store::audit::insert(tx, run.id, &item.fiche, &run.plan.configs).await?;
        let mut commands = Vec::with_capacity(run.plan.configs.len());
        for config in &run.plan.configs {
            commands.push(audit_run(run, &item.fiche, *config, 0));
        }
        Ok(outbox::send_all(tx, &commands).await?)
    }

    async fn fail_item(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        item: Item,
        failure: &ItemFailure,
        cause: Option<&str>,
    ) -> Result<(), WorkflowError> {
        let metadata = json!({"fiche_id": item.fiche.as_str(), "stage": failure.stage.as_str(),
            "code": failure.code, "error": failure.error});
        turn.log.add(Level::Warning, "fiche failed", &metadata);
        let closing = Closing {
            failure: Some(failure),
            cause,
            ..Closing::default()
        };
        self.settle(tx, turn, item, ItemState::Failed, &closing)
            .await?;
        if turn.run.plan.continue_on_error || turn.run.halted {
            return Ok(());
        }
        turn.run.halted = true;
        let reason = Ignored::Skipped.to_string();
        let skipped = store::item::skip_untouched(tx, turn.run.id, &reason).await?;
        for one in &skipped {
            turn.settle(&one.fiche, one.was, ItemState::Ignored, None);
        }
        let metadata = json!({"skipped": skipped.len()});
        turn.log
            .add(Level::Warning, "stopped after the first failure", &metadata);
        Ok(())
    }

    async fn settle(
        &self,
        tx: &mut PgConnection,
        turn: &mut Turn,
        mut item: Item,
        to: ItemState,
        closing: &Closing<'_>,
    ) -> Result<(), WorkflowError> {
        turn.settle(&item.fiche, item.state, to, closing.failure);
        item.state = to;
        Ok(store::item::close(tx, turn.run.id, &item, closing).await?)
    }
}

pub(super) fn fetch(run: &Run, item: &Item) -> Message<FicheFetch> {
    FicheFetch::for_automation(run.id, item.fiche.clone(), item.attempt)
}

pub(super) fn transcribe(run: &Run, item: &Item) -> Message<FicheTranscribe> {
    let plan = &run.plan;
    let force = !plan.skip_if_transcribed;
    let fiche = item.fiche.clone();
    FicheTranscribe::for_automation(run.id, fiche, plan.priority, force, item.attempt)
}

/// Linked to its run; the audit service inserts the row.
pub(super) fn audit_run(
    run: &Run,
    fiche: &FicheId,
    config: AuditConfigId,
    attempt: u32,
) -> Message<AuditRun> {
    let body = AuditRun {
        fiche_id: fiche.clone(),
        audit_config_id: config.get(),
        user_id: run.triggered_by.clone(),
        automation_schedule_id: Some(run.schedule),
        automation_run_id: Some(run.id),
        trigger_source: Some("automation".to_owned()),
        use_rlm: Some(run.plan.use_rlm),
        audit_db_id: None,
        batch_id: None,
    };
    let tracking = TrackingId::of_automation(run.id, fiche, config, attempt);
    body.message(&tracking, Lane::Bulk)
}
