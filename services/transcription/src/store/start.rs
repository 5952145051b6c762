//! `start_requests`: first answers to requests with an `Idempotency-Key`.

use sqlx::PgConnection;
use uuid::Uuid;
use vigie_events::ids::FicheId;

/// Who repeats what.
#[derive(Debug, Clone, Copy)]
pub struct Key<'a> {
    /// The caller.
    pub caller: &'a str,
    /// The header.
    pub key: &'a str,
    /// The fiche.
    pub fiche: &'a FicheId,
}

/// An answer as first given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// `ce-id` of the request.
    pub event_id: String,
    /// The run.
    pub run_id: Uuid,
    /// Whether it was open before.
    pub joined: bool,
}

/// Serialises requests with this key, then looks for the answer of the last 24 hours.
#[tracing::instrument(name = "store.start.find", skip_all, err)]
pub async fn find(conn: &mut PgConnection, key: Key<'_>) -> sqlx::Result<Option<Answer>> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(hashtextextended($1 || chr(31) || $2 || chr(31) || $3, 0))",
        key.caller,
        key.key,
        key.fiche.as_str()
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query_as!(
        Answer,
        "SELECT event_id, run_id, joined FROM start_requests
          WHERE caller = $1 AND idempotency_key = $2 AND fiche_id = $3
            AND created_at > now() - interval '24 hours'",
        key.caller,
        key.key,
        key.fiche.as_str()
    )
    .fetch_optional(conn)
    .await
}

/// Keeps an answer; one that is older than a day is replaced.
#[tracing::instrument(name = "store.start.keep", skip_all, err)]
pub async fn keep(conn: &mut PgConnection, key: Key<'_>, answer: &Answer) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO start_requests (caller, idempotency_key, fiche_id, event_id, run_id, joined)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (caller, idempotency_key, fiche_id) DO UPDATE
            SET event_id = EXCLUDED.event_id, run_id = EXCLUDED.run_id,
                joined = EXCLUDED.joined, created_at = now()",
        key.caller,
        key.key,
        key.fiche.as_str(),
        answer.event_id,
        answer.run_id,
        answer.joined
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Forgets what nobody may repeat any more.
#[tracing::instrument(name = "store.start.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection) -> sqlx::Result<u64> {
    let done = sqlx::query!(
        "DELETE FROM start_requests WHERE ctid IN
             (SELECT ctid FROM start_requests WHERE created_at < now() - interval '24 hours'
               LIMIT 1000)"
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected())
}
