//! `audit_batches` and their members. A batch row is locked after the audits of its transaction, the
//! one order of all writers.

use crate::domain::batch::Batch;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::time::Duration;
use vigie_events::ids::{AuditConfigId, FicheId, TrackingId};
use vigie_identity::FicheScope;

struct Row {
    batch_id: String,
    audit_config_id: i64,
    status: String,
    total: i32,
    succeeded: i32,
    failed: i32,
    sequence: i64,
    started_at: DateTime<Utc>,
    completed_at: Option<DateTime<Utc>>,
}

impl From<Row> for Batch {
    fn from(row: Row) -> Self {
        Self {
            batch_id: row.batch_id,
            config: AuditConfigId::new(row.audit_config_id),
            status: row.status,
            total: row.total,
            succeeded: row.succeeded,
            failed: row.failed,
            sequence: row.sequence,
            started_at: row.started_at,
            completed_at: row.completed_at,
        }
    }
}

/// A batch that is not there yet.
#[derive(Debug, Clone, Copy)]
pub struct NewBatch<'a> {
    /// Its configuration.
    pub config: AuditConfigId,
    /// Its fiches, each once.
    pub fiches: &'a [FicheId],
    /// The principal that asks.
    pub by: &'a str,
    /// Who its audits are for.
    pub trigger_user: Option<&'a str>,
    /// Transcript tools mode.
    pub use_rlm: bool,
    /// How long it may take.
    pub deadline: Duration,
}

/// Stores a batch and its members, its first realtime message numbered 1. The time in its id is
/// raised to the next free millisecond.
#[tracing::instrument(name = "store.batch.insert", skip_all, err)]
pub async fn insert(conn: &mut PgConnection, new: &NewBatch<'_>) -> sqlx::Result<Batch> {
    let mut epoch_ms = Utc::now().timestamp_millis();
    let batch = loop {
        let id = crate::domain::batch::id(epoch_ms, new.fiches.len());
        if let Some(batch) = insert_row(conn, &id, new).await? {
            break batch;
        }
        epoch_ms += 1;
    };
    let fiches: Vec<&str> = new.fiches.iter().map(FicheId::as_str).collect();
    let tracking = |fiche| TrackingId::of_batch(&batch.batch_id, fiche, new.config).to_string();
    let tracking: Vec<String> = new.fiches.iter().map(tracking).collect();
    sqlx::query!(
        "INSERT INTO audit_batch_items (batch_id, fiche_id, ordinal, tracking_id)
         SELECT $1, fiche, ordinal, tracking
           FROM UNNEST($2::text[], $3::text[]) WITH ORDINALITY AS m (fiche, tracking, ordinal)",
        batch.batch_id,
        &fiches as &[&str],
        &tracking
    )
    .execute(conn)
    .await?;
    Ok(batch)
}

async fn insert_row(
    conn: &mut PgConnection,
    id: &str,
    new: &NewBatch<'_>,
) -> sqlx::Result<Option<Batch>> {
    let row = sqlx::query_as!(
        Row,
        "INSERT INTO audit_batches
             (batch_id, audit_config_id, requested_by, trigger_user_id, use_rlm, total, sequence,
              deadline_at)
         VALUES ($1, $2, $3, $4, $5, $6, 1, now() + make_interval(secs => $7))
         ON CONFLICT (batch_id) DO NOTHING
         RETURNING batch_id, audit_config_id, status, total, succeeded, failed, sequence,
                   started_at, completed_at",
        id,
        new.config.get(),
        new.by,
        new.trigger_user,
        new.use_rlm,
        crate::domain::material::count(new.fiches.len()),
        new.deadline.as_secs_f64()
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Batch::from))
}

/// A member whose audit has ended, or that gets none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Its tracking id.
    pub tracking: String,
    /// Why there is no score; none where there is one.
    pub error: Option<String>,
}

