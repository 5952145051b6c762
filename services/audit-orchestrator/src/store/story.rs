//! The story of an audit (`audits.md` 6.10): what was logged, and what is on record anyway: who asked
//! for it, each model call, each step's result.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::ids::AuditId;

/// A line.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the columns, under their names")]
pub struct Line {
    pub id: String,
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
        r#"WITH audit AS (SELECT id, tracking_id, trigger_user_id, trigger_source, lane, created_at
                            FROM audits WHERE id = $1),
           line AS (
               SELECT id::text, workflow, level, entity_type, entity_id, trace_id, event_id,
                      function_id, step_name, message, data, created_at, 3 AS kind, id AS place
                 FROM workflow_logs
                WHERE workflow = 'audit'
                  AND (trace_id = $1::bigint::text
                       OR (entity_type = 'audit'
                           AND entity_id = (SELECT tracking_id FROM audit)))
               UNION ALL
               SELECT 'call-' || c.id, 'audit',
                      CASE c.outcome WHEN 'ok' THEN 'info' ELSE 'warning' END, 'audit',
                      a.tracking_id, $1::bigint::text, a.tracking_id, NULL,
                      'step-' || c.step_position, 'Model asked',
                      json_strip_nulls(json_build_object('position', c.step_position, 'attempt',
                          c.attempt, 'purpose', c.purpose, 'rerun_id', c.rerun_id, 'outcome',
                          c.outcome, 'engine', c.engine, 'model', c.model, 'prompt_tokens',
                          c.prompt_tokens, 'cached_tokens', c.cached_tokens, 'completion_tokens',
                          c.completion_tokens, 'cost_micros', c.cost_micros, 'latency_ms',
                          c.latency_ms)),
                      c.created_at, 1, c.id
                 FROM audit_model_calls c, audit a WHERE c.audit_id = $1
               UNION ALL
               SELECT 'audit-' || a.id, 'audit', 'info', 'audit', a.tracking_id, a.id::text,
                      a.tracking_id, NULL, 'queued', 'Audit asked for',
                      json_strip_nulls(json_build_object('by_user_id', a.trigger_user_id, 'source',
                          a.trigger_source, 'lane', a.lane)),
                      a.created_at, 0, a.id
                 FROM audit a
               UNION ALL
               SELECT 'step-' || r.id, 'audit', 'info', 'audit', a.tracking_id, a.id::text,
                      a.tracking_id, NULL, 'step-' || r.step_position, 'Step result stored',
                      json_build_object('position', r.step_position, 'name', r.step_name),
                      r.created_at, 2, r.id
                 FROM audit_step_results r, audit a WHERE r.audit_id = $1)
           SELECT id AS "id!", workflow AS "workflow!", level AS "level!", entity_type, entity_id,
                  trace_id, event_id, function_id, step_name, message AS "message!",
                  data::text AS "data!", created_at AS "created_at!"
             FROM line
            WHERE ($2::text IS NULL OR level = $2)
              AND ($3::text IS NULL OR step_name = $3)
              AND ($4::text IS NULL OR data ->> 'attempt' = $4)
              AND ($5::timestamptz IS NULL OR created_at >= $5)
              AND ($6::timestamptz IS NULL OR created_at <= $6)
            ORDER BY created_at, kind, place LIMIT $7 OFFSET $8"#,
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
