//! What requests show.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::HashMap;
use uuid::Uuid;
use vigie_scorecard::Chunk;

/// A transcript without its words.
#[derive(Debug, Clone, PartialEq)]
pub struct Transcript {
    /// Its row.
    pub id: i64,
    /// The fiche.
    pub fiche_id: String,
    /// The recording.
    pub call_id: String,
    /// The provider's id.
    pub transcription_id: String,
    /// Text; `None` when it was not asked for or nothing was said.
    pub text: Option<String>,
    /// As the provider names it.
    pub language_code: Option<String>,
    /// How sure it is.
    pub language_probability: Option<f64>,
    /// When.
    pub transcribed_at: DateTime<Utc>,
    /// Where speakers and times come from.
    pub diarization: String,
}

/// The transcripts of fiches.
#[tracing::instrument(name = "store.view.transcripts", skip_all, err)]
pub async fn transcripts(
    conn: &mut PgConnection,
    fiches: &[String],
    include_text: bool,
) -> sqlx::Result<Vec<Transcript>> {
    sqlx::query_as!(
        Transcript,
        r#"SELECT id, fiche_id, call_id, transcription_id,
                  CASE WHEN $2 THEN transcription_text END AS text,
                  transcription_language_code AS language_code,
                  transcription_language_probability AS language_probability, transcribed_at,
                  diarization
             FROM transcripts WHERE fiche_id = ANY ($1) AND has_transcription
            ORDER BY fiche_id, call_id"#,
        fiches,
        include_text
    )
    .fetch_all(conn)
    .await
}

/// The chunks of transcripts, by transcript.
#[tracing::instrument(name = "store.view.chunks", skip_all, err)]
pub async fn chunks(
    conn: &mut PgConnection,
    transcripts: &[i64],
) -> sqlx::Result<HashMap<i64, Vec<Chunk>>> {
    let rows = sqlx::query!(
        "SELECT recording_id, chunk_index, start_timestamp, end_timestamp, message_count, speakers,
                full_text
           FROM recording_transcription_chunks WHERE recording_id = ANY ($1)
          ORDER BY recording_id, chunk_index",
        transcripts
    )
    .fetch_all(conn)
    .await?;
    let mut chunks: HashMap<i64, Vec<Chunk>> = HashMap::new();
    for row in rows {
        chunks.entry(row.recording_id).or_default().push(Chunk {
            chunk_index: row.chunk_index,
            start_timestamp: row.start_timestamp,
            end_timestamp: row.end_timestamp,
            message_count: row.message_count,
            speakers: row.speakers,
            full_text: row.full_text,
        });
    }
    Ok(chunks)
}

/// The packed words of a transcript.
#[tracing::instrument(name = "store.view.words", skip_all, err)]
pub async fn words(conn: &mut PgConnection, transcript: i64) -> sqlx::Result<Option<Vec<u8>>> {
    let words = sqlx::query_scalar!("SELECT words FROM transcripts WHERE id = $1", transcript)
        .fetch_optional(conn)
        .await?;
    Ok(words.flatten())
}

/// The latest run of a fiche, as shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LatestRun {
    /// Its id.
    pub run_id: Uuid,
    /// Where it stands.
    pub state: String,
    /// Why it ended early.
    pub reason: Option<String>,
    /// Recordings settled.
    pub processed: i32,
    /// Recordings of the run.
    pub target_total: i32,
    /// Recordings failed.
    pub failed: i32,
    /// When it was planned.
    pub started_at: Option<DateTime<Utc>>,
    /// When something last happened.
    pub last_event_at: Option<DateTime<Utc>>,
    /// Number of the last realtime message.
    pub sequence: i64,
}

/// The latest run of a fiche.
#[tracing::instrument(name = "store.view.latest_run", skip_all, err)]
pub async fn latest_run(conn: &mut PgConnection, fiche: &str) -> sqlx::Result<Option<LatestRun>> {
    sqlx::query_as!(
        LatestRun,
        "SELECT run_id, state, reason, processed, target_total, failed, started_at, last_event_at,
                sequence
           FROM transcription_runs WHERE fiche_id = $1
          ORDER BY created_at DESC, run_id DESC LIMIT 1",
        fiche
    )
    .fetch_optional(conn)
    .await
}

/// Recordings of a fiche whose last try failed, of those without a transcript.
#[tracing::instrument(name = "store.view.failed_calls", skip_all, err)]
pub async fn failed_calls(conn: &mut PgConnection, fiche: &str) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"SELECT call_id FROM (
               SELECT DISTINCT ON (i.call_id) i.call_id, i.state
                 FROM transcription_run_items i JOIN transcription_runs r USING (run_id)
                WHERE r.fiche_id = $1
                ORDER BY i.call_id, r.created_at DESC) AS latest
            WHERE state IN ('failed', 'abandoned')"#,
        fiche
    )
    .fetch_all(conn)
    .await
}
