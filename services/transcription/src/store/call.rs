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
) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO speech_calls (run_id, call_id, attempt, provider, model, audio_seconds)
         VALUES ($1, $2, $3, $4, $5, $6)",
        call.run_id,
        call.call.as_str(),
        call.attempt,
        provider,
        model,
        audio_seconds
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes how a request ended.
#[tracing::instrument(name = "store.call.finish", skip_all, err)]
pub async fn finish(
    conn: &mut PgConnection,
    call: SpeechCall<'_>,
    ok: bool,
    request_id: Option<&str>,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE speech_calls SET outcome = $4, provider_request_id = $5
          WHERE run_id = $1 AND call_id = $2 AND attempt = $3",
        call.run_id,
        call.call.as_str(),
        call.attempt,
        if ok { "ok" } else { "failed" },
        request_id
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
