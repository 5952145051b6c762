//! `transcription_runs`: locked, saved.

use super::impossible;
use crate::domain::run::{Counts, Run, priority};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_events::Lane;
use vigie_events::ids::{AutomationRunId, FicheId};

/// A run, locked.
#[tracing::instrument(name = "store.run.lock", skip_all, err)]
pub async fn lock(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<Option<Run>> {
    let row = sqlx::query!(
        r#"SELECT run_id, fiche_id, fiche_cache_id, priority, lane, force, request_ids,
                  automation_run_id, state, reason, sequence, total_recordings,
                  already_transcribed, target_total, processed, cached, failed, sends, batched,
                  created_at, started_at, clock_timestamp() AS "now!"
             FROM transcription_runs WHERE run_id = $1 FOR NO KEY UPDATE"#,
        run_id
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Run {
        run_id: row.run_id,
        fiche: row.fiche_id.parse().map_err(impossible)?,
        fiche_cache_id: row.fiche_cache_id,
        priority: priority(&row.priority).map_err(impossible)?,
        lane: row.lane.parse().unwrap_or(Lane::Bulk),
        force: row.force,
        request_ids: row.request_ids,
        automation_run: row.automation_run_id.map(AutomationRunId::new),
        state: row.state.parse().map_err(impossible)?,
        reason: row.reason,
        sequence: row.sequence,
        counts: Counts {
            total: row.total_recordings,
            already: row.already_transcribed,
            target: row.target_total,
            processed: row.processed,
            cached: row.cached,
            failed: row.failed,
        },
        sends: row.sends,
        batched: row.batched,
        created_at: row.created_at,
        started_at: row.started_at,
        now: row.now,
    }))
}

/// Whether a planned run waits for this fetch; cheap, without a lock.
#[tracing::instrument(name = "store.run.is_planned", skip_all, err)]
pub async fn is_planned(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT 1 AS one FROM transcription_runs WHERE run_id = $1 AND state = 'planned'",
        run_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Whether some run has served this command.
#[tracing::instrument(name = "store.run.has_served", skip_all, err)]
pub async fn has_served(
    conn: &mut PgConnection,
    fiche: &FicheId,
    request_id: &str,
) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT 1 AS one FROM transcription_runs WHERE fiche_id = $1 AND $2 = ANY (request_ids)
          LIMIT 1",
        fiche.as_str(),
        request_id
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// Writes back what changes in a locked run.
#[tracing::instrument(name = "store.run.save", skip_all, err)]
pub async fn save(conn: &mut PgConnection, run: &Run) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE transcription_runs
            SET state = $2, reason = $3, sequence = $4, total_recordings = $5,
                already_transcribed = $6, target_total = $7, processed = $8, cached = $9,
                failed = $10, fiche_cache_id = $11, started_at = $12, last_event_at = now(),
                completed_at = CASE WHEN $13 THEN completed_at ELSE now() END
          WHERE run_id = $1",
        run.run_id,
        run.state.as_str(),
        run.reason,
        run.sequence,
        run.counts.total,
        run.counts.already,
        run.counts.target,
        run.counts.processed,
        run.counts.cached,
        run.counts.failed,
        run.fiche_cache_id,
        run.started_at,
        run.state.is_open()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Counts that the refresh was asked for once more.
#[tracing::instrument(name = "store.run.sent_again", skip_all, err)]
pub async fn sent_again(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE transcription_runs SET sends = sends + 1, sent_at = now() WHERE run_id = $1",
        run_id
    )
    .execute(conn)
    .await?;
    Ok(())
}
