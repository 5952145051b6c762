//! `transcription_run_items`: the recordings of a run, their leases and their ends.

use super::impossible;
use crate::domain::plan::Target;
use sqlx::PgConnection;
use std::time::Duration;
use uuid::Uuid;
use vigie_events::Lane;
use vigie_events::ids::CallId;

/// A recording of a run, locked.
#[derive(Debug, Clone)]
pub struct Item {
    /// Which.
    pub call_id: CallId,
    /// From 1, within the run.
    pub index: i32,
    /// Neither settled nor abandoned.
    pub open: bool,
    /// Seconds that somebody's lease has left; `None` without a lease.
    pub lease_left: Option<f64>,
    /// Number of the last claim.
    pub lease_no: i32,
    /// Tries so far.
    pub attempts: i32,
    /// Leases that ran out.
    pub expiries: i32,
    /// Sendings of its command.
    pub sends: i32,
    /// Since somebody first took it; `None` while nobody has.
    pub seconds: Option<f64>,
    /// Since its command was last sent.
    pub waited: Option<f64>,
}

/// Inserts the recordings of a run.
#[tracing::instrument(name = "store.item.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, run_id: Uuid, targets: &[Target]) -> sqlx::Result<()> {
    let calls: Vec<&str> = targets.iter().map(|it| it.call_id.as_str()).collect();
    let places: Vec<i32> = targets.iter().map(|it| it.index).collect();
    let missing: Vec<bool> = targets.iter().map(|it| !it.has_url).collect();
    sqlx::query!(
        "INSERT INTO transcription_run_items
             (run_id, call_id, recording_index, state, error_class, error, completed_at)
         SELECT $1, call, place, CASE WHEN missing THEN 'failed' ELSE 'pending' END,
                CASE WHEN missing THEN 'missing_url' END,
                CASE WHEN missing THEN 'No recording URL available' END,
                CASE WHEN missing THEN now() END
           FROM UNNEST($2::text[], $3::int[], $4::bool[]) AS t (call, place, missing)",
        run_id,
        &calls as &[&str],
        &places,
        &missing
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A recording of a run, locked; the run is locked before.
#[tracing::instrument(name = "store.item.lock", skip_all, err)]
pub async fn lock(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
) -> sqlx::Result<Option<Item>> {
    let row = sqlx::query!(
        r#"SELECT call_id, recording_index, state IN ('pending', 'in_progress') AS "open!",
                  extract(epoch FROM lease_until - clock_timestamp())::float8 AS lease_left,
                  lease_no, attempts, expiries, sends,
                  extract(epoch FROM clock_timestamp() - started_at)::float8 AS seconds,
                  extract(epoch FROM clock_timestamp() - sent_at)::float8 AS waited
             FROM transcription_run_items WHERE run_id = $1 AND call_id = $2 FOR NO KEY UPDATE"#,
        run_id,
        call.as_str()
    )
    .fetch_optional(conn)
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Item {
        call_id: row.call_id.parse().map_err(impossible)?,
        index: row.recording_index,
        open: row.open,
        lease_left: row.lease_left,
        lease_no: row.lease_no,
        attempts: row.attempts,
        expiries: row.expiries,
        sends: row.sends,
        seconds: row.seconds,
        waited: row.waited,
    }))
}

/// Recordings of a run that somebody is at.
#[tracing::instrument(name = "store.item.active", skip_all, err)]
pub async fn active(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM transcription_run_items
            WHERE run_id = $1 AND state = 'in_progress' AND lease_until > now()"#,
        run_id
    )
    .fetch_one(conn)
    .await
}

/// Recordings of a lane that nobody is at; ten thousand stand for more.
#[tracing::instrument(name = "store.item.waiting", skip_all, err)]
pub async fn waiting(conn: &mut PgConnection, lane: Lane) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               SELECT FROM transcription_run_items i JOIN transcription_runs r USING (run_id)
                WHERE i.state = 'pending' AND r.state = 'running' AND r.lane = $1
                LIMIT 10000) AS waiting"#,
        lane.as_str()
    )
    .fetch_one(conn)
    .await
}

/// Takes a locked recording; gives the number of the lease.
#[tracing::instrument(name = "store.item.claim", skip_all, err)]
pub async fn claim(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    lease: Duration,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "UPDATE transcription_run_items
            SET state = 'in_progress', lease_no = lease_no + 1,
                lease_until = now() + make_interval(secs => $3),
                started_at = COALESCE(started_at, now())
          WHERE run_id = $1 AND call_id = $2
          RETURNING lease_no",
        run_id,
        call.as_str(),
        lease.as_secs_f64()
    )
    .fetch_one(conn)
    .await
}

