//! What is sent once more after the broker lost its memory. That is no retry.

use super::answers::AuditAnswer;
use super::apply::{audit_run, fetch, transcribe};
use super::{Workflow, WorkflowError};
use crate::domain::item::{AuditEnd, Item, ItemState};
use crate::store;
use crate::store::run::{Phase, Run};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::automation::AutomationRun;
use vigie_events::ids::{AuditId, AutomationRunId, FicheId, TrackingId};

/// What the audit service knows of an audit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tracked {
    /// The audit.
    pub audit: Option<AuditId>,
    /// How it ended; `None` while it is open.
    pub end: Option<AuditEnd>,
}

/// Audits that the audit service knows, by tracking id.
pub type TrackedAudits = HashMap<TrackingId, Tracked>;

impl Workflow {
    /// Sends `automation/run` once more for a run that has not begun.
    pub async fn send_run_again(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
    ) -> Result<bool, WorkflowError> {
        let Some(run) = store::run::lock(tx, id).await? else {
            return Ok(false);
        };
        if run.phase != Phase::Pending {
            return Ok(false);
        }
        let sending = u32::try_from(run.sends).unwrap_or(1).max(1);
        outbox::send_again(tx, &run_message(&run), sending, None).await?;
        store::run::sent_again(tx, id).await?;
        Ok(true)
    }

    /// Tracking ids of the audits that a fiche waits for.
    pub async fn awaited_audits(
        &self,
        conn: &mut PgConnection,
        run: AutomationRunId,
        fiche: &FicheId,
    ) -> Result<Vec<TrackingId>, WorkflowError> {
        let audits = store::audit::of(conn, run, fiche).await?;
        let open = audits.into_iter().filter(|audit| audit.end.is_none());
        let tracking = |config, attempt| TrackingId::of_automation(run, fiche, config, attempt);
        Ok(open
            .map(|audit| tracking(audit.config, audit.attempt))
            .collect())
    }

    /// Asks once more for what a fiche waits for, whose last sending is older than the stream.
    /// Audits that the audit service knows are not asked for: their ends are taken.
    pub async fn ask_again(
        &self,
        tx: &mut PgConnection,
        run: AutomationRunId,
        fiche: &FicheId,
        stream_created: DateTime<Utc>,
        tracked: &TrackedAudits,
    ) -> Result<bool, WorkflowError> {
        let Some((mut turn, item)) = self.waiting(tx, run, fiche).await? else {
            return Ok(false);
        };
        let Some(again) = store::item::ask_again(tx, run, fiche, stream_created).await? else {
            return Ok(false);
        };
        match item.state {
            ItemState::Selected => {
                let ask = fetch(&turn.run, &item);
                outbox::send(
                    tx,
                    &Message {
                        id: ask.id.again(again),
                        ..ask
                    },
                )
                .await?;
            }
            ItemState::Fetched => {
                let ask = transcribe(&turn.run, &item);
                outbox::send(
                    tx,
                    &Message {
                        id: ask.id.again(again),
                        ..ask
                    },
                )
                .await?;
            }
            ItemState::Auditing => {
                let ended = self
                    .send_unknown_audits(tx, &turn.run, &item, again, tracked)
                    .await?;
                for answer in ended {
                    // Each may close the fiche: it is read again.
                    let Some(item) = store::item::get(tx, run, fiche).await? else {
                        break;
                    };
                    self.take_audit(tx, &mut turn, item, &answer, None).await?;
                }
                self.close(tx, turn).await?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    async fn send_unknown_audits(
        &self,
        tx: &mut PgConnection,
        run: &Run,
        item: &Item,
        again: u32,
        tracked: &TrackedAudits,
    ) -> Result<Vec<AuditAnswer>, WorkflowError> {
        let mut ended = Vec::new();
        for audit in store::audit::of(tx, run.id, &item.fiche).await? {
            if audit.end.is_some() {
                continue;
            }
            let (config, attempt) = (audit.config, audit.attempt);
            let tracking = TrackingId::of_automation(run.id, &item.fiche, config, attempt);
            match tracked.get(&tracking) {
                // Unknown: the same work, which nobody's inbox has seen.
                None => {
                    let command = audit_run(run, &item.fiche, config, attempt);
                    outbox::send_again(tx, &command, again, None).await?;
                }
                Some(Tracked { end: None, .. }) => {}
                Some(Tracked {
                    audit,
                    end: Some(end),
                }) => ended.push(AuditAnswer {
                    run: run.id,
                    fiche: item.fiche.clone(),
                    config,
                    attempt,
                    audit: *audit,
                    end: end.clone(),
                    not_found: false,
                }),
            }
        }
        Ok(ended)
    }
}

/// The command of a run, as its row tells it.
pub(super) fn run_message(run: &Run) -> Message<AutomationRun> {
    AutomationRun {
        schedule_id: run.schedule,
        run_id: run.id,
        due_at: run.due_at,
    }
    .message()
}
