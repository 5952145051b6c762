//! What a run was started with, for people: the complete configuration, secrets excluded (B5).

use super::schedule::NewSchedule;
use super::selection::Selection;
use serde_json::{Value, json};

/// `configSnapshot` of a run by hand.
pub fn of(schedule: &NewSchedule, selection: &Selection, overridden: bool) -> Value {
    json!({
        "schedule": {
            "name": schedule.name,
            "scheduleType": schedule.schedule_type.as_str(),
            "timezone": schedule.timezone,
            "runTranscription": schedule.run_transcription,
            "skipIfTranscribed": schedule.skip_if_transcribed,
            "transcriptionPriority": schedule.transcription_priority.as_str(),
            "allowPartialTranscription": schedule.allow_partial_transcription,
            "runAudits": schedule.run_audits,
            "useAutomaticAudits": schedule.use_automatic_audits,
            "specificAuditConfigs": schedule.specific_audit_configs,
            "continueOnError": schedule.continue_on_error,
            "retryFailed": schedule.retry_failed,
            "maxRetries": schedule.max_retries,
            "notifyOnComplete": schedule.notify_on_complete,
            "notifyOnError": schedule.notify_on_error,
        },
        "selection": selection.to_json(),
        "overrides": overridden.then(|| selection.to_json()),
        "due_at": Value::Null,
    })
}

/// An audit configuration that a run uses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedConfig {
    /// Its id.
    pub id: vigie_events::ids::AuditConfigId,
    /// Its name.
    pub name: String,
    /// Its revision when the run began.
    pub revision: i32,
}

/// Adds the configurations that were resolved when the run began.
pub fn with_configs(mut snapshot: Value, configs: &[UsedConfig]) -> Value {
    let shown = configs.iter().map(|config| {
        json!({"id": config.id.to_string(), "name": config.name, "revision": config.revision})
    });
    snapshot["auditConfigs"] = shown.collect();
    snapshot
}
