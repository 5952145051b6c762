//! Rows as messages.

use crate::domain::time::iso;
use crate::store::list::ListedAudit;
use crate::store::view::StepRow;
use vigie_contracts::audit::v1::{
    AuditConfigRef, AuditRow, AutomationRunRef, AutomationScheduleRef, FicheAudit, FicheCache,
    FicheCacheDetail, StepResult,
};

/// What of the fiche an audit row shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FicheShown {
    /// Nothing (by-fiche lists).
    None,
    /// Id, groupe and names (lists).
    Names,
    /// Agency, e-mail and phone too (details).
    Full,
}

/// An audit row; `result_data_json` is what is stored.
pub fn audit(row: ListedAudit, shown: FicheShown) -> AuditRow {
    let fiche_cache = (shown == FicheShown::Names).then(|| FicheCache {
        fiche_id: row.fiche_id.clone(),
        groupe: row.groupe.clone(),
        prospect_nom: row.prospect_nom.clone(),
        prospect_prenom: row.prospect_prenom.clone(),
    });
    let fiche_cache_detail = (shown == FicheShown::Full).then_some(FicheCacheDetail {
        fiche_id: row.fiche_id,
        groupe: row.groupe,
        prospect_nom: row.prospect_nom,
        prospect_prenom: row.prospect_prenom,
        agence_nom: row.agence_nom,
        prospect_email: row.prospect_email,
        prospect_tel: row.prospect_tel,
    });
    AuditRow {
        id: row.id.to_string(),
        fiche_cache_id: row.fiche_cache_id.map(|id| id.to_string()),
        audit_config_id: row.audit_config_id.to_string(),
        automation_schedule_id: row.automation_schedule_id.map(|id| id.to_string()),
        automation_run_id: row.automation_run_id.map(|id| id.to_string()),
        trigger_source: row.trigger_source,
        trigger_user_id: row.trigger_user_id,
        notes: row.notes,
        deleted_at: row.deleted_at.map(iso),
        overall_score: row.overall_score,
        score_percentage: row.score_percentage,
        niveau: row.niveau,
        is_compliant: row.is_compliant,
        critical_passed: row.critical_passed,
        critical_total: row.critical_total,
        status: row.status,
        started_at: row.started_at.map(iso),
        completed_at: row.completed_at.map(iso),
        duration_ms: row.duration_ms,
        error_message: row.error_message,
        total_tokens: row.total_tokens,
        successful_steps: row.successful_steps,
        failed_steps: row.failed_steps,
        recordings_count: row.recordings_count,
        timeline_chunks: row.timeline_chunks,
        result_data_json: row.result_data.unwrap_or_default(),
        version: row.version,
        is_latest: row.is_latest,
        created_at: iso(row.created_at),
        updated_at: iso(row.updated_at),
        fiche_cache,
        fiche_cache_detail,
        audit_config: Some(AuditConfigRef {
            id: row.audit_config_id.to_string(),
            name: row.config_name,
            description: row.config_description,
        }),
        automation_schedule: row.automation_schedule_id.map(|id| AutomationScheduleRef {
            id: id.to_string(),
            name: None,
        }),
        automation_run: row.automation_run_id.map(|id| AutomationRunRef {
            id: id.to_string(),
            status: None,
            started_at: None,
            completed_at: None,
            schedule_id: row.automation_schedule_id.map(|id| id.to_string()),
        }),
        phase: row.phase,
        completeness: row.completeness,
        engine: row.engine,
        sequence: row.sequence,
        failure_stage: row.failure_stage,
    }
}

/// An audit as status pages show it.
pub fn fiche_audit(row: ListedAudit) -> FicheAudit {
    FicheAudit {
        fiche_id: row.fiche_id,
        id: row.id.to_string(),
        status: row.status,
        overall_score: row.overall_score,
        score_percentage: row.score_percentage,
        niveau: row.niveau,
        is_compliant: row.is_compliant,
        completed_at: row.completed_at.map(iso),
        created_at: iso(row.created_at),
        audit_config: Some(AuditConfigRef {
            id: row.audit_config_id.to_string(),
            name: row.config_name,
            description: row.config_description,
        }),
    }
}

/// A step of 6.9.
pub fn step(row: StepRow) -> StepResult {
    StepResult {
        id: row.id.to_string(),
        audit_id: row.audit_id.to_string(),
        step_position: row.step_position,
        step_name: row.step_name,
        severity_level: row.severity_level,
        is_critical: row.is_critical,
        weight: row.weight,
        traite: row.traite,
        conforme: row.conforme,
        score: row.score,
        niveau_conformite: row.niveau_conformite,
        commentaire_global: row.commentaire_global,
        mots_cles_trouves: row.mots_cles_trouves,
        minutages: row.minutages,
        erreurs_transcription_tolerees: row.erreurs_transcription_tolerees,
        total_citations: row.total_citations,
        total_tokens: row.total_tokens,
        created_at: iso(row.created_at),
        outcome: row.outcome,
        engine: row.engine,
        model: row.model,
        prompt_version: row.prompt_version,
    }
}
