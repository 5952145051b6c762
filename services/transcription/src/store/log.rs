//! `workflow_logs`: what a person reads about a run.

use crate::domain::run::Run;
use serde_json::Value;
use sqlx::PgConnection;

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As planned.
    Info,
    /// A recording is missing.
    Warning,
    /// The run was given up.
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

/// Lines of one transaction, about one run.
#[derive(Debug, Default)]
pub struct Lines {
    enabled: bool,
    levels: Vec<&'static str>,
    steps: Vec<&'static str>,
    messages: Vec<String>,
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

    /// Adds a line.
    pub fn add(
        &mut self,
        level: Level,
        step: &'static str,
        message: impl Into<String>,
        data: Value,
    ) {
        if self.enabled {
            self.levels.push(level.as_str());
            self.steps.push(step);
            self.messages.push(message.into());
            self.data.push(data);
        }
    }

    /// Stores them, in one statement.
    #[tracing::instrument(name = "store.log.insert", skip_all, err)]
    pub async fn insert(&self, conn: &mut PgConnection, run: &Run) -> sqlx::Result<()> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO workflow_logs
                 (workflow, level, message, entity_type, entity_id, trace_id, event_id, step_name,
                  data)
             SELECT 'transcription', level, message, 'fiche', $5, $6, $7, step, data::json
               FROM UNNEST($1::text[], $2::text[], $3::text[], $4::jsonb[])
                 AS l (level, step, message, data)",
            &self.levels as &[&str],
            &self.steps as &[&str],
            &self.messages,
            &self.data,
            run.fiche.as_str(),
            run.run_id.to_string(),
            run.request_ids.first()
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}
