//! Schedules: making, reading within a reach, and what runs leave on them.

use super::{as_i32, as_u32, impossible};
use crate::domain::access::{Owner, Reach};
use crate::domain::schedule::{NewSchedule, PRIORITIES, ScheduleType};
use crate::domain::selection::{Mode, Selection};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use vigie_events::ids::ScheduleId;
use vigie_events::transcription::Priority;

/// A stored schedule.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// Key.
    pub id: ScheduleId,
    /// What its maker decided.
    pub settings: NewSchedule,
    /// For people to read.
    pub created_by: Option<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it changed.
    pub updated_at: DateTime<Utc>,
    /// Start of the last run.
    pub last_run_at: Option<DateTime<Utc>>,
    /// `running`, `success`, `partial` or `failed`.
    pub last_run_status: Option<String>,
    /// Ended runs.
    pub total_runs: i32,
    /// Of these, `completed`.
    pub successful_runs: i32,
    /// Of these, `failed`.
    pub failed_runs: i32,
    /// Whether a CRM token is stored.
    pub has_external_api_key: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "the columns as they are")]
struct Row {
    id: i64,
    name: String,
    description: Option<String>,
    is_active: bool,
    created_by: Option<String>,
    schedule_type: String,
    cron_expression: Option<String>,
    timezone: String,
    time_of_day: Option<String>,
    day_of_week: Option<i32>,
    day_of_month: Option<i32>,
    misfire: String,
    clamp_to_month_end: bool,
    fiche_selection_mode: String,
    fiche_selection_date_range: Option<String>,
    fiche_selection_custom_start_date: Option<String>,
    fiche_selection_custom_end_date: Option<String>,
    fiche_selection_groupes: Vec<String>,
    fiche_selection_only_with_recordings: bool,
    fiche_selection_only_unaudited: bool,
    fiche_selection_use_rlm: bool,
    fiche_selection_max_fiches: Option<i32>,
    fiche_selection_max_recordings_per_fiche: Option<i32>,
    fiche_selection_fiche_ids: Vec<String>,
    max_fiches_mode: String,
    run_transcription: bool,
    skip_if_transcribed: bool,
    transcription_priority: String,
    allow_partial_transcription: bool,
    run_audits: bool,
    use_automatic_audits: bool,
    specific_audit_configs: Vec<i64>,
    continue_on_error: bool,
    retry_failed: bool,
    max_retries: i32,
    notify_on_complete: bool,
    notify_on_error: bool,
    webhook_url: Option<String>,
    notify_emails: Vec<String>,
    has_external_api_key: bool,
    last_run_at: Option<DateTime<Utc>>,
    last_run_status: Option<String>,
    total_runs: i32,
    successful_runs: i32,
    failed_runs: i32,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

/// A word that its column's check excludes.
#[derive(Debug, thiserror::Error)]
#[error("unknown word {0:?}")]
struct UnknownWord(String);

fn word<T: Copy>(words: &[(&str, T)], text: &str) -> sqlx::Result<T> {
    let found = words
        .iter()
        .find(|(word, _)| *word == text)
        .map(|(_, value)| *value);
    found.ok_or_else(|| impossible(UnknownWord(text.to_owned())))
}

impl TryFrom<Row> for Schedule {
    type Error = sqlx::Error;

