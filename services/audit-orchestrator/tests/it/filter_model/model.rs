//! Order and groups in plain words.

use super::rows::Row;
use std::cmp::Ordering;
use vigie_audit_orchestrator::store::list::GroupBy;

/// Defaults hide old and deleted ones. One that was deleted is no latest one any more, so asking for
/// deleted ones is enough to see it.
pub(super) fn listed(row: &Row, latest_only: bool, include_deleted: bool) -> bool {
    let deleted = row.deleted_at.is_some();
    (row.is_latest || !latest_only || deleted) && (!deleted || include_deleted)
}

/// Nulls last in either direction, then the id.
pub(super) fn compare(sort_by: &str, ascending: bool, a: &Row, b: &Row) -> Ordering {
    fn keys<T: PartialOrd>(a: Option<T>, b: Option<T>, ascending: bool) -> Ordering {
        match (a, b) {
            (Some(a), Some(b)) => {
                let order = a.partial_cmp(&b).unwrap();
                if ascending { order } else { order.reverse() }
            }
            (a, b) => b.is_some().cmp(&a.is_some()),
        }
    }
    let order = match sort_by {
        "completed_at" => keys(a.completed_at, b.completed_at, ascending),
        "score_percentage" => keys(
            Some(a.score_percentage),
            Some(b.score_percentage),
            ascending,
        ),
        "duration_ms" => keys(a.duration_ms, b.duration_ms, ascending),
        _ => keys(Some(a.created_at), Some(b.created_at), ascending),
    };
    let ids = if ascending {
        a.id.cmp(&b.id)
    } else {
        b.id.cmp(&a.id)
    };
    order.then(ids)
}

/// What a group of the model is called.
pub(super) fn key(by: GroupBy, row: &Row) -> Option<String> {
    let groupe = row.fiche.as_ref().and_then(|fiche| fiche.groupe);
    match by {
        GroupBy::AuditConfig => Some(row.audit_config_id.to_string()),
        GroupBy::Niveau => Some(row.niveau.to_owned()),
        GroupBy::AutomationSchedule => row.automation_schedule_id.map(|id| id.to_string()),
        GroupBy::Groupe => Some(groupe.unwrap_or("UNKNOWN").to_owned()),
        GroupBy::CreatedDay => Some(row.created_at.format("%Y-%m-%d").to_string()),
        GroupBy::ScoreBucket(size) => {
            let size = f64::from(size);
            let low = (row.score_percentage / size).floor() * size;
            Some(format!("{low}-{}", low + size))
        }
        GroupBy::Fiche | GroupBy::Status | GroupBy::AutomationRun => None,
    }
}
