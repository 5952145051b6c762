//! `transcripts` and their chunks (A6).

use crate::domain::transcript::NewTranscript;
use sqlx::PgConnection;
use std::collections::HashSet;
use uuid::Uuid;
use vigie_events::ids::{CallId, FicheId};

/// A transcript that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The provider's id.
    pub transcription_id: String,
    /// The run that paid for it.
    pub run_id: Option<Uuid>,
}

/// Recordings of a fiche that have a transcript.
#[tracing::instrument(name = "store.transcript.transcribed", skip_all, err)]
pub async fn transcribed(
    conn: &mut PgConnection,
    fiche: &FicheId,
) -> sqlx::Result<HashSet<String>> {
    let calls = sqlx::query_scalar!(
        "SELECT call_id FROM transcripts WHERE fiche_id = $1 AND has_transcription",
        fiche.as_str()
    )
    .fetch_all(conn)
    .await?;
    Ok(calls.into_iter().collect())
}

/// The transcript of a recording.
#[tracing::instrument(name = "store.transcript.find", skip_all, err)]
pub async fn find(
    conn: &mut PgConnection,
    fiche: &FicheId,
    call: &CallId,
) -> sqlx::Result<Option<Known>> {
    sqlx::query_as!(
        Known,
        "SELECT transcription_id, run_id FROM transcripts
          WHERE fiche_id = $1 AND call_id = $2 AND has_transcription",
        fiche.as_str(),
        call.as_str()
    )
    .fetch_optional(conn)
    .await
}

/// Who had it made.
#[derive(Debug, Clone, Copy)]
pub struct Made<'a> {
    /// The fiche.
    pub fiche: &'a FicheId,
    /// The recording.
    pub call: &'a CallId,
    /// The run.
    pub run_id: Uuid,
    /// Whether it replaces an older one.
    pub force: bool,
    /// The provider.
    pub engine: &'a str,
    /// Its model.
    pub model: &'a str,
}

/// Stores a transcript and its chunks. One that is there stays, unless the run is forced and has
/// not paid for it; silence never takes chunks away. False when nothing was stored.
#[tracing::instrument(name = "store.transcript.save", skip_all, err)]
pub async fn save(
    conn: &mut PgConnection,
    made: Made<'_>,
    new: &NewTranscript,
) -> sqlx::Result<bool> {
    let id = sqlx::query_scalar!(
        "INSERT INTO transcripts AS t
             (fiche_id, call_id, run_id, state, diarization, engine, model, transcription_id,
              transcription_text, transcription_language_code, transcription_language_probability,
              words)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
         ON CONFLICT (fiche_id, call_id) DO UPDATE
            SET run_id = EXCLUDED.run_id, state = EXCLUDED.state,
                diarization = EXCLUDED.diarization, engine = EXCLUDED.engine,
                model = EXCLUDED.model, transcription_id = EXCLUDED.transcription_id,
                transcription_text = EXCLUDED.transcription_text, words = EXCLUDED.words,
                transcription_data = CASE WHEN $13 THEN t.transcription_data END,
                transcription_language_code = CASE WHEN $13 THEN t.transcription_language_code
                    ELSE EXCLUDED.transcription_language_code END,
                transcription_language_probability = CASE WHEN $13
                    THEN t.transcription_language_probability
                    ELSE EXCLUDED.transcription_language_probability END,
                has_transcription = true, transcribed_at = now(), updated_at = now()
          WHERE $14 AND t.run_id IS DISTINCT FROM EXCLUDED.run_id
         RETURNING id",
        made.fiche.as_str(),
        made.call.as_str(),
        made.run_id,
        new.state(),
        new.diarization(),
        made.engine,
        made.model,
        new.transcription_id,
        new.text,
        new.language_code,
        new.language_probability,
        new.words,
        new.is_empty(),
        made.force
    )
    .fetch_optional(&mut *conn)
    .await?;
    let Some(id) = id else { return Ok(false) };
    if !new.is_empty() {
        replace_chunks(conn, id, new).await?;
    }
    Ok(true)
}

async fn replace_chunks(conn: &mut PgConnection, id: i64, new: &NewTranscript) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM recording_transcription_chunks WHERE recording_id = $1",
        id
    )
    .execute(&mut *conn)
    .await?;
    let chunks = &new.chunks;
    let places: Vec<i32> = chunks.iter().map(|it| it.chunk_index).collect();
    let starts: Vec<f64> = chunks.iter().map(|it| it.start_timestamp).collect();
    let ends: Vec<f64> = chunks.iter().map(|it| it.end_timestamp).collect();
    let counts: Vec<i32> = chunks.iter().map(|it| it.message_count).collect();
    // Speakers as JSON: Postgres has no arrays of arrays of different lengths.
    let speakers: Vec<serde_json::Value> = chunks
        .iter()
        .map(|it| it.speakers.as_slice().into())
        .collect();
    let texts: Vec<&str> = chunks.iter().map(|it| it.full_text.as_str()).collect();
    sqlx::query!(
        "INSERT INTO recording_transcription_chunks
             (recording_id, chunk_index, start_timestamp, end_timestamp, message_count, speakers,
              full_text)
         SELECT $1, place, starts, ends, messages,
                ARRAY(SELECT s.speaker FROM jsonb_array_elements_text(speakers)
                          WITH ORDINALITY AS s (speaker, place) ORDER BY s.place),
                content
           FROM UNNEST($2::int[], $3::float8[], $4::float8[], $5::int[], $6::jsonb[], $7::text[])
             AS c (place, starts, ends, messages, speakers, content)",
        id,
        &places,
        &starts,
        &ends,
        &counts,
        &speakers,
        &texts as &[&str]
    )
    .execute(conn)
    .await?;
    Ok(())
}
