//! Runs as people read them, within the reach of their schedules.

use crate::domain::access::Reach;
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use vigie_events::ids::{AutomationRunId, ScheduleId};

/// A run to be shown.
#[derive(Debug, Clone)]
pub struct ShownRun {
    /// Key.
    pub id: i64,
    /// Its schedule.
    pub schedule_id: i64,
    /// Wire status.
    pub status: String,
    /// Where it stands.
    pub phase: String,
    /// When its row was made.
    pub started_at: DateTime<Utc>,
    /// When it ended.
    pub completed_at: Option<DateTime<Utc>>,
    /// From start to end.
    pub duration_ms: Option<i64>,
    /// Successful and failed ones; while it runs, all that are not left out.
    pub total_fiches: i32,
    /// Successful.
    pub successful_fiches: i32,
    /// Failed.
    pub failed_fiches: i32,
    /// Left out.
    pub ignored_fiches: i32,
    /// Recordings newly transcribed.
    pub transcriptions_run: i32,
    /// Audits ended.
    pub audits_run: i32,
    /// Of these, failed.
    pub audits_failed: i32,
    /// Why it ended early.
    pub reason: Option<String>,
    /// Why it could not be carried out.
    pub error_message: Option<String>,
    /// The same in detail.
    pub error_details: Option<Value>,
    /// What it was started with.
    pub config_snapshot: Value,
    /// As stored.
    pub result_summary: Option<Value>,
    /// Number of its last realtime message.
    pub sequence: i64,
}

/// Which runs.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of one schedule.
    pub schedule: Option<ScheduleId>,
    /// One run.
    pub run: Option<AutomationRunId>,
    /// With this status.
    pub status: Option<String>,
    /// Most rows.
    pub limit: i64,
    /// Rows to skip.
    pub offset: i64,
}

/// Runs, newest first.
#[tracing::instrument(name = "store.runs.page", skip_all, err)]
pub async fn page(
    conn: &mut PgConnection,
    reach: &Reach,
    filter: &Filter,
) -> sqlx::Result<Vec<ShownRun>> {
    sqlx::query_as!(
        ShownRun,
        r#"SELECT r.id, r.schedule_id, r.status, r.phase, r.started_at, r.completed_at,
                  r.duration_ms,
                  CASE r.phase WHEN 'finished' THEN r.total_fiches
                       ELSE r.items_selected + r.items_fetched + r.items_transcribed
                            + r.items_auditing + r.items_done + r.items_failed
                  END AS "total_fiches!",
                  CASE r.phase WHEN 'finished' THEN r.successful_fiches ELSE r.items_done
                  END AS "successful_fiches!",
                  CASE r.phase WHEN 'finished' THEN r.failed_fiches ELSE r.items_failed
                  END AS "failed_fiches!",
                  CASE r.phase WHEN 'finished' THEN r.ignored_fiches ELSE r.items_ignored
                  END AS "ignored_fiches!",
                  r.transcriptions_run, r.audits_run, r.audits_failed, r.reason, r.error_message,
                  r.error_details, r.config_snapshot, r.result_summary, r.sequence
             FROM automation_runs r JOIN automation_schedules s ON s.id = r.schedule_id
            WHERE ($1::bigint IS NULL OR r.schedule_id = $1)
              AND ($2::bigint IS NULL OR r.id = $2)
              AND ($3::text IS NULL OR r.status = $3)
              AND ($4 OR s.owner_groupes && $5 OR s.owner_user_id = $6)
            ORDER BY r.started_at DESC, r.id DESC LIMIT $7 OFFSET $8"#,
        filter.schedule.map(ScheduleId::get),
        filter.run.map(AutomationRunId::get),
        filter.status,
        reach.all,
        &reach.groupes,
        reach.user,
        filter.limit,
        filter.offset
    )
    .fetch_all(conn)
    .await
}

/// How many there are in all.
#[tracing::instrument(name = "store.runs.total", skip_all, err)]
pub async fn total(conn: &mut PgConnection, reach: &Reach, filter: &Filter) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM automation_runs r JOIN automation_schedules s ON s.id = r.schedule_id
            WHERE ($1::bigint IS NULL OR r.schedule_id = $1)
              AND ($2::text IS NULL OR r.status = $2)
              AND ($3 OR s.owner_groupes && $4 OR s.owner_user_id = $5)"#,
        filter.schedule.map(ScheduleId::get),
        filter.status,
        reach.all,
        &reach.groupes,
        reach.user
    )
    .fetch_one(conn)
    .await
}
