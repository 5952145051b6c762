//! A run while it moves: made, locked, saved and ended.

use super::impossible;
use crate::domain::outcome::Outcome;
use crate::domain::plan::Plan;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use sqlx::types::Json;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;
use vigie_events::automation::RunStatus;
use vigie_events::ids::{AutomationRunId, FicheId, ScheduleId};
use vigie_events::realtime::automation::ItemCounters;

/// Where a run stands (B7.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Its row exists, `automation/run` is on its way.
    Pending,
    /// Its fiches are being found.
    Selection,
    /// Its fiches move.
    Processing,
    /// Its open fiches are being closed.
    Finalizing,
    /// It ended.
    Finished,
}

/// A text that is no phase.
#[derive(Debug, thiserror::Error)]
#[error("unknown run phase")]
pub struct UnknownPhase;

impl Phase {
    const ALL: [Self; 5] = [
        Self::Pending,
        Self::Selection,
        Self::Processing,
        Self::Finalizing,
        Self::Finished,
    ];

    /// Wire and database text.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Selection => "selection",
            Self::Processing => "processing",
            Self::Finalizing => "finalizing",
            Self::Finished => "finished",
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Phase {
    type Err = UnknownPhase;

    fn from_str(text: &str) -> Result<Self, UnknownPhase> {
        Self::ALL
            .into_iter()
            .find(|phase| phase.as_str() == text)
            .ok_or(UnknownPhase)
    }
}

/// A locked run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Key.
    pub id: AutomationRunId,
    /// Its schedule.
    pub schedule: ScheduleId,
    /// Where it stands.
    pub phase: Phase,
    /// What its fiches are moved by.
    pub plan: Plan,
    /// Nothing further is sent.
    pub halted: bool,
    /// Fiches by state.
    pub counters: ItemCounters,
    /// Recordings newly transcribed.
    pub transcriptions: i32,
    /// Audits ended.
    pub audits: i32,
    /// Of these, failed.
    pub audits_failed: i32,
    /// Audits asked for.
    pub audits_total: i32,
    /// Number of its last realtime message.
    pub sequence: i64,
    /// Who triggered it.
    pub triggered_by: Option<String>,
    /// When it was due.
    pub due_at: Option<DateTime<Utc>>,
    /// When its row was made.
    pub started_at: DateTime<Utc>,
    /// When it last showed progress.
    pub progress_at: Option<DateTime<Utc>>,
    /// How often `automation/run` was sent.
    pub sends: i32,
    /// Whether its deadline has passed.
    pub overdue: bool,
    /// The database's time.
    pub now: DateTime<Utc>,
}

impl Run {
    /// From its start to now.
    pub fn duration_ms(&self) -> i64 {
        (self.now - self.started_at).num_milliseconds().max(0)
    }
}

/// A run to be made.
#[derive(Debug)]
pub struct NewRun<'a> {
    /// Its schedule.
    pub schedule: ScheduleId,
    /// Who triggered it.
    pub triggered_by: &'a str,
    /// Beside another open run.
    pub allow_overlap: bool,
    /// For people.
    pub snapshot: &'a Value,
    /// For the machine.
    pub plan: &'a Plan,
    /// The fiches, in order.
    pub fiches: &'a [FicheId],
    /// How long it may take.
    pub deadline: Duration,
}

/// The open run of a schedule, when there is one.
#[tracing::instrument(name = "store.run.open_of", skip_all, fields(schedule.id = %schedule), err)]
pub async fn open_of(
    conn: &mut PgConnection,
    schedule: ScheduleId,
) -> sqlx::Result<Option<AutomationRunId>> {
    let id = sqlx::query_scalar!(
        "SELECT id FROM automation_runs WHERE schedule_id = $1 AND phase <> 'finished'
          ORDER BY id DESC LIMIT 1",
        schedule.get()
    )
    .fetch_optional(conn)
    .await?;
    Ok(id.map(AutomationRunId::new))
}

/// Makes a run by hand. Its first realtime message is number 1.
#[tracing::instrument(name = "store.run.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, new: &NewRun<'_>) -> sqlx::Result<AutomationRunId> {
    let fiches: Vec<&str> = new.fiches.iter().map(FicheId::as_str).collect();
    let id = sqlx::query_scalar!(
        "INSERT INTO automation_runs
             (schedule_id, trigger, triggered_by, allow_overlap, config_snapshot, plan, fiche_ids,
              sequence, deadline_at)
         VALUES ($1, 'manual', $2, $3, $4, $5, $6, 1, now() + make_interval(secs => $7))
      RETURNING id",
        new.schedule.get(),
        new.triggered_by,
        new.allow_overlap,
        new.snapshot,
        Json(new.plan) as _,
        &fiches as &[&str],
        new.deadline.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(AutomationRunId::new(id))
}

/// Locks a run and reads it again.
#[tracing::instrument(name = "store.run.lock", skip_all, fields(run.id = %id), err)]
pub async fn lock(conn: &mut PgConnection, id: AutomationRunId) -> sqlx::Result<Option<Run>> {
    let row = sqlx::query!(
        r#"SELECT schedule_id, phase, plan AS "plan: Json<Plan>", halted, items_selected,
                  items_fetched, items_transcribed, items_auditing, items_done, items_failed,
                  items_ignored, items_cancelled, transcriptions_run, audits_run, audits_failed,
                  audits_total, sequence, triggered_by, due_at, started_at, progress_at, sends,
                  deadline_at <= now() AS "overdue!", clock_timestamp() AS "now!"
             FROM automation_runs WHERE id = $1 FOR NO KEY UPDATE"#,
        id.get()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Run {
        id,
        schedule: ScheduleId::new(row.schedule_id),
        phase: row.phase.parse().map_err(impossible)?,
        plan: row.plan.0,
        halted: row.halted,
        counters: ItemCounters {
            selected: row.items_selected,
            fetched: row.items_fetched,
            transcribed: row.items_transcribed,
            auditing: row.items_auditing,
            done: row.items_done,
            failed: row.items_failed,
            ignored: row.items_ignored,
            cancelled: row.items_cancelled,
        },
        transcriptions: row.transcriptions_run,
        audits: row.audits_run,
        audits_failed: row.audits_failed,
        audits_total: row.audits_total,
        sequence: row.sequence,
        triggered_by: row.triggered_by,
        due_at: row.due_at,
        started_at: row.started_at,
        progress_at: row.progress_at,
        sends: row.sends,
        overdue: row.overdue,
        now: row.now,
    }))
}

