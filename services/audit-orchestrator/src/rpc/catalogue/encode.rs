use crate::domain::time::iso;
use crate::store::catalogue::{Config, Stats, Step};
use vigie_contracts::audit::v1 as pb;

pub(super) fn config(row: Config, steps: Vec<pb::ConfigStep>) -> pb::ConfigDetail {
    pb::ConfigDetail {
        id: row.id.to_string(),
        name: row.name,
        description: row.description,
        system_prompt: row.system_prompt,
        is_active: row.is_active,
        run_automatically: row.run_automatically,
        steps,
        created_at: iso(row.created_at),
        updated_at: iso(row.updated_at),
        created_by: row.created_by,
        revision: row.revision,
        stats: None,
    }
}

pub(super) fn step(row: Step) -> pb::ConfigStep {
    pb::ConfigStep {
        id: row.id.to_string(),
        audit_config_id: row.audit_config_id.to_string(),
        name: row.name,
        description: row.description,
        prompt: row.prompt,
        control_points: row.control_points,
        keywords: row.keywords,
        severity_level: row.severity_level,
        is_critical: row.is_critical,
        position: row.position,
        weight: row.weight,
        chronological_important: row.chronological_important,
        verify_product_info: row.verify_product_info,
        created_at: iso(row.created_at),
        updated_at: iso(row.updated_at),
    }
}

pub(super) fn stats(row: Stats) -> pb::ConfigStats {
    pb::ConfigStats {
        id: row.id.to_string(),
        name: row.name,
        total_audits: row.total,
        completed_audits: row.completed,
        failed_audits: row.failed,
        average_score: row.average_score,
        average_duration_ms: row.average_duration_ms,
        last_used_at: row.last_used_at.map(iso),
        compliance_rate: row.compliance_rate,
    }
}
