//! How runs end: with their last fiche, by a person, by their deadline, or not carried out at all.

use super::turn::Turn;
use super::{Workflow, WorkflowError};
use crate::domain::item::{ItemFailure, ItemState};
use crate::domain::outcome::{Outcome, Reason, schedule_status};
use crate::store;
use crate::store::log::Level;
use crate::store::run::{Phase, Run};
use serde_json::json;
use sqlx::PgConnection;
use vigie_bus::outbox;
use vigie_events::automation::{AutomationCompleted, AutomationFailed, RunStatus};
use vigie_events::ids::AutomationRunId;
use vigie_events::realtime::automation::{RunCancelled, RunCompleted, RunFailed, RunIsFailed};

impl Workflow {
    /// Writes the terminal status and results of a run without open fiches, and tells everybody.
    pub(super) async fn finish(
        &self,
        tx: &mut PgConnection,
        mut turn: Turn,
        early: Option<Reason>,
    ) -> Result<(), WorkflowError> {
        let outcome = Outcome::of(&turn.run.counters, early);
        let id = turn.run.id;
        let duration_ms = turn.run.duration_ms();
        let summary = if outcome.reason == Some(Reason::NoFichesManual) {
            json!({"message": "No fiches selected", "ficheIds": []})
        } else {
            json!({})
        };
        if !store::run::finish(tx, id, &outcome, duration_ms, &summary).await? {
            return Ok(());
        }
        turn.run.phase = Phase::Finished;
        store::result::replace(tx, id).await?;
        store::schedule::ended(tx, turn.run.schedule, schedule_status(outcome.status)).await?;
        say_end(&mut turn, &outcome, duration_ms)?;
        let counts = json!({"status": outcome.status.as_str(), "successful": outcome.successful,
            "failed": outcome.failed, "ignored": outcome.ignored,
            "reason": outcome.reason.map(Reason::as_str), "duration_ms": duration_ms});
        turn.log.add(Level::Info, "run ended", &counts);
        let schedule_id = turn.run.schedule;
        turn.flush(tx).await?;
        let fact = AutomationCompleted {
            schedule_id,
            run_id: id,
            status: outcome.status,
            total_fiches: outcome.total,
            successful_fiches: outcome.successful,
            failed_fiches: outcome.failed,
            ignored_fiches: outcome.ignored,
            duration_ms,
            reason: outcome.reason.map(|reason| reason.as_str().to_owned()),
            failed_dates: Vec::new(),
        };
        outbox::send(tx, &fact.message()).await?;
        metrics::counter!("vigie_automation_runs_ended_total", "status" => outcome.status.as_str())
            .increment(1);
        tracing::info!(run.id = %id, status = outcome.status.as_str(), "automation run ended");
        Ok(())
    }

    /// Ends a run that could not be carried out (B8.5). `code` goes into the details.
    pub(super) async fn fail_run(
        &self,
        tx: &mut PgConnection,
        run: Run,
        code: &str,
        error: &str,
    ) -> Result<(), WorkflowError> {
        let duration_ms = run.duration_ms();
        let reason = code.to_ascii_lowercase();
        let details =
            json!({"error_code": code, "correlation_id": format!("automation-run-{}", run.id)});
        if !store::run::fail(tx, run.id, &reason, error, &details, duration_ms).await? {
            return Ok(());
        }
        let mut turn = Turn::of(run);
        turn.run.phase = Phase::Finished;
        let failed = schedule_status(RunStatus::Failed);
        store::schedule::ended(tx, turn.run.schedule, failed).await?;
        let message = RunFailed {
            run: turn.reference.clone(),
            status: RunIsFailed::Only,
            error: error.to_owned(),
            duration_ms,
        };
        turn.say_to_schedule(&message)?;
        turn.log.add(Level::Error, error, &details);
        turn.flush(tx).await?;
        let fact = AutomationFailed {
            schedule_id: turn.run.schedule,
            run_id: turn.run.id,
            error: error.to_owned(),
            reason: Some(reason),
        };
        outbox::send(tx, &fact.message()).await?;
        metrics::counter!("vigie_automation_runs_ended_total", "status" => "not_carried_out")
            .increment(1);
        tracing::error!(run.id = %turn.run.id, code, "automation run could not be carried out");
        Ok(())
    }

