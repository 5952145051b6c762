//! Recordings of fiches.

use super::fiche::{Scoped, SummaryRow};
use crate::domain::recording::{Call, StoredRecording};
use crate::domain::summary::Summary;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::cmp::Ordering;
use std::collections::HashMap;
use vigie_events::ids::FicheCacheId;

/// Inserts or completes the calls that the CRM lists, marks those that it lists no more, and makes the
/// fiche's counters agree; gives its summary. A known address, date, number or id is never replaced by
/// nothing (fiches.md 2.2).
pub async fn write(conn: &mut PgConnection, fiche: i64, calls: &[Call]) -> sqlx::Result<Summary> {
    let row = sqlx::query_as!(
        SummaryRow,
        r#"WITH listed AS (
             SELECT * FROM jsonb_to_recordset($2) AS listed
                (call_id text, recording_url text, recording_date text, recording_time text,
                 from_number text, to_number text, uuid text, direction text, answered boolean,
                 start_time timestamptz, start_time_text text, clock_mismatch boolean,
                 duration_seconds integer)),
           missing AS (
             UPDATE recordings SET missing_upstream_since = now()
              WHERE fiche_cache_id = $1 AND missing_upstream_since IS NULL
                AND call_id NOT IN (SELECT call_id FROM listed)),
           written AS (
             INSERT INTO recordings AS r
               (fiche_cache_id, call_id, recording_url, recording_date, recording_time, from_number,
                to_number, uuid, direction, answered, start_time, start_time_text, clock_mismatch,
                duration_seconds)
           SELECT $1, call_id, recording_url, recording_date, recording_time, from_number,
                  to_number, uuid, direction, answered, start_time, start_time_text, clock_mismatch,
                  duration_seconds
             FROM listed
           ON CONFLICT (fiche_cache_id, call_id) DO UPDATE SET
               recording_url = COALESCE(NULLIF(EXCLUDED.recording_url, ''), r.recording_url),
               recording_date = COALESCE(EXCLUDED.recording_date, r.recording_date),
               recording_time = COALESCE(EXCLUDED.recording_time, r.recording_time),
               from_number = COALESCE(EXCLUDED.from_number, r.from_number),
               to_number = COALESCE(EXCLUDED.to_number, r.to_number),
               uuid = COALESCE(EXCLUDED.uuid, r.uuid),
               direction = COALESCE(EXCLUDED.direction, r.direction),
               answered = COALESCE(EXCLUDED.answered, r.answered),
               start_time = COALESCE(EXCLUDED.start_time, r.start_time),
               start_time_text = COALESCE(EXCLUDED.start_time_text, r.start_time_text),
               clock_mismatch = EXCLUDED.clock_mismatch,
               duration_seconds = COALESCE(EXCLUDED.duration_seconds, r.duration_seconds),
               last_seen_at = now(),
               missing_upstream_since = NULL,
               updated_at = now()),
           counted AS (
             SELECT count(*)::integer AS n
               FROM (SELECT call_id FROM recordings WHERE fiche_cache_id = $1
                     UNION SELECT call_id FROM listed) AS all_calls)
           UPDATE fiche_cache SET has_recordings = n > 0, recordings_count = n
             FROM counted WHERE id = $1
           RETURNING id, fiche_id, version, groupe_effectif AS groupe, agence_nom, attribution_user_id,
                     prospect_nom, prospect_prenom, prospect_email, prospect_tel, sales_date,
                     has_recordings, recordings_count, fetched_at, last_revalidated_at,
                     details_expires_at AS expires_at,
                     true AS "in_scope!""#,
        fiche,
        Json(calls) as _,
    )
    .fetch_one(conn)
    .await?;
    Scoped::try_from(row).map(|found| found.summary)
}

/// The recordings of a fiche, oldest first, those without a start last.
#[tracing::instrument(name = "store.recordings.of_fiche", skip_all, err)]
pub async fn of_fiche(
    conn: &mut PgConnection,
    fiche: FicheCacheId,
) -> sqlx::Result<Vec<StoredRecording>> {
    sqlx::query_as!(
        StoredRecording,
        "SELECT id, fiche_cache_id, call_id, recording_url, recording_date, recording_time,
                from_number, to_number, uuid, direction, answered, start_time, duration_seconds,
                created_at, updated_at
           FROM recordings
          WHERE fiche_cache_id = $1
          ORDER BY start_time ASC NULLS LAST, call_id",
        fiche.get(),
    )
    .fetch_all(conn)
    .await
}

/// What lists show of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedCall {
    /// The row.
    pub id: i64,
    /// The fiche's row.
    pub fiche_cache_id: i64,
    /// The call.
    pub call_id: String,
    /// When it began.
    pub start_time: Option<DateTime<Utc>>,
    /// Its length.
    pub duration_seconds: Option<i32>,
}

/// The calls of several fiches by fiche, each one's newest first, those without a start before them.
#[tracing::instrument(name = "store.recordings.listed", skip_all, err)]
pub async fn listed(
    conn: &mut PgConnection,
    fiches: &[i64],
) -> sqlx::Result<HashMap<i64, Vec<ListedCall>>> {
    // One look into the index for each fiche: among few fiches of many the server would else read all.
    let found = sqlx::query_as!(
        ListedCall,
        r#"SELECT call.id AS "id!", call.fiche_cache_id AS "fiche_cache_id!",
                  call.call_id AS "call_id!", call.start_time AS "start_time?",
                  call.duration_seconds AS "duration_seconds?"
             FROM unnest($1::bigint[]) AS fiche (id)
            CROSS JOIN LATERAL (SELECT id, fiche_cache_id, call_id, start_time, duration_seconds
                                  FROM recordings WHERE fiche_cache_id = fiche.id OFFSET 0) AS call"#,
        fiches,
    )
    .fetch_all(conn)
    .await?;
    let mut calls: HashMap<i64, Vec<ListedCall>> = HashMap::with_capacity(fiches.len());
    for call in found {
        calls.entry(call.fiche_cache_id).or_default().push(call);
    }
    for own in calls.values_mut() {
        own.sort_unstable_by(newest_first);
    }
    Ok(calls)
}

fn newest_first(one: &ListedCall, other: &ListedCall) -> Ordering {
    let place = |call: &ListedCall| (call.start_time.is_none(), call.start_time);
    place(other)
        .cmp(&place(one))
        .then_with(|| other.call_id.cmp(&one.call_id))
}
