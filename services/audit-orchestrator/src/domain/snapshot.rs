//! `result_data` as stored: without steps (`audits.md` 2.4, 8.4).

use crate::domain::audit::Audit;
use crate::domain::time::iso;
use serde_json::{Value, json};
use vigie_events::realtime::audit::Approach;
use vigie_scorecard::{AuditSummary, ConfigSnapshot};

/// The snapshot of an audit that is under way.
pub fn running(audit: &Audit) -> Value {
    let mut snapshot = json!({
        "audit_id": audit.tracking,
        "status": "running",
        "started_at": audit.started_at.map(iso),
        "approach": Approach::of(audit.use_rlm),
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
    let approach = Approach::of(audit.use_rlm);
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
            "results": { "compliance": summary.compliance, "approach": approach },
            "compliance": summary.compliance,
            "approach": approach,
        },
        "statistics": summary.statistics,
        "metadata": {
            "started_at": audit.started_at.map(iso),
            "completed_at": iso(audit.now),
            "duration_ms": audit.duration_ms(),
            "approach": approach,
            "evidence_gating": summary.gating,
            "completeness": summary.completeness,
            "missing": summary.missing,
            "incomplete_transcription": !summary.missing.recordings.is_empty(),
        },
    })
}