    /// A run whose command was parked.
    pub async fn give_up(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
    ) -> Result<(), WorkflowError> {
        match store::run::lock(tx, id).await? {
            Some(run) if run.phase == Phase::Pending => {
                self.fail_run(tx, run, "NOT_STARTED", "Run could not be started")
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Ends an open run: its open fiches become cancelled. False when it has ended already.
    pub async fn cancel(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
        actor: &str,
    ) -> Result<bool, WorkflowError> {
        let Some(mut run) = store::run::lock(tx, id).await? else {
            return Ok(false);
        };
        if run.phase == Phase::Finished {
            return Ok(false);
        }
        if run.phase == Phase::Pending {
            let (fiches, _) = store::run::selection(tx, id).await?;
            store::item::insert_all(tx, id, &fiches).await?;
            run.counters.selected = i32::try_from(fiches.len()).unwrap_or(i32::MAX);
        }
        run.phase = Phase::Finalizing;
        let mut turn = Turn::of(run);
        for one in store::item::cancel_open(tx, id).await? {
            turn.settle(&one.fiche, one.was, ItemState::Cancelled, None);
        }
        let outcome = Outcome::of(&turn.run.counters, Some(Reason::Cancelled));
        let message = RunCancelled {
            run: turn.reference.clone(),
            status: outcome.status,
            actor_id: actor.to_owned(),
            reason: Some(Reason::Cancelled.as_str().to_owned()),
            counters: turn.run.counters,
        };
        turn.say_to_schedule(&message)?;
        turn.log
            .add(Level::Warning, "run cancelled", &json!({"actor_id": actor}));
        self.finish(tx, turn, Some(Reason::Cancelled)).await?;
        self.give_slots(tx).await?;
        Ok(true)
    }

    /// Ends a run whose time is up: with what it has, or as not carried out.
    pub async fn run_overdue(
        &self,
        tx: &mut PgConnection,
        id: AutomationRunId,
    ) -> Result<bool, WorkflowError> {
        let Some(mut run) = store::run::lock(tx, id).await? else {
            return Ok(false);
        };
        if run.phase == Phase::Finished || !run.overdue {
            return Ok(false);
        }
        if run.phase == Phase::Pending {
            let error = "Run did not begin before its deadline";
            self.fail_run(tx, run, "DEADLINE", error).await?;
            return Ok(true);
        }
        run.phase = Phase::Finalizing;
        let mut turn = Turn::of(run);
        for one in store::item::fail_open(tx, id).await? {
            let failure = ItemFailure::overdue(one.was);
            turn.settle(&one.fiche, one.was, ItemState::Failed, Some(&failure));
        }
        turn.log
            .add(Level::Error, "deadline of the run passed", &json!({}));
        self.finish(tx, turn, Some(Reason::Deadline)).await?;
        self.give_slots(tx).await?;
        Ok(true)
    }
}

/// `automation.run.completed`; a cancellation was told by its own event.
fn say_end(turn: &mut Turn, outcome: &Outcome, duration_ms: i64) -> serde_json::Result<()> {
    if outcome.reason == Some(Reason::Cancelled) {
        return Ok(());
    }
    let message = RunCompleted {
        run: turn.reference.clone(),
        status: outcome.status,
        total_fiches: outcome.total,
        successful_fiches: outcome.successful,
        failed_fiches: outcome.failed,
        ignored_fiches: outcome.ignored,
        transcriptions_run: turn.run.transcriptions,
        audits_run: turn.run.audits,
        audits_failed: turn.run.audits_failed,
        duration_ms,
        reason: outcome.reason.map(|reason| reason.as_str().to_owned()),
    };
    turn.say_to_schedule(&message)
}
