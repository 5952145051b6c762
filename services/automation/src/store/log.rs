//! `automation_logs`: what a person reads about a run's way.

use crate::domain::metadata::{sanitised, sanitised_text};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use vigie_events::ids::AutomationRunId;

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As planned.
    Info,
    /// The run goes on with less.
    Warning,
    /// The run could not be carried out.
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
    levels: Vec<&'static str>,
    messages: Vec<String>,
    metadata: Vec<Value>,
}

impl Lines {
    /// Adds a line; its metadata is sanitised.
    pub fn add(&mut self, level: Level, message: &str, metadata: &Value) {
        self.levels.push(level.as_str());
        self.messages.push(sanitised_text(message));
        self.metadata.push(sanitised(metadata));
    }

    /// Stores them, in one statement.
    #[tracing::instrument(name = "store.log.insert", skip_all, fields(run.id = %run), err)]
    pub async fn insert(&self, conn: &mut PgConnection, run: AutomationRunId) -> sqlx::Result<()> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO automation_logs (run_id, level, message, metadata)
             SELECT $1, level, message, metadata::json
               FROM UNNEST($2::text[], $3::text[], $4::jsonb[]) AS l (level, message, metadata)",
            run.get(),
            &self.levels as &[&str],
            &self.messages,
            &self.metadata
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// A stored line.
#[derive(Debug, Clone)]
pub struct Line {
    /// Key.
    pub id: i64,
    /// Severity.
    pub level: String,
    /// Text.
    pub message: String,
    /// Sanitised.
    pub metadata: Value,
    /// When.
    pub timestamp: DateTime<Utc>,
}

/// Lines of a run, oldest first.
#[tracing::instrument(name = "store.log.of", skip_all, fields(run.id = %run), err)]
pub async fn of(conn: &mut PgConnection, run: AutomationRunId) -> sqlx::Result<Vec<Line>> {
    sqlx::query_as!(
        Line,
        "SELECT id, level, message, metadata, timestamp FROM automation_logs
          WHERE run_id = $1 ORDER BY id",
        run.get()
    )
    .fetch_all(conn)
    .await
}
