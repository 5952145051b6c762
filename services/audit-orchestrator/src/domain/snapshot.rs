//! `result_data` as stored: without steps (`audits.md` 2.4, 8.4).

use crate::domain::audit::Audit;
use crate::domain::time::iso;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use vigie_events::ids::{AutomationRunId, ScheduleId, TrackingId};
use vigie_events::realtime::audit::Approach;
use vigie_scorecard::{AuditSummary, ConfigSnapshot};

/// What the snapshot of an audit that is under way holds.
#[derive(Debug)]
pub struct Pending<'a> {
    /// Tracking id.
    pub tracking: &'a TrackingId,
    /// How its transcript is read.
    pub approach: Approach,
    /// `api`, `batch`, `automation` or the caller's word.
    pub trigger_source: Option<&'a str>,
    /// The schedule it belongs to.
    pub schedule: Option<ScheduleId>,
    /// The automation run it belongs to.
    pub automation_run: Option<AutomationRunId>,
}

/// The snapshot of an audit that waits in the queue.
pub fn pending(audit: &Pending<'_>) -> Value {
    under_way(audit, "pending", None)
}

/// The snapshot of an audit that has left the queue.
pub fn running(audit: &Audit) -> Value {
    let pending = Pending {
        tracking: &audit.tracking,
        approach: audit.approach(),
        trigger_source: audit.trigger_source.as_deref(),
        schedule: audit.schedule,
        automation_run: audit.automation_run,
    };
    under_way(&pending, "running", audit.started_at)
}

fn under_way(audit: &Pending<'_>, status: &str, started_at: Option<DateTime<Utc>>) -> Value {
    let mut snapshot = json!({
        "audit_id": audit.tracking,
        "status": status,
        "started_at": started_at.map(iso),
        "approach": audit.approach,
        "trigger_source": audit.trigger_source,
    });
    if let Some(schedule) = audit.schedule {
        snapshot["automation_schedule_id"] = json!(schedule);
    }
    if let Some(run) = audit.automation_run {
        snapshot["automation_run_id"] = json!(run);
    }
    snapshot
}

/// What the snapshot says of the fiche.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FicheNames {
    /// First and last name, joined; empty when unknown.
    pub prospect_name: String,
    /// Groupe.
    pub groupe: Option<String>,
}

impl FicheNames {
    /// Joins the names that are known.
    pub fn join(prenom: Option<&str>, nom: Option<&str>) -> String {
        let names = [prenom, nom].into_iter().flatten().map(str::trim);
        names
            .filter(|name| !name.is_empty())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

/// The snapshot of a completed audit.
pub fn completed(
    audit: &Audit,
    config: &ConfigSnapshot,
    fiche: &FicheNames,
    summary: &AuditSummary,
) -> Value {
    json!({
        "audit_db_id": audit.id,
        "audit_tracking_id": audit.tracking,
        "audit": {
            "config": {
                "id": config.id,
                "name": config.name,
                "description": config.description,
            },
            "fiche": {
                "fiche_id": audit.fiche,
                "prospect_name": fiche.prospect_name,
                "groupe": fiche.groupe,
            },
            "results": { "compliance": summary.compliance, "approach": audit.approach() },
            "compliance": summary.compliance,
            "approach": audit.approach(),
        },
        "statistics": summary.statistics,
        "metadata": {
            "started_at": audit.started_at.map(iso),
            "completed_at": iso(audit.now),
            "duration_ms": audit.duration_ms(),
            "approach": audit.approach(),
            "evidence_gating": summary.gating,
            "completeness": summary.completeness,
            "missing": summary.missing,
            "incomplete_transcription": !summary.missing.recordings.is_empty(),
        },
    })
}
