//! `transcription_batches` and their members.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_events::transcription::{Priority, RunOutcome};

/// A batch that is not there yet.
#[derive(Debug, Clone, Copy)]
pub struct NewBatch<'a> {
    /// Its id.
    pub id: &'a str,
    /// Who asks.
    pub by: &'a str,
    /// As asked.
    pub priority: Priority,
}

/// One fiche of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The fiche.
    pub fiche_id: String,
    /// The run that serves it.
    pub run_id: Uuid,
    /// Whether it was open before.
    pub joined: bool,
    /// How it ended.
    pub outcome: Option<String>,
}

/// A batch as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// Its id.
    pub batch_id: String,
    /// Members.
    pub total: i32,
    /// Ended, failures included.
    pub completed: i32,
    /// Failed.
    pub failed: i32,
    /// Number of the last realtime message.
    pub sequence: i64,
    /// When it was asked for.
    pub created_at: DateTime<Utc>,
    /// When the last member ended.
    pub completed_at: Option<DateTime<Utc>>,
}

impl Batch {
    /// Ended members of a hundred.
    pub const fn percentage(&self) -> i32 {
        crate::domain::run::percentage(self.completed, self.total)
    }
}

/// Stores a batch and its members; its first realtime message has number 1.
#[tracing::instrument(name = "store.batch.insert", skip_all, err)]
pub async fn insert(
    conn: &mut PgConnection,
    new: NewBatch<'_>,
    members: &[Member],
) -> sqlx::Result<Batch> {
    let total = crate::domain::count(members.len());
    let batch = sqlx::query_as!(
        Batch,
        "INSERT INTO transcription_batches (batch_id, requested_by, priority, total, sequence)
         VALUES ($1, $2, $3, $4, 1)
         RETURNING batch_id, total, completed, failed, sequence, created_at, completed_at",
        new.id,
        new.by,
        new.priority.as_str(),
        total
    )
    .fetch_one(&mut *conn)
    .await?;
    let fiches: Vec<&str> = members.iter().map(|it| it.fiche_id.as_str()).collect();
    let runs: Vec<Uuid> = members.iter().map(|it| it.run_id).collect();
    let joined: Vec<bool> = members.iter().map(|it| it.joined).collect();
    sqlx::query!(
        "INSERT INTO transcription_batch_items (batch_id, fiche_id, run_id, joined)
         SELECT $1, fiche, run, joined
           FROM UNNEST($2::text[], $3::uuid[], $4::bool[]) AS m (fiche, run, joined)",
        new.id,
        &fiches as &[&str],
        &runs,
        &joined
    )
    .execute(conn)
    .await?;
    Ok(batch)
}

/// Counts the end of a locked run in every batch that waits for it. Room for two realtime messages
/// is left where the batch is complete with it.
#[tracing::instrument(name = "store.batch.run_ended", skip_all, err)]
pub async fn run_ended(
    conn: &mut PgConnection,
    run_id: Uuid,
    outcome: RunOutcome,
) -> sqlx::Result<Vec<Batch>> {
    let word = crate::domain::run::RunState::Ended(outcome).as_str();
    sqlx::query_as!(
        Batch,
        "WITH ended AS (
             UPDATE transcription_batch_items SET outcome = $2
              WHERE run_id = $1 AND outcome IS NULL
             RETURNING batch_id
         ), locked AS (
             SELECT batch_id FROM transcription_batches
              WHERE batch_id IN (SELECT batch_id FROM ended)
              ORDER BY batch_id FOR NO KEY UPDATE
         )
         UPDATE transcription_batches AS b
            SET completed = completed + 1, failed = failed + $3::int,
                sequence = sequence + 1 + (completed + 1 = total)::int,
                completed_at = CASE WHEN completed + 1 = total THEN clock_timestamp() END
           FROM locked WHERE b.batch_id = locked.batch_id
         RETURNING b.batch_id, total, completed, failed, sequence, created_at, completed_at",
        run_id,
        word,
        i32::from(outcome == RunOutcome::Failed)
    )
    .fetch_all(conn)
    .await
}

/// A batch, for who asked for it or, without `by`, for anybody.
#[tracing::instrument(name = "store.batch.find", skip_all, err)]
pub async fn find(
    conn: &mut PgConnection,
    id: &str,
    by: Option<&str>,
) -> sqlx::Result<Option<Batch>> {
    sqlx::query_as!(
        Batch,
        "SELECT batch_id, total, completed, failed, sequence, created_at, completed_at
           FROM transcription_batches
          WHERE batch_id = $1 AND ($2::text IS NULL OR requested_by = $2)",
        id,
        by
    )
    .fetch_optional(conn)
    .await
}

/// Its members, by fiche.
#[tracing::instrument(name = "store.batch.members", skip_all, err)]
pub async fn members(conn: &mut PgConnection, id: &str) -> sqlx::Result<Vec<Member>> {
    sqlx::query_as!(
        Member,
        "SELECT fiche_id, run_id, joined, outcome FROM transcription_batch_items
          WHERE batch_id = $1 ORDER BY length(fiche_id), fiche_id",
        id
    )
    .fetch_all(conn)
    .await
}
