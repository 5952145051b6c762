//! What the sweeper looks for. Claims lock runs and skip what others hold.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;

/// An open run past its deadline, locked.
#[tracing::instrument(name = "store.sweep.overdue", skip_all, err)]
pub async fn overdue(conn: &mut PgConnection) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "SELECT run_id FROM transcription_runs
          WHERE state IN ('planned', 'running') AND deadline_at <= now()
          ORDER BY deadline_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED"
    )
    .fetch_optional(conn)
    .await
}

/// A planned run whose refresh is late, locked: 5 minutes after it was asked for, doubled each
/// time, or at once when that is older than the work stream.
#[tracing::instrument(name = "store.sweep.unanswered", skip_all, err)]
pub async fn unanswered(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "SELECT run_id FROM transcription_runs
          WHERE state = 'planned'
            AND (sent_at < $1
                 OR sent_at + power(2, LEAST(sends, 20) - 1) * interval '5 minutes' <= now())
          ORDER BY sent_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        stream_created
    )
    .fetch_optional(conn)
    .await
}

/// A recording that needs help, its run locked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stuck {
    /// The run.
    pub run_id: Uuid,
    /// The recording.
    pub call_id: String,
}

/// A recording whose lease ran out.
#[tracing::instrument(name = "store.sweep.expired", skip_all, err)]
pub async fn expired(conn: &mut PgConnection) -> sqlx::Result<Option<Stuck>> {
    sqlx::query_as!(
        Stuck,
        "SELECT i.run_id, i.call_id
           FROM transcription_run_items i JOIN transcription_runs r USING (run_id)
          WHERE i.state = 'in_progress' AND i.lease_until <= now() AND r.state = 'running'
          ORDER BY i.lease_until LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED"
    )
    .fetch_optional(conn)
    .await
}

/// A recording whose command may be lost: 15 minutes after the last sending, doubled each time, or
/// at once when that sending is older than the work stream.
#[tracing::instrument(name = "store.sweep.silent", skip_all, err)]
pub async fn silent(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Option<Stuck>> {
    sqlx::query_as!(
        Stuck,
        "SELECT i.run_id, i.call_id
           FROM transcription_run_items i JOIN transcription_runs r USING (run_id)
          WHERE i.state = 'pending' AND r.state = 'running'
            AND (i.sent_at < $1
                 OR i.sent_at + power(2, LEAST(i.sends, 20) - 1) * interval '15 minutes' <= now())
          ORDER BY i.sent_at LIMIT 1 FOR NO KEY UPDATE OF r SKIP LOCKED",
        stream_created
    )
    .fetch_optional(conn)
    .await
}

/// Forgets old log lines, some at a time, and batches of which none can be left.
#[tracing::instrument(name = "store.sweep.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection, keep: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM workflow_logs WHERE ctid IN
             (SELECT ctid FROM workflow_logs
               WHERE created_at < now() - make_interval(secs => $1) LIMIT 5000)",
        keep.as_secs_f64()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "DELETE FROM transcription_batches WHERE ctid IN
             (SELECT ctid FROM transcription_batches
               WHERE created_at < now() - make_interval(secs => $1)
                 AND completed_at IS NOT NULL LIMIT 100)",
        keep.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How full a lane is.
#[derive(Debug, Clone, PartialEq)]
pub struct LaneLoad {
    /// Which.
    pub lane: String,
    /// Runs that wait for their fiche.
    pub planned: f64,
    /// Runs whose recordings are transcribed.
    pub running: f64,
    /// Recordings that nobody is at.
    pub waiting: f64,
    /// Recordings that somebody is at.
    pub in_progress: f64,
    /// Since the command of the longest waiting recording was sent.
    pub oldest_seconds: f64,
}

/// How full both lanes are.
#[tracing::instrument(name = "store.sweep.lanes", skip_all, err)]
pub async fn lanes(conn: &mut PgConnection) -> sqlx::Result<Vec<LaneLoad>> {
    sqlx::query_as!(
        LaneLoad,
        r#"SELECT l.lane AS "lane!",
                  count(DISTINCT r.run_id) FILTER (WHERE r.state = 'planned')::float8 AS "planned!",
                  count(DISTINCT r.run_id) FILTER (WHERE r.state = 'running')::float8 AS "running!",
                  count(*) FILTER (WHERE i.state = 'pending')::float8 AS "waiting!",
                  count(*) FILTER (WHERE i.state = 'in_progress')::float8 AS "in_progress!",
                  COALESCE(extract(epoch FROM now() - min(i.sent_at)
                      FILTER (WHERE i.state = 'pending')), 0)::float8 AS "oldest_seconds!"
             FROM UNNEST(ARRAY['interactive', 'bulk']) AS l (lane)
             LEFT JOIN transcription_runs r
               ON r.lane = l.lane AND r.state IN ('planned', 'running')
             LEFT JOIN transcription_run_items i
               ON i.run_id = r.run_id AND i.state IN ('pending', 'in_progress')
            GROUP BY l.lane"#
    )
    .fetch_all(conn)
    .await
}