    fn try_from(row: Row) -> sqlx::Result<Self> {
        let schedule_type = ScheduleType::from_word(&row.schedule_type)
            .ok_or_else(|| impossible(UnknownWord(row.schedule_type.clone())))?;
        let transcription_priority: Priority = word(&PRIORITIES, &row.transcription_priority)?;
        let selection = Selection {
            mode: word(&Mode::WORDS, &row.fiche_selection_mode)?,
            date_range: row.fiche_selection_date_range,
            custom_start_date: row.fiche_selection_custom_start_date,
            custom_end_date: row.fiche_selection_custom_end_date,
            groupes: row.fiche_selection_groupes,
            only_with_recordings: row.fiche_selection_only_with_recordings,
            only_unaudited: row.fiche_selection_only_unaudited,
            use_rlm: row.fiche_selection_use_rlm,
            max_fiches: row.fiche_selection_max_fiches,
            max_recordings_per_fiche: row.fiche_selection_max_recordings_per_fiche,
            fiche_ids: row.fiche_selection_fiche_ids,
        };
        let settings = NewSchedule {
            name: row.name,
            description: row.description,
            is_active: row.is_active,
            schedule_type,
            cron_expression: row.cron_expression,
            timezone: row.timezone,
            time_of_day: row.time_of_day,
            day_of_week: row.day_of_week,
            day_of_month: row.day_of_month,
            misfire: row.misfire,
            clamp_to_month_end: row.clamp_to_month_end,
            selection,
            max_fiches_mode: row.max_fiches_mode,
            run_transcription: row.run_transcription,
            skip_if_transcribed: row.skip_if_transcribed,
            transcription_priority,
            allow_partial_transcription: row.allow_partial_transcription,
            run_audits: row.run_audits,
            use_automatic_audits: row.use_automatic_audits,
            specific_audit_configs: row.specific_audit_configs,
            continue_on_error: row.continue_on_error,
            retry_failed: row.retry_failed,
            max_retries: as_u32(row.max_retries),
            notify_on_complete: row.notify_on_complete,
            notify_on_error: row.notify_on_error,
            webhook_url: row.webhook_url,
            notify_emails: row.notify_emails,
        };
        Ok(Self {
            id: ScheduleId::new(row.id),
            settings,
            created_by: row.created_by,
            created_at: row.created_at,
            updated_at: row.updated_at,
            last_run_at: row.last_run_at,
            last_run_status: row.last_run_status,
            total_runs: row.total_runs,
            successful_runs: row.successful_runs,
            failed_runs: row.failed_runs,
            has_external_api_key: row.has_external_api_key,
        })
    }
}

/// Makes a schedule.
#[tracing::instrument(name = "store.schedule.insert", skip_all, err)]
pub async fn insert(
    conn: &mut PgConnection,
    new: &NewSchedule,
    owner: &Owner,
) -> sqlx::Result<ScheduleId> {
    let selection = &new.selection;
    let id = sqlx::query_scalar!(
        "INSERT INTO automation_schedules
             (name, description, is_active, created_by, owner_user_id, owner_groupes,
              schedule_type, cron_expression, timezone, time_of_day, day_of_week, day_of_month,
              misfire, clamp_to_month_end, fiche_selection_mode, fiche_selection_date_range,
              fiche_selection_custom_start_date, fiche_selection_custom_end_date,
              fiche_selection_groupes, fiche_selection_only_with_recordings,
              fiche_selection_only_unaudited, fiche_selection_use_rlm,
              fiche_selection_max_fiches, fiche_selection_max_recordings_per_fiche,
              fiche_selection_fiche_ids, max_fiches_mode, run_transcription,
              skip_if_transcribed, transcription_priority, allow_partial_transcription,
              run_audits, use_automatic_audits, specific_audit_configs, continue_on_error,
              retry_failed, max_retries, notify_on_complete, notify_on_error, webhook_url,
              notify_emails)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18,
                 $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34,
                 $35, $36, $37, $38, $39, $40)
      RETURNING id",
        new.name,
        new.description,
        new.is_active,
        owner.label,
        owner.user,
        &owner.groupes,
        new.schedule_type.as_str(),
        new.cron_expression,
        new.timezone,
        new.time_of_day,
        new.day_of_week,
        new.day_of_month,
        new.misfire,
        new.clamp_to_month_end,
        selection.mode.as_str(),
        selection.date_range,
        selection.custom_start_date,
        selection.custom_end_date,
        &selection.groupes,
        selection.only_with_recordings,
        selection.only_unaudited,
        selection.use_rlm,
        selection.max_fiches,
        selection.max_recordings_per_fiche,
        &selection.fiche_ids,
        new.max_fiches_mode,
        new.run_transcription,
        new.skip_if_transcribed,
        new.transcription_priority.as_str(),
        new.allow_partial_transcription,
        new.run_audits,
        new.use_automatic_audits,
        &new.specific_audit_configs,
        new.continue_on_error,
        new.retry_failed,
        as_i32(new.max_retries),
        new.notify_on_complete,
        new.notify_on_error,
        new.webhook_url,
        &new.notify_emails
    )
    .fetch_one(conn)
    .await?;
    Ok(ScheduleId::new(id))
}

