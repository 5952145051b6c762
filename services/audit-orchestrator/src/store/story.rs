//! The log of an audit, read back (`audits.md` 6.10).

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::ids::AuditId;

/// A line.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Line {
    pub id: i64,
    pub workflow: String,
    pub level: String,
    pub entity_type: Option<String>,
    pub entity_id: Option<String>,
    pub trace_id: Option<String>,
    pub event_id: Option<String>,
    pub function_id: Option<String>,
    pub step_name: Option<String>,
    pub message: String,
    pub data: String,
    pub created_at: DateTime<Utc>,
}

/// Which lines.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Exact.
    pub level: Option<String>,
    /// Exact.
    pub step: Option<String>,
    /// Exact.
    pub attempt: Option<String>,
    /// Inclusive.
    pub since: Option<DateTime<Utc>>,
    /// Inclusive.
    pub until: Option<DateTime<Utc>>,
    /// At most so many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// The lines of an audit, oldest first.
#[tracing::instrument(name = "store.story.of", skip_all, fields(audit.id = %audit), err)]
pub async fn of(
    conn: &mut PgConnection,
    audit: AuditId,
    wanted: &Wanted,
) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        r#"SELECT id, workflow, level, entity_type, entity_id, trace_id, event_id, function_id,
                  step_name, message, data::text AS "data!", created_at
             FROM workflow_logs
            WHERE workflow = 'audit'
              AND (trace_id = $1::bigint::text
                   OR (entity_type = 'audit'
                       AND entity_id = (SELECT tracking_id FROM audits WHERE id = $1)))
              AND ($2::text IS NULL OR level = $2)
              AND ($3::text IS NULL OR step_name = $3)
              AND ($4::text IS NULL OR data ->> 'attempt' = $4)
              AND ($5::timestamptz IS NULL OR created_at >= $5)
              AND ($6::timestamptz IS NULL OR created_at <= $6)
            ORDER BY created_at, id LIMIT $7 OFFSET $8"#,
        audit.get(),
        wanted.level,
        wanted.step,
        wanted.attempt,
        wanted.since,
        wanted.until,
        wanted.limit,
        wanted.offset
    )
    .fetch_all(conn)
    .await
}
