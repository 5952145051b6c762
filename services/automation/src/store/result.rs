//! Per-fiche results of ended runs.

use sqlx::PgConnection;
use vigie_events::ids::AutomationRunId;

/// Replaces the results of a run by the outcome of its fiches.
#[tracing::instrument(name = "store.result.replace", skip_all, fields(run.id = %run), err)]
pub async fn replace(conn: &mut PgConnection, run: AutomationRunId) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM automation_run_fiche_results WHERE run_id = $1",
        run.get()
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "INSERT INTO automation_run_fiche_results
             (run_id, fiche_id, status, error, error_stage, error_code, ignore_reason,
              recordings_count)
         SELECT run_id, fiche_id,
                CASE state WHEN 'done' THEN 'successful' WHEN 'failed' THEN 'failed'
                           ELSE 'ignored' END,
                error, error_stage, error_code,
                CASE WHEN state IN ('ignored', 'cancelled')
                     THEN COALESCE(ignore_reason, 'Ignored') END,
                recordings_count
           FROM automation_run_items WHERE run_id = $1",
        run.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// The result of a fiche.
#[derive(Debug, Clone)]
pub struct FicheResult {
    /// The fiche.
    pub fiche_id: String,
    /// `successful`, `failed` or `ignored`.
    pub status: String,
    /// Why it failed.
    pub error: Option<String>,
    /// Where.
    pub error_stage: Option<String>,
    /// As a word.
    pub error_code: Option<String>,
    /// Why it was left out.
    pub ignore_reason: Option<String>,
    /// Its recordings, when known.
    pub recordings_count: Option<i32>,
}

/// Results of a run, by fiche id.
#[tracing::instrument(name = "store.result.of", skip_all, fields(run.id = %run), err)]
pub async fn of(conn: &mut PgConnection, run: AutomationRunId) -> sqlx::Result<Vec<FicheResult>> {
    sqlx::query_as!(
        FicheResult,
        "SELECT fiche_id, status, error, error_stage, error_code, ignore_reason, recordings_count
           FROM automation_run_fiche_results WHERE run_id = $1 ORDER BY fiche_id",
        run.get()
    )
    .fetch_all(conn)
    .await
}