/// Schedules within a reach, newest first: one of them, or all.
#[tracing::instrument(name = "store.schedule.find", skip_all, err)]
pub async fn find(
    conn: &mut PgConnection,
    reach: &Reach,
    one: Option<ScheduleId>,
    include_inactive: bool,
) -> sqlx::Result<Vec<Schedule>> {
    let rows = sqlx::query_as!(
        Row,
        r#"SELECT id, name, description, is_active, created_by, schedule_type, cron_expression,
                  timezone, time_of_day, day_of_week, day_of_month, misfire, clamp_to_month_end,
                  fiche_selection_mode, fiche_selection_date_range,
                  fiche_selection_custom_start_date, fiche_selection_custom_end_date,
                  fiche_selection_groupes, fiche_selection_only_with_recordings,
                  fiche_selection_only_unaudited, fiche_selection_use_rlm,
                  fiche_selection_max_fiches, fiche_selection_max_recordings_per_fiche,
                  fiche_selection_fiche_ids, max_fiches_mode, run_transcription,
                  skip_if_transcribed, transcription_priority, allow_partial_transcription,
                  run_audits, use_automatic_audits, specific_audit_configs, continue_on_error,
                  retry_failed, max_retries, notify_on_complete, notify_on_error, webhook_url,
                  notify_emails, external_api_key IS NOT NULL AS "has_external_api_key!",
                  last_run_at, last_run_status, total_runs, successful_runs, failed_runs,
                  created_at, updated_at
             FROM automation_schedules
            WHERE deleted_at IS NULL AND ($1::bigint IS NULL OR id = $1) AND ($2 OR is_active)
              AND ($3 OR owner_groupes && $4 OR owner_user_id = $5)
            ORDER BY created_at DESC, id DESC"#,
        one.map(ScheduleId::get),
        include_inactive,
        reach.all,
        &reach.groupes,
        reach.user
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(Schedule::try_from).collect()
}

/// Holds a schedule until the end of the transaction, so that one trigger at a time decides.
#[tracing::instrument(name = "store.schedule.lock", skip_all, fields(schedule.id = %id), err)]
pub async fn lock(conn: &mut PgConnection, id: ScheduleId) -> sqlx::Result<bool> {
    let found = sqlx::query_scalar!(
        "SELECT id FROM automation_schedules WHERE id = $1 AND deleted_at IS NULL
            FOR NO KEY UPDATE",
        id.get()
    )
    .fetch_optional(conn)
    .await?;
    Ok(found.is_some())
}

/// A run of it begins.
#[tracing::instrument(name = "store.schedule.started", skip_all, fields(schedule.id = %id), err)]
pub async fn started(conn: &mut PgConnection, id: ScheduleId) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_schedules
            SET last_run_at = now(), last_run_status = 'running'
          WHERE id = $1",
        id.get()
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A run of it ended: `success`, `partial` or `failed`.
#[tracing::instrument(name = "store.schedule.ended", skip_all, fields(schedule.id = %id), err)]
pub async fn ended(
    conn: &mut PgConnection,
    id: ScheduleId,
    status: &'static str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "UPDATE automation_schedules
            SET last_run_status = $2, total_runs = total_runs + 1,
                successful_runs = successful_runs + ($2 = 'success')::int,
                failed_runs = failed_runs + ($2 = 'failed')::int
          WHERE id = $1",
        id.get(),
        status
    )
    .execute(conn)
    .await?;
    Ok(())
}