/// Counts members, each once. Gives the batches that this changed, room left for two realtime
/// messages where one is complete with it.
#[tracing::instrument(name = "store.batch.count", skip_all, err)]
pub async fn count(conn: &mut PgConnection, ended: &[Ended]) -> sqlx::Result<Vec<Batch>> {
    let tracking: Vec<&str> = ended.iter().map(|it| it.tracking.as_str()).collect();
    let errors: Vec<Option<&str>> = ended.iter().map(|it| it.error.as_deref()).collect();
    let rows = sqlx::query_as!(
        Row,
        "WITH ended AS (
             UPDATE audit_batch_items i
                SET status = CASE WHEN e.error IS NULL THEN 'completed' ELSE 'failed' END,
                    error = e.error
               FROM UNNEST($1::text[], $2::text[]) AS e (tracking, error)
              WHERE i.tracking_id = e.tracking AND i.status = 'pending'
             RETURNING i.batch_id, i.error
         ), counted AS (
             SELECT batch_id, count(*) FILTER (WHERE error IS NULL)::int AS succeeded,
                    count(error)::int AS failed
               FROM ended GROUP BY batch_id
         ), locked AS (
             SELECT batch_id FROM audit_batches
              WHERE batch_id IN (SELECT batch_id FROM counted)
              ORDER BY batch_id FOR NO KEY UPDATE
         )
         UPDATE audit_batches AS b
            SET succeeded = b.succeeded + c.succeeded, failed = b.failed + c.failed,
                sequence = sequence + 1 + (b.succeeded + c.succeeded + b.failed + c.failed = total)::int,
                status = CASE WHEN b.succeeded + c.succeeded + b.failed + c.failed = total
                                   AND status = 'running' THEN 'completed' ELSE status END,
                completed_at = CASE WHEN b.succeeded + c.succeeded + b.failed + c.failed = total
                                    THEN clock_timestamp() END
           FROM locked JOIN counted c USING (batch_id)
          WHERE b.batch_id = locked.batch_id
         RETURNING b.batch_id, audit_config_id, status, total, b.succeeded, b.failed, sequence,
                   started_at, completed_at",
        &tracking as &[&str],
        &errors as &[Option<&str>]
    )
    .fetch_all(conn)
    .await?;
    Ok(rows.into_iter().map(Batch::from).collect())
}

/// A batch, for who asked for it or, without `by`, for anybody.
#[tracing::instrument(name = "store.batch.find", skip_all, err)]
pub async fn find(
    conn: &mut PgConnection,
    id: &str,
    by: Option<&str>,
) -> sqlx::Result<Option<Batch>> {
    let row = sqlx::query_as!(
        Row,
        "SELECT batch_id, audit_config_id, status, total, succeeded, failed, sequence, started_at,
                completed_at
           FROM audit_batches WHERE batch_id = $1 AND ($2::text IS NULL OR requested_by = $2)",
        id,
        by
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(Batch::from))
}

/// A member as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Item {
    pub fiche_id: String,
    pub tracking_id: String,
    pub audit_id: Option<i64>,
    pub status: String,
    pub error: Option<String>,
}

/// The members of a batch in scope, in their order. A member that has not ended stands where its
/// audit stands.
#[tracing::instrument(name = "store.batch.items", skip_all, err)]
pub async fn items(
    conn: &mut PgConnection,
    id: &str,
    scope: &FicheScope,
) -> sqlx::Result<Vec<Item>> {
    sqlx::query_as!(
        Item,
        r#"SELECT i.fiche_id, i.tracking_id, i.audit_id, i.error,
                  CASE WHEN i.status = 'pending' THEN COALESCE(a.status, 'pending')
                       ELSE i.status END AS "status!"
             FROM audit_batch_items i LEFT JOIN audits a ON a.id = i.audit_id
            WHERE i.batch_id = $1
              AND ($2 OR EXISTS (
                  SELECT FROM fiches f WHERE f.fiche_id = i.fiche_id
                     AND (f.groupe = ANY($3) OR f.attribution_user_id = $4)))
            ORDER BY i.ordinal"#,
        id,
        scope.all(),
        scope.groupes(),
        scope.crm_user_id()
    )
    .fetch_all(conn)
    .await
}
