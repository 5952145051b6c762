//! What the sweeper looks for. Nothing is locked here: each find is locked and read again by who
//! repairs it.

use super::impossible;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::ids::{AutomationRunId, FicheId};

/// Finds of one kind in one round.
const MOST: i64 = 200;

/// Open runs past their deadline.
#[tracing::instrument(name = "store.sweep.overdue_runs", skip_all, err)]
pub async fn overdue_runs(conn: &mut PgConnection) -> sqlx::Result<Vec<AutomationRunId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM automation_runs WHERE phase <> 'finished' AND deadline_at <= now()
          ORDER BY deadline_at LIMIT $1",
        MOST
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AutomationRunId::new).collect())
}

/// Runs that have not begun: 15 minutes after the last sending, doubled each time, or at once when
/// that sending is older than the work stream.
#[tracing::instrument(name = "store.sweep.unbegun_runs", skip_all, err)]
pub async fn unbegun_runs(
    conn: &mut PgConnection,
    stream_created: Option<DateTime<Utc>>,
) -> sqlx::Result<Vec<AutomationRunId>> {
    let ids = sqlx::query_scalar!(
        "SELECT id FROM automation_runs
          WHERE phase = 'pending' AND deadline_at > now()
            AND (sent_at < $1
                 OR sent_at + power(2, LEAST(sends, 20) - 1) * interval '15 minutes' <= now())
          ORDER BY sent_at LIMIT $2",
        stream_created,
        MOST
    )
    .fetch_all(conn)
    .await?;
    Ok(ids.into_iter().map(AutomationRunId::new).collect())
}

/// A fiche that the sweeper found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its run.
    pub run: AutomationRunId,
    /// The fiche.
    pub fiche: FicheId,
}

/// Fiches under way whose deadline has passed.
#[tracing::instrument(name = "store.sweep.overdue_items", skip_all, err)]
pub async fn overdue_items(conn: &mut PgConnection) -> sqlx::Result<Vec<Found>> {
    let rows = sqlx::query!(
        "SELECT run_id, fiche_id FROM automation_run_items
          WHERE sent_at IS NOT NULL AND deadline_at <= now()
            AND state IN ('selected', 'fetched', 'transcribed', 'auditing')
          ORDER BY deadline_at LIMIT $1",
        MOST
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| found(row.run_id, &row.fiche_id))
        .collect()
}

/// Fiches whose last sending is older than the work stream: the broker was wiped.
#[tracing::instrument(name = "store.sweep.forgotten_items", skip_all, err)]
pub async fn forgotten_items(
    conn: &mut PgConnection,
    stream_created: DateTime<Utc>,
) -> sqlx::Result<Vec<Found>> {
    let rows = sqlx::query!(
        "SELECT run_id, fiche_id FROM automation_run_items
          WHERE sent_at < $1 AND deadline_at > now()
            AND state IN ('selected', 'fetched', 'transcribed', 'auditing')
          ORDER BY sent_at LIMIT $2",
        stream_created,
        MOST
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| found(row.run_id, &row.fiche_id))
        .collect()
}

fn found(run: i64, fiche: &str) -> sqlx::Result<Found> {
    Ok(Found {
        run: AutomationRunId::new(run),
        fiche: fiche.parse().map_err(impossible)?,
    })
}