/// Prolongs a lease; false when it is lost.
#[tracing::instrument(name = "store.item.renew", skip_all, err)]
pub async fn renew(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    lease_no: i32,
    lease: Duration,
) -> sqlx::Result<bool> {
    let done = sqlx::query!(
        "UPDATE transcription_run_items SET lease_until = now() + make_interval(secs => $4)
          WHERE run_id = $1 AND call_id = $2 AND lease_no = $3 AND state = 'in_progress'",
        run_id,
        call.as_str(),
        lease_no,
        lease.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Counts a try; `None` when the lease is lost.
#[tracing::instrument(name = "store.item.attempt", skip_all, err)]
pub async fn attempt(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    lease_no: i32,
) -> sqlx::Result<Option<i32>> {
    sqlx::query_scalar!(
        "UPDATE transcription_run_items SET attempts = attempts + 1
          WHERE run_id = $1 AND call_id = $2 AND lease_no = $3 AND state = 'in_progress'
          RETURNING attempts",
        run_id,
        call.as_str(),
        lease_no
    )
    .fetch_optional(conn)
    .await
}

/// Gives a recording back that is to be tried again.
#[tracing::instrument(name = "store.item.release", skip_all, err)]
pub async fn release(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    lease_no: i32,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE transcription_run_items SET state = 'pending', lease_until = NULL, sent_at = now()
          WHERE run_id = $1 AND call_id = $2 AND lease_no = $3 AND state = 'in_progress'",
        run_id,
        call.as_str(),
        lease_no
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How a recording ended.
#[derive(Debug, Clone, Default)]
pub struct End<'a> {
    /// `transcribed`, `cached`, `failed` or `abandoned`.
    pub state: &'a str,
    /// Class of the failure.
    pub error_class: Option<&'a str>,
    /// Sanitised text.
    pub error: Option<&'a str>,
    /// The provider's name for the last request.
    pub request_id: Option<&'a str>,
}

/// Settles a locked, open recording.
#[tracing::instrument(name = "store.item.settle", skip_all, err)]
pub async fn settle(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    end: &End<'_>,
) -> sqlx::Result<()> {
    let done = sqlx::query!(
        "UPDATE transcription_run_items
            SET state = $3, lease_until = NULL, error_class = $4, error = $5,
                provider_request_id = COALESCE($6, provider_request_id), completed_at = now()
          WHERE run_id = $1 AND call_id = $2 AND state IN ('pending', 'in_progress')",
        run_id,
        call.as_str(),
        end.state,
        end.error_class,
        end.error,
        end.request_id
    )
    .execute(conn)
    .await?;
    if done.rows_affected() == 1 {
        Ok(())
    } else {
        Err(sqlx::Error::RowNotFound)
    }
}

/// Gives up every open recording of a locked run; gives how many.
#[tracing::instrument(name = "store.item.abandon_open", skip_all, err)]
pub async fn abandon_open(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE transcription_run_items
            SET state = 'abandoned', lease_until = NULL, error_class = 'expired',
                error = 'run deadline passed', completed_at = now()
          WHERE run_id = $1 AND state IN ('pending', 'in_progress')",
        run_id
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// A lease ran out, or a command is sent again; gives the number of the sending.
#[tracing::instrument(name = "store.item.put_back", skip_all, err)]
pub async fn put_back(
    conn: &mut PgConnection,
    run_id: Uuid,
    call: &CallId,
    expired: bool,
) -> sqlx::Result<i32> {
    sqlx::query_scalar!(
        "UPDATE transcription_run_items
            SET state = 'pending', lease_until = NULL, expiries = expiries + $3::int,
                sends = sends + 1, sent_at = now()
          WHERE run_id = $1 AND call_id = $2
          RETURNING sends",
        run_id,
        call.as_str(),
        i32::from(expired)
    )
    .fetch_one(conn)
    .await
}

/// A recording whose command is sent once more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resent {
    /// Which.
    pub call_id: String,
    /// From 1, within the run.
    pub recording_index: i32,
    /// Sendings of its command, this one included.
    pub sends: i32,
}

/// The commands of every recording of a locked run that nobody is at are sent again, all with one
/// number that none of them had.
#[tracing::instrument(name = "store.item.put_back_waiting", skip_all, err)]
pub async fn put_back_waiting(conn: &mut PgConnection, run_id: Uuid) -> sqlx::Result<Vec<Resent>> {
    sqlx::query_as!(
        Resent,
        "UPDATE transcription_run_items AS i
            SET sends = most.sends + 1, sent_at = now()
           FROM (SELECT max(sends) AS sends FROM transcription_run_items
                  WHERE run_id = $1 AND state = 'pending') AS most
          WHERE i.run_id = $1 AND i.state = 'pending'
         RETURNING i.call_id, i.recording_index, i.sends",
        run_id
    )
    .fetch_all(conn)
    .await
}
