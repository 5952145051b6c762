//! `workflow_logs`: what a person reads about a run.

use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;
use uuid::Uuid;
use vigie_events::ids::{CallId, FicheId};

/// Severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// As planned.
    Info,
    /// A recording is missing, or something was tried again.
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

/// What lines are about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The fiche.
    pub fiche: &'a FicheId,
    /// The run.
    pub run_id: Uuid,
    /// `ce-id` of the command that began the run, for lines that name none of their own.
    pub request_id: Option<&'a str>,
}

/// Lines of one transaction, about one run.
#[derive(Debug, Default)]
pub struct Lines {
    enabled: bool,
    levels: Vec<&'static str>,
    steps: Vec<&'static str>,
    messages: Vec<String>,
    events: Vec<Option<String>>,
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
        self.push(level, step, message.into(), None, data);
    }

    /// Adds a line about a recording.
    pub fn recording(
        &mut self,
        level: Level,
        run_id: Uuid,
        call: &CallId,
        message: impl Into<String>,
        data: Value,
    ) {
        let event = format!("transcription-recording-{run_id}-{call}");
        self.push(level, "recording", message.into(), Some(event), data);
    }

    fn push(
        &mut self,
        level: Level,
        step: &'static str,
        message: String,
        event: Option<String>,
        data: Value,
    ) {
        if self.enabled {
            self.levels.push(level.as_str());
            self.steps.push(step);
            self.messages.push(message);
            self.events.push(event);
            self.data.push(data);
        }
    }

    /// Stores them, in one statement.
    #[tracing::instrument(name = "store.log.insert", skip_all, err)]
    pub async fn insert(&self, conn: &mut PgConnection, about: Subject<'_>) -> sqlx::Result<()> {
        if self.levels.is_empty() {
            return Ok(());
        }
        sqlx::query!(
            "INSERT INTO workflow_logs
                 (workflow, level, message, entity_type, entity_id, trace_id, event_id, step_name,
                  data, created_at)
             SELECT 'transcription', level, message, 'fiche', $6, $7, COALESCE(event, $8), step,
                    data::json, clock_timestamp()
               FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::jsonb[])
                 AS l (level, step, message, event, data)",
            &self.levels as &[&str],
            &self.steps as &[&str],
            &self.messages,
            &self.events as &[Option<String>],
            &self.data,
            about.fiche.as_str(),
            about.run_id.to_string(),
            about.request_id
        )
        .execute(conn)
        .await?;
        Ok(())
    }
}

/// Which lines are asked for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this run.
    pub run_id: Option<String>,
    /// Of this level.
    pub level: Option<String>,
    /// Not before.
    pub since: Option<DateTime<Utc>>,
    /// Not after.
    pub until: Option<DateTime<Utc>>,
    /// How many.
    pub limit: i64,
    /// After so many.
    pub offset: i64,
}

/// A stored line.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Its row.
    pub id: i64,
    /// Severity.
    pub level: String,
    /// For a person.
    pub message: String,
    /// The run.
    pub trace_id: Option<String>,
    /// `ce-id` of the command.
    pub event_id: Option<String>,
    /// Who wrote it, if that is told.
    pub function_id: Option<String>,
    /// Step of the run.
    pub step_name: Option<String>,
    /// Particulars.
    pub data: Value,
    /// When.
    pub created_at: DateTime<Utc>,
}

/// The lines of a fiche, oldest first.
#[tracing::instrument(name = "store.log.list", skip_all, err)]
pub async fn list(
    conn: &mut PgConnection,
    fiche: &FicheId,
    filter: &Filter,
) -> sqlx::Result<Vec<Entry>> {
    sqlx::query_as!(
        Entry,
        "SELECT id, level, message, trace_id, event_id, function_id, step_name, data, created_at
           FROM workflow_logs
          WHERE workflow = 'transcription' AND entity_type = 'fiche' AND entity_id = $1
            AND ($2::text IS NULL OR trace_id = $2)
            AND ($3::text IS NULL OR level = $3)
            AND ($4::timestamptz IS NULL OR date_trunc('milliseconds', created_at) >= $4)
            AND ($5::timestamptz IS NULL OR date_trunc('milliseconds', created_at) <= $5)
          ORDER BY created_at, id LIMIT $6 OFFSET $7",
        fiche.as_str(),
        filter.run_id.as_deref(),
        filter.level.as_deref(),
        filter.since,
        filter.until,
        filter.limit,
        filter.offset
    )
    .fetch_all(conn)
    .await
}
