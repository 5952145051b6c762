//! The end of a run: exactly one `fiche/transcribed` and one terminal realtime message (A5.8 rule 4).

use super::change::{Change, subject};
use super::{Workflow, WorkflowError};
use crate::domain::run::{Run, RunState};
use crate::store::log::{Level, Lines};
use crate::store::{item, run};
use serde_json::json;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_bus::outbox;
use vigie_events::Message;
use vigie_events::fiche::{FetchFailure, FicheFetch};
use vigie_events::realtime::audit::iso;
use vigie_events::realtime::transcription::{Completed, Failed, IsCompleted, IsFailed};
use vigie_events::transcription::{FicheTranscribed, RunExpired, RunOutcome};

/// Why too large fiches are refused, as `skipped` tells it.
const TOO_MANY: &str = "too_many_recordings";

impl Change {
    /// Ends a run whose recordings are all settled.
    pub(super) fn finish(&mut self, reason: Option<&str>) -> serde_json::Result<()> {
        let counts = self.run.counts;
        let outcome = counts.outcome();
        let (ended, duration_ms) = (self.run.now, self.run.duration_ms());
        self.say(|run| Completed {
            run,
            total_recordings: counts.total,
            transcribed: counts.transcribed(),
            failed: counts.failed,
            // Rounded half up.
            duration_seconds: (duration_ms + 500) / 1000,
            completed_at: iso(ended),
            outcome,
            reason: reason.map(ToOwned::to_owned),
            status: IsCompleted::Only,
        })?;
        self.close(outcome, reason);
        Ok(())
    }

    /// Ends a run that cannot be done.
    pub(super) fn give_up(
        &mut self,
        outcome: RunOutcome,
        reason: &str,
        error: &str,
    ) -> serde_json::Result<()> {
        let partial = self.run.counts.partial();
        let ended = self.run.now;
        self.say(|run| Failed {
            run,
            error: error.to_owned(),
            failed_at: iso(ended),
            partial_results: Some(partial),
            reason: reason.to_owned(),
            status: IsFailed::Only,
        })?;
        self.log(Level::Error, "run", error, json!({"reason": reason}));
        self.close(outcome, Some(reason));
        Ok(())
    }

    fn close(&mut self, outcome: RunOutcome, reason: Option<&str>) {
        let state = RunState::Ended(outcome);
        self.run.state = state;
        self.run.reason = reason.map(ToOwned::to_owned);
        let counts = self.run.counts;
        self.log(
            Level::Info,
            "run",
            format!("run {state}"),
            json!({"transcribed": counts.newly_transcribed(), "cached": counts.cached,
                   "failed": counts.failed, "reason": reason}),
        );
        let lane = self.run.lane.as_str();
        metrics::counter!("vigie_transcription_runs_total", "state" => state.as_str(), "lane" => lane)
            .increment(1);
        metrics::histogram!("vigie_transcription_run_seconds", "state" => state.as_str(), "lane" => lane)
            .record(self.run.age_seconds());
        tracing::info!(run.id = %self.run.run_id, fiche.id = %self.run.fiche, %state, reason,
            failed = counts.failed, "transcription run ended");
        let fact = transcribed(&self.run, outcome, reason);
        self.end(fact);
    }
}

fn transcribed(run: &Run, status: RunOutcome, reason: Option<&str>) -> FicheTranscribed {
    let refused = reason == Some(TOO_MANY);
    let nothing_done = refused || (status == RunOutcome::Skipped && run.started_at.is_some());
    FicheTranscribed {
        fiche_id: run.fiche.clone(),
        transcribed_count: run.counts.newly_transcribed(),
        cached_count: run.counts.cached,
        failed_count: run.counts.failed,
        duration_ms: (!nothing_done).then(|| run.duration_ms()),
        skipped: refused.then_some(true),
        reason: reason.map(ToOwned::to_owned),
        run_id: run.run_id,
        request_ids: run.request_ids.clone(),
        status,
        automation_run_id: run.automation_run,
    }
}

impl Workflow {
    /// The refresh that a planned run waits for has failed.
    pub async fn fetch_failed(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        kind: FetchFailure,
        error: &str,
    ) -> Result<(), WorkflowError> {
        let (outcome, reason, error) = match kind {
            FetchFailure::NotFound => (RunOutcome::Skipped, "not_found", "Fiche not found (404)"),
            FetchFailure::Auth | FetchFailure::Upstream | FetchFailure::Invalid => {
                (RunOutcome::Failed, "fetch_failed", error)
            }
        };
        self.abort(tx, run_id, outcome, reason, error).await
    }

    /// Ends a run that is still planned.
    pub async fn abort(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
        outcome: RunOutcome,
        reason: &str,
        error: &str,
    ) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        if run.state != RunState::Planned {
            return Ok(());
        }
        let mut change = self.change(run);
        change.give_up(outcome, reason, error)?;
        change.save(tx).await
    }

    /// Closes a run whose deadline has passed, with what it has.
    pub async fn overdue(&self, tx: &mut PgConnection, run_id: Uuid) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        if !run.state.is_open() {
            return Ok(());
        }
        let abandoned = item::abandon_open(tx, run_id).await?;
        let abandoned = i32::try_from(abandoned).unwrap_or(i32::MAX);
        let mut change = self.change(run);
        change.run.counts.processed += abandoned;
        change.run.counts.failed += abandoned;
        let outcome = match change.run.state {
            RunState::Planned => RunOutcome::Failed,
            RunState::Running | RunState::Ended(_) => change.run.counts.outcome(),
        };
        let expired = RunExpired {
            run_id,
            fiche_id: change.run.fiche.clone(),
            abandoned,
        };
        outbox::send(tx, &expired.message()).await?;
        change.give_up(outcome, "expired", "Transcription deadline passed")?;
        change.save(tx).await
    }

    /// Asks once more for the refresh of a planned run.
    pub async fn ask_again(
        &self,
        tx: &mut PgConnection,
        run_id: Uuid,
    ) -> Result<(), WorkflowError> {
        let Some(run) = run::lock(tx, run_id).await? else {
            return Ok(());
        };
        if run.state != RunState::Planned {
            return Ok(());
        }
        let ask = FicheFetch::for_transcription(run_id, run.fiche.clone(), run.lane);
        // A new id: under the old one the answer would not be given twice.
        let ask = Message {
            id: ask.id.again(u32::try_from(run.sends).unwrap_or(1).max(1)),
            ..ask
        };
        outbox::send(tx, &ask).await?;
        run::sent_again(tx, run_id).await?;
        let mut lines = Lines::new(self.settings.log);
        let sending = json!({"sending": run.sends + 1, "lane": run.lane.as_str()});
        lines.add(
            Level::Warning,
            "refresh",
            "refresh of the fiche asked for again",
            sending,
        );
        Ok(lines.insert(tx, subject(&run)).await?)
    }
}
