//! The fiches of a run. The run is locked by whoever writes here.

use super::{as_i32, as_u32, impossible};
use crate::domain::item::{Item, ItemFailure, ItemState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{AutomationRunId, FicheId};

/// Inserts the fiches of a run, in their order.
#[tracing::instrument(name = "store.item.insert_all", skip_all, fields(run.id = %run), err)]
pub async fn insert_all(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiches: &[String],
) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "INSERT INTO automation_run_items (run_id, fiche_id, position)
         SELECT $1, fiche, position
           FROM UNNEST($2::text[]) WITH ORDINALITY AS f (fiche, position)
             ON CONFLICT DO NOTHING",
        run.get(),
        fiches
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// A fiche of a run.
#[tracing::instrument(name = "store.item.get", skip_all, fields(run.id = %run), err)]
pub async fn get(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
) -> sqlx::Result<Option<Item>> {
    let row = sqlx::query!(
        r#"SELECT state, attempt, recordings_count,
                  COALESCE(deadline_at <= now(), false) AS "overdue!"
             FROM automation_run_items WHERE run_id = $1 AND fiche_id = $2"#,
        run.get(),
        fiche.as_str()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Item {
        fiche: fiche.clone(),
        state: row.state.parse().map_err(impossible)?,
        attempt: as_u32(row.attempt),
        recordings: row.recordings_count,
        overdue: row.overdue,
    }))
}

/// Stores a state whose work was just sent, with the time it may take. `cause` is the message that
/// moved it.
#[tracing::instrument(name = "store.item.enter", skip_all, fields(run.id = %run), err)]
pub async fn enter(
    conn: &mut PgConnection,
    run: AutomationRunId,
    item: &Item,
    wait: Duration,
    cause: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_run_items
            SET state = $3, attempt = $4, recordings_count = $5, sent_at = now(), sends = 0,
                deadline_at = now() + make_interval(secs => $6),
                last_event_id = COALESCE($7, last_event_id), updated_at = now()
          WHERE run_id = $1 AND fiche_id = $2",
        run.get(),
        item.fiche.as_str(),
        item.state.as_str(),
        as_i32(item.attempt),
        item.recordings,
        wait.as_secs_f64(),
        cause
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Why a fiche was closed.
#[derive(Debug, Default)]
pub struct Closing<'a> {
    /// It was left out because of this.
    pub ignored: Option<&'a str>,
    /// It failed like this.
    pub failure: Option<&'a ItemFailure>,
    /// The message that did it.
    pub cause: Option<&'a str>,
}