/// The fiches of a run and its snapshot, to begin it with.
#[tracing::instrument(name = "store.run.selection", skip_all, fields(run.id = %id), err)]
pub async fn selection(
    conn: &mut PgConnection,
    id: AutomationRunId,
) -> sqlx::Result<(Vec<String>, Value)> {
    let row = sqlx::query!(
        "SELECT fiche_ids, config_snapshot FROM automation_runs WHERE id = $1",
        id.get()
    )
    .fetch_one(conn)
    .await?;
    Ok((row.fiche_ids, row.config_snapshot))
}

/// A run that has not begun.
#[derive(Debug)]
pub struct Pending {
    /// What its fiches are moved by.
    pub plan: Json<Plan>,
    /// Who triggered it.
    pub triggered_by: Option<String>,
    /// The selection, in its order.
    pub fiche_ids: Vec<String>,
}

/// A run that has not begun, without locking it.
#[tracing::instrument(name = "store.run.pending", skip_all, fields(run.id = %id), err)]
pub async fn pending(
    conn: &mut PgConnection,
    id: AutomationRunId,
) -> sqlx::Result<Option<Pending>> {
    sqlx::query_as!(
        Pending,
        r#"SELECT plan AS "plan: Json<Plan>", triggered_by, fiche_ids FROM automation_runs
            WHERE id = $1 AND phase = 'pending'"#,
        id.get()
    )
    .fetch_optional(conn)
    .await
}

/// Stores what a locked run begins with.
#[tracing::instrument(name = "store.run.begin", skip_all, fields(run.id = %run.id), err)]
pub async fn begin(
    conn: &mut PgConnection,
    run: &Run,
    snapshot: &Value,
    summary: &Value,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_runs
            SET phase = 'processing', status = 'running', plan = $2, config_snapshot = $3,
                selection_summary = $4
          WHERE id = $1 AND phase = 'pending'",
        run.id.get(),
        Json(&run.plan) as _,
        snapshot,
        summary
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Stores the counters of a locked run.
#[tracing::instrument(name = "store.run.save", skip_all, fields(run.id = %run.id), err)]
pub async fn save(conn: &mut PgConnection, run: &Run) -> sqlx::Result<()> {
    let counters = &run.counters;
    sqlx::query!(
        "UPDATE automation_runs
            SET halted = $2, items_selected = $3, items_fetched = $4, items_transcribed = $5,
                items_auditing = $6, items_done = $7, items_failed = $8, items_ignored = $9,
                items_cancelled = $10, transcriptions_run = $11, audits_run = $12,
                audits_failed = $13, audits_total = $14, sequence = $15, progress_at = $16,
                heartbeat_at = now()
          WHERE id = $1",
        run.id.get(),
        run.halted,
        counters.selected,
        counters.fetched,
        counters.transcribed,
        counters.auditing,
        counters.done,
        counters.failed,
        counters.ignored,
        counters.cancelled,
        run.transcriptions,
        run.audits,
        run.audits_failed,
        run.audits_total,
        run.sequence,
        run.progress_at
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Ends a run; false when it had ended. `summary` stays empty unless nothing was selected.
#[tracing::instrument(name = "store.run.finish", skip_all, fields(run.id = %id), err)]
pub async fn finish(
    conn: &mut PgConnection,
    id: AutomationRunId,
    outcome: &Outcome,
    duration_ms: i64,
    summary: &Value,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE automation_runs
            SET phase = 'finished', status = $2, reason = $3, total_fiches = $4,
                successful_fiches = $5, failed_fiches = $6, ignored_fiches = $7,
                duration_ms = $8, result_summary = $9, completed_at = now(), fence = fence + 1
          WHERE id = $1 AND phase <> 'finished'",
        id.get(),
        outcome.status.as_str(),
        outcome.reason.map(crate::domain::outcome::Reason::as_str),
        outcome.total,
        outcome.successful,
        outcome.failed,
        outcome.ignored,
        duration_ms,
        summary
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Ends a run that could not be carried out; false when it had ended.
#[tracing::instrument(name = "store.run.fail", skip_all, fields(run.id = %id), err)]
pub async fn fail(
    conn: &mut PgConnection,
    id: AutomationRunId,
    reason: &str,
    error: &str,
    details: &Value,
    duration_ms: i64,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE automation_runs
            SET phase = 'finished', status = $2, reason = $3, error_message = $4,
                error_details = $5, duration_ms = $6, result_summary = '{}', completed_at = now(),
                fence = fence + 1
          WHERE id = $1 AND phase <> 'finished'",
        id.get(),
        RunStatus::Failed.as_str(),
        reason,
        error,
        details,
        duration_ms
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// `automation/run` was sent once more.
#[tracing::instrument(name = "store.run.sent_again", skip_all, fields(run.id = %id), err)]
pub async fn sent_again(conn: &mut PgConnection, id: AutomationRunId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_runs SET sent_at = now(), sends = sends + 1 WHERE id = $1",
        id.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}
