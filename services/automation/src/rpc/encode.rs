//! Rows as messages (B2.4, B3.2, B3.7, B3.8, B8.4).

use crate::domain::time::iso;
use crate::store::log::Line;
use crate::store::result::FicheResult;
use crate::store::runs::ShownRun;
use crate::store::schedule::Schedule;
use serde_json::{Value, json};
use vigie_contracts::automation::v1 as pb;

pub(super) fn schedule_message(schedule: &Schedule) -> pb::Schedule {
    let settings = &schedule.settings;
    pb::Schedule {
        id: schedule.id.to_string(),
        name: settings.name.clone(),
        description: settings.description.clone(),
        is_active: settings.is_active,
        created_by: schedule.created_by.clone(),
        created_at: iso(schedule.created_at),
        updated_at: iso(schedule.updated_at),
        schedule_type: settings.schedule_type.as_str().to_owned(),
        cron_expression: settings.cron_expression.clone(),
        timezone: settings.timezone.clone(),
        time_of_day: settings.time_of_day.clone(),
        day_of_week: settings.day_of_week,
        day_of_month: settings.day_of_month,
        fiche_selection_json: settings.selection.to_json().to_string(),
        run_transcription: settings.run_transcription,
        skip_if_transcribed: settings.skip_if_transcribed,
        transcription_priority: settings.transcription_priority.as_str().to_owned(),
        run_audits: settings.run_audits,
        use_automatic_audits: settings.use_automatic_audits,
        specific_audit_configs: settings
            .specific_audit_configs
            .iter()
            .map(ToString::to_string)
            .collect(),
        continue_on_error: settings.continue_on_error,
        retry_failed: settings.retry_failed,
        max_retries: i32::try_from(settings.max_retries).unwrap_or(i32::MAX),
        notify_on_complete: settings.notify_on_complete,
        notify_on_error: settings.notify_on_error,
        webhook_url: settings.webhook_url.clone(),
        notify_emails: settings.notify_emails.clone(),
        external_api_key: None,
        has_external_api_key: schedule.has_external_api_key,
        last_run_at: schedule.last_run_at.map(iso),
        last_run_status: schedule.last_run_status.clone(),
        total_runs: schedule.total_runs,
        successful_runs: schedule.successful_runs,
        failed_runs: schedule.failed_runs,
        allow_partial_transcription: settings.allow_partial_transcription,
    }
}

pub(super) fn run_summary(run: &ShownRun) -> pb::RunSummary {
    pb::RunSummary {
        id: run.id.to_string(),
        status: run.status.clone(),
        started_at: Some(iso(run.started_at)),
        completed_at: run.completed_at.map(iso),
        duration_ms: run.duration_ms,
        total_fiches: run.total_fiches,
        successful_fiches: run.successful_fiches,
        failed_fiches: run.failed_fiches,
    }
}

pub(super) fn run_message(run: ShownRun) -> pb::Run {
    pb::Run {
        id: run.id.to_string(),
        schedule_id: run.schedule_id.to_string(),
        status: run.status,
        started_at: Some(iso(run.started_at)),
        completed_at: run.completed_at.map(iso),
        duration_ms: run.duration_ms,
        total_fiches: run.total_fiches,
        successful_fiches: run.successful_fiches,
        failed_fiches: run.failed_fiches,
        transcriptions_run: run.transcriptions_run,
        audits_run: run.audits_run,
        error_message: run.error_message,
        error_details_json: run.error_details.unwrap_or(Value::Null).to_string(),
        config_snapshot_json: run.config_snapshot.to_string(),
        result_summary_json: run.result_summary.unwrap_or_else(|| json!({})).to_string(),
        phase: run.phase,
        ignored_fiches: run.ignored_fiches,
        audits_failed: run.audits_failed,
        reason: run.reason,
        sequence: run.sequence,
    }
}

pub(super) fn log_message(run_id: &str, line: Line) -> pb::RunLog {
    pb::RunLog {
        id: line.id.to_string(),
        run_id: run_id.to_owned(),
        level: line.level,
        message: line.message,
        timestamp: iso(line.timestamp),
        metadata_json: line.metadata.to_string(),
    }
}

/// `resultSummary` of one run: as stored when it says something, else rebuilt from the results.
pub(super) fn result_summary(run: &ShownRun, results: &[FicheResult]) -> Option<Value> {
    let stored = run.result_summary.as_ref();
    let says_something = stored
        .and_then(Value::as_object)
        .is_some_and(|object| !object.is_empty());
    if says_something || results.is_empty() {
        return stored.cloned();
    }
    let of = |status: &'static str| results.iter().filter(move |result| result.status == status);
    let failed = of("failed").map(|result| {
        let mut shown = json!({"ficheId": result.fiche_id,
            "error": result.error.as_deref().unwrap_or("Unknown error")});
        if let Some(stage) = &result.error_stage {
            shown["errorStage"] = json!(stage);
        }
        if let Some(code) = &result.error_code {
            shown["errorCode"] = json!(code);
        }
        shown
    });
    let ignored = of("ignored").map(|result| {
        let reason = result.ignore_reason.as_deref().unwrap_or("Ignored");
        let mut shown = json!({"ficheId": result.fiche_id, "reason": reason});
        if let Some(count) = result.recordings_count {
            shown["recordingsCount"] = json!(count);
        }
        shown
    });
    Some(json!({
        "successful": of("successful").map(|result| &result.fiche_id).collect::<Vec<_>>(),
        "failed": failed.collect::<Vec<_>>(),
        "ignored": ignored.collect::<Vec<_>>(),
        "transcriptions": run.transcriptions_run,
        "audits": run.audits_run,
    }))
}