/// Stores a final state.
#[tracing::instrument(name = "store.item.close", skip_all, fields(run.id = %run), err)]
pub async fn close(
    conn: &mut PgConnection,
    run: AutomationRunId,
    item: &Item,
    closing: &Closing<'_>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_run_items
            SET state = $3, recordings_count = $4, ignore_reason = $5, error = $6,
                error_stage = $7, error_code = $8, deadline_at = NULL,
                last_event_id = COALESCE($9, last_event_id), updated_at = now()
          WHERE run_id = $1 AND fiche_id = $2",
        run.get(),
        item.fiche.as_str(),
        item.state.as_str(),
        item.recordings,
        closing.ignored,
        closing.failure.map(|failure| failure.error.as_str()),
        closing.failure.map(|failure| failure.stage.as_str()),
        closing.failure.map(|failure| failure.code),
        closing.cause
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Adds to the recordings newly transcribed for a fiche.
#[tracing::instrument(name = "store.item.add_transcribed", skip_all, fields(run.id = %run), err)]
pub async fn add_transcribed(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    count: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_run_items SET transcribed = transcribed + $3
          WHERE run_id = $1 AND fiche_id = $2",
        run.get(),
        fiche.as_str(),
        count
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A fiche that was closed with others, and the state it was in.
#[derive(Debug)]
pub struct Closed {
    /// The fiche.
    pub fiche: FicheId,
    /// Its state before.
    pub was: ItemState,
}

/// Leaves out every fiche that nothing was sent for.
#[tracing::instrument(name = "store.item.skip_untouched", skip_all, fields(run.id = %run), err)]
pub async fn skip_untouched(
    conn: &mut PgConnection,
    run: AutomationRunId,
    reason: &str,
) -> sqlx::Result<Vec<Closed>> {
    let fiches = sqlx::query_scalar!(
        "UPDATE automation_run_items
            SET state = 'ignored', ignore_reason = $2, updated_at = now()
          WHERE run_id = $1 AND state = 'selected' AND sent_at IS NULL
      RETURNING fiche_id",
        run.get(),
        reason
    )
    .fetch_all(conn)
    .await?;
    fiches
        .iter()
        .map(|fiche| closed(fiche, ItemState::Selected.as_str()))
        .collect()
}

/// Cancels every open fiche.
#[tracing::instrument(name = "store.item.cancel_open", skip_all, fields(run.id = %run), err)]
pub async fn cancel_open(
    conn: &mut PgConnection,
    run: AutomationRunId,
) -> sqlx::Result<Vec<Closed>> {
    // Locked first: a slot may be given to one of them at this moment.
    let rows = sqlx::query!(
        r#"WITH open AS (
               SELECT fiche_id, state FROM automation_run_items
                WHERE run_id = $1 AND state IN ('selected', 'fetched', 'transcribed', 'auditing')
                  FOR UPDATE
           )
           UPDATE automation_run_items i
              SET state = 'cancelled', ignore_reason = 'Cancelled', deadline_at = NULL,
                  updated_at = now()
             FROM open WHERE i.run_id = $1 AND i.fiche_id = open.fiche_id
        RETURNING i.fiche_id, open.state AS "was!""#,
        run.get()
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| closed(&row.fiche_id, &row.was))
        .collect()
}

/// Fails every open fiche of a run whose time is up; the texts are those of overdue states.
#[tracing::instrument(name = "store.item.fail_open", skip_all, fields(run.id = %run), err)]
pub async fn fail_open(conn: &mut PgConnection, run: AutomationRunId) -> sqlx::Result<Vec<Closed>> {
    let [fetch, transcription, audit] =
        [ItemState::Selected, ItemState::Fetched, ItemState::Auditing].map(ItemFailure::overdue);
    let rows = sqlx::query!(
        r#"WITH open AS (
               SELECT fiche_id, state FROM automation_run_items
                WHERE run_id = $1 AND state IN ('selected', 'fetched', 'transcribed', 'auditing')
                  FOR UPDATE
           )
           UPDATE automation_run_items i
              SET state = 'failed', deadline_at = NULL, updated_at = now(), error_code = $5,
                  error = CASE open.state WHEN 'selected' THEN $2 WHEN 'fetched' THEN $3
                                          ELSE $4 END,
                  error_stage = CASE open.state WHEN 'selected' THEN 'fetch'
                                                WHEN 'fetched' THEN 'transcription'
                                                ELSE 'audit' END
             FROM open WHERE i.run_id = $1 AND i.fiche_id = open.fiche_id
        RETURNING i.fiche_id, open.state AS "was!""#,
        run.get(),
        fetch.error,
        transcription.error,
        audit.error,
        audit.code
    )
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| closed(&row.fiche_id, &row.was))
        .collect()
}

fn closed(fiche: &str, was: &str) -> sqlx::Result<Closed> {
    Ok(Closed {
        fiche: fiche.parse().map_err(impossible)?,
        was: was.parse().map_err(impossible)?,
    })
}

/// Claims a fiche whose last sending is older than the work stream; how often it asks again by
/// now, `None` when somebody else did.
#[tracing::instrument(name = "store.item.ask_again", skip_all, fields(run.id = %run), err)]
pub async fn ask_again(
    conn: &mut PgConnection,
    run: AutomationRunId,
    fiche: &FicheId,
    stream_created: DateTime<Utc>,
) -> sqlx::Result<Option<u32>> {
    let sends = sqlx::query_scalar!(
        "UPDATE automation_run_items SET sent_at = now(), sends = sends + 1
          WHERE run_id = $1 AND fiche_id = $2 AND sent_at < $3
      RETURNING sends",
        run.get(),
        fiche.as_str(),
        stream_created
    )
    .fetch_optional(conn)
    .await?;
    Ok(sends.map(as_u32))
}
