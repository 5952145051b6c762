//! `workflow_logs`: what a person reads about an audit's way.

use crate::domain::audit::Audit;
use serde_json::Value;
use sqlx::PgConnection;
use std::borrow::Cow;
use std::time::Duration;

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As planned.
    Info,
    /// The audit goes on with less.
    Warning,
    /// The audit ended.
    Error,
}

impl Level {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// Lines of one transaction.
#[derive(Debug, Default)]
pub struct Lines {
    enabled: bool,
    levels: Vec<&'static str>,
    messages: Vec<String>,
    entities: Vec<String>,
    traces: Vec<String>,
    steps: Vec<Cow<'static, str>>,
    data: Vec<Value>,
}

impl Lines {
    /// Collects lines, or nothing where `WORKFLOW_LOG_DB_ENABLED` is off.
    pub fn new(enabled: bool) -> Self {
        Self {
            enabled,
            ..Self::default()
        }
    }

    /// Adds a line about an audit: `trace_id` is its database id, `entity_id` its tracking id.
    pub fn add(
        &mut self,
        audit: &Audit,
        level: Level,
        step: impl Into<Cow<'static, str>>,
        message: impl Into<String>,
        data: Value,
    ) {
        if self.enabled {
            self.levels.push(level.as_str());
            self.messages.push(message.into());
            self.entities.push(audit.tracking.to_string());
            self.traces.push(audit.id.to_string());
            self.steps.push(step.into());
            self.data.push(data);
        }
    }

    /// Stores them, in one statement.
    #[tracing::instrument(name = "store.log.insert", skip_all, err)]
    pub async fn insert(&self, conn: &mut PgConnection) -> sqlx::Result<()> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO workflow_logs
                 (workflow, level, message, entity_type, entity_id, trace_id, event_id, step_name,
                  data)
             SELECT 'audit', level, message, 'audit', entity, trace, entity, step, data::json
               FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[])
                 AS l (level, message, entity, trace, step, data)",
            &self.levels as &[&str],
            &self.messages,
            &self.entities,
            &self.traces,
            &self.steps as &[Cow<'static, str>],
            &self.data
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Forgets lines older than this, some at a time.
#[tracing::instrument(name = "store.log.forget", skip_all, err)]
pub async fn forget(conn: &mut PgConnection, keep: Duration) -> sqlx::Result<()> {
    sqlx::query!(
        "DELETE FROM workflow_logs WHERE ctid = ANY (ARRAY
             (SELECT ctid FROM workflow_logs
               WHERE created_at < now() - make_interval(secs => $1) LIMIT 5000))",
        keep.as_secs_f64()
    )
    .execute(conn)
    .await?;
    Ok(())
}
