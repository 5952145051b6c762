//! `speech_calls`: what may have cost money. Intent before, result after.

use sqlx::PgConnection;
use uuid::Uuid;
use vigie_events::ids::CallId;

/// One request to a provider.
#[derive(Debug, Clone, Copy)]
pub struct SpeechCall<'a> {
    /// For which run.
    pub run_id: Uuid,
    /// For which recording.
    pub call: &'a CallId,
    /// Which try.
    pub attempt: i32,
}

/// Notes that a request is about to be made.
#[tracing::instrument(name = "store.call.start", skip_all, err)]
pub async fn start(
    conn: &mut PgConnection,
    call: SpeechCall<'_>,
    provider: &str,
    model: &str,
    audio_seconds: Option<i32>,
    cost_micros: Option<i64>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO speech_calls
             (run_id, call_id, attempt, provider, model, audio_seconds, cost_micros)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        call.run_id,
        call.call.as_str(),
        call.attempt,
        provider,
        model,
        audio_seconds,
        cost_micros
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// With a transcript of so much audio.
    Ok {
        /// Seconds, where known.
        audio_seconds: Option<i32>,
        /// What it cost, where known.
        cost_micros: Option<i64>,
    },
    /// The provider refused it, and bills nothing.
    Refused,
    /// Nobody answered: it may be billed all the same.
    Unanswered,
}

/// Notes how a request ended.
#[tracing::instrument(name = "store.call.finish", skip_all, err)]
pub async fn finish(
    conn: &mut PgConnection,
    call: SpeechCall<'_>,
    outcome: Outcome,
    request_id: Option<&str>,
) -> sqlx::Result<()> {
    let (word, seconds, cost) = match outcome {
        Outcome::Ok {
            audio_seconds,
            cost_micros,
        } => ("ok", audio_seconds, cost_micros),
        Outcome::Refused | Outcome::Unanswered => ("failed", None, None),
    };
    sqlx::query!(
        "UPDATE speech_calls
            SET outcome = $4, provider_request_id = $5,
                audio_seconds = COALESCE($6, audio_seconds),
                cost_micros = CASE WHEN $8 THEN cost_micros * 0
                                   ELSE COALESCE($7, cost_micros) END
          WHERE run_id = $1 AND call_id = $2 AND attempt = $3",
        call.run_id,
        call.call.as_str(),
        call.attempt,
        word,
        request_id,
        seconds,
        cost,
        outcome == Outcome::Refused
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Whoever made these requests is gone: nobody will tell how they ended.
#[tracing::instrument(name = "store.call.doubt", skip_all, err)]
pub async fn doubt(conn: &mut PgConnection, run_id: Uuid, call: &CallId) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "UPDATE speech_calls SET outcome = 'in_doubt'
          WHERE run_id = $1 AND call_id = $2 AND outcome = 'started'",
        run_id,
        call.as_str()
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}

/// Requests that are being made now, by all replicas.
#[tracing::instrument(name = "store.call.under_way", skip_all, err)]
pub async fn under_way(conn: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!"
             FROM speech_calls c JOIN transcription_run_items i USING (run_id, call_id)
            WHERE c.outcome = 'started' AND i.state = 'in_progress' AND i.lease_until > now()"#
    )
    .fetch_one(conn)
    .await
}
