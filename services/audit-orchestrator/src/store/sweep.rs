//! What the watchdog looks for (`audits.md` 2.10). Claims are locked, skip what others hold and
//! leave out the audits that this round has `seen`: one that cannot be repaired holds up no other.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An open audit past its deadline, locked.
#[tracing::instrument(name = "store.sweep.overdue", skip_all, err)]
pub async fn overdue(conn: &mut PgConnection, seen: &[i64]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM audits
          WHERE status IN ('pending', 'running') AND deadline_at <= now()
            AND id <> ALL($1)
          ORDER BY deadline_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        seen
    )
    .fetch_optional(conn)
    .await
}

/// An audit whose steps are all stored and that is not ended, locked.
#[tracing::instrument(name = "store.sweep.unfinished", skip_all, err)]
pub async fn unfinished(conn: &mut PgConnection, seen: &[i64]) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM audits a
          WHERE status = 'running' AND phase = 'analyzing' AND id <> ALL($1)
            AND total_steps <= (SELECT count(*) FROM audit_step_results r WHERE r.audit_id = a.id)
          LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        seen
    )
    .fetch_optional(conn)
    .await
}

/// An open audit whose work is due for re-sending, locked: 15, 5, 15 or 20 minutes after the last
/// sending, doubled each time, or at once when that sending is older than the work stream.
#[tracing::instrument(name = "store.sweep.silent", skip_all, err)]
pub async fn silent(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
    seen: &[i64],
) -> sqlx::Result<Option<i64>> {
    sqlx::query_scalar!(
        "SELECT id FROM audits
          WHERE status IN ('pending', 'running') AND deadline_at > now()
            AND id <> ALL($2)
            AND (sent_at < $1
                 OR sent_at + power(2, LEAST(sends, 20) - 1)
                        * CASE phase WHEN 'queued' THEN interval '15 minutes'
                                     WHEN 'fetching' THEN interval '5 minutes'
                                     WHEN 'transcribing' THEN interval '15 minutes'
                                     ELSE interval '20 minutes' END <= now())
          ORDER BY sent_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED",
        stream_created,
        seen
    )
    .fetch_optional(conn)
    .await
}
