//! Free slots: how many fiches are under way at once, over all runs and per schedule.

use super::impossible;
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{AutomationRunId, FicheId};

/// Key of the lock under which slots are counted and given.
const LOCK: i64 = 0x7669_6769_6501;

/// Fiches under way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub global: i64,
    /// Of one schedule.
    pub per_schedule: i64,
}

/// Gives free slots to waiting fiches, schedules in turn, and marks these as sent. The lock is
/// held until the end of the transaction and is the last one taken.
#[tracing::instrument(name = "store.slots.give", skip_all, err)]
pub async fn give(
    conn: &mut PgConnection,
    limits: Limits,
    wait: Duration,
) -> sqlx::Result<Vec<(AutomationRunId, FicheId)>> {
    sqlx::query!("SELECT pg_advisory_xact_lock($1)", LOCK)
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query!(
        "WITH taken AS (
             SELECT r.schedule_id, count(*) AS n
               FROM automation_run_items i JOIN automation_runs r ON r.id = i.run_id
              WHERE i.sent_at IS NOT NULL
                AND i.state IN ('selected', 'fetched', 'transcribed', 'auditing')
              GROUP BY r.schedule_id
         ), waiting AS (
             SELECT i.run_id, i.fiche_id, r.schedule_id,
                    row_number() OVER (PARTITION BY r.schedule_id ORDER BY i.run_id, i.position)
                        AS nth
               FROM automation_runs r
              CROSS JOIN LATERAL (
                  SELECT run_id, fiche_id, position FROM automation_run_items
                   WHERE run_id = r.id AND state = 'selected' AND sent_at IS NULL
                   ORDER BY position LIMIT $2
                     FOR UPDATE SKIP LOCKED
              ) i
              WHERE r.phase = 'processing' AND NOT r.halted
         ), chosen AS (
             SELECT w.run_id, w.fiche_id
               FROM waiting w LEFT JOIN taken t USING (schedule_id)
              WHERE w.nth + COALESCE(t.n, 0) <= $2
              ORDER BY w.nth, w.run_id
              LIMIT GREATEST($1 - (SELECT COALESCE(sum(n), 0) FROM taken)::bigint, 0)
         )
         UPDATE automation_run_items i
            SET sent_at = now(), deadline_at = now() + make_interval(secs => $3),
                updated_at = now()
           FROM chosen c
          WHERE i.run_id = c.run_id AND i.fiche_id = c.fiche_id
            AND i.state = 'selected' AND i.sent_at IS NULL
      RETURNING i.run_id, i.fiche_id",
        limits.global,
        limits.per_schedule,
        wait.as_secs_f64()
    )
    .fetch_all(conn)
    .await?;
    let given = |run: i64, fiche: &str| {
        Ok((
            AutomationRunId::new(run),
            fiche.parse().map_err(impossible)?,
        ))
    };
    rows.iter()
        .map(|row| given(row.run_id, &row.fiche_id))
        .collect()
}
