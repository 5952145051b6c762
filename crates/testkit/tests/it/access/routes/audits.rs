use super::{Reach, Row, Rule, names_fiche};
use crate::access::direct::Rpc;
use crate::access::world::Ids;
use prost::Message;
use serde_json::{Value, json};
use std::collections::HashMap;
use vigie_contracts::audit::v1 as pb;
use vigie_testkit::stack::Service;

const OK: Rule = Rule::any(&[200]);
const AUDIT: Rule = Rule::of(Reach::Scoped, &[200], 403);
const ROWS: Rule = Rule::rows(Reach::Scoped, names_fiche);

fn rpc<M: Message>(path: &'static str, message: &M) -> Rpc {
    Rpc::new(Service::AuditOrchestrator, path, message)
}

fn wish(ids: &Ids) -> Value {
    json!({ "fiche_id": ids.fiche, "audit_config_id": ids.config.parse::<i64>().unwrap() })
}

fn run(ids: &Ids) -> Rpc {
    let message = pb::RunAuditRequest {
        fiche_id: ids.fiche.clone(),
        audit_config_id: ids.config.clone(),
        ..pb::RunAuditRequest::default()
    };
    rpc("/vigie.audit.v1.AuditService/RunAudit", &message)
}

/// Of these the guard is tried here, the scope in the tests of their service.
const GUARDED: &[(&str, &str)] = &[
    ("DELETE", "/api/audit-configs/steps/{step_id}"),
    ("DELETE", "/api/audit-configs/{config_id}"),
    ("DELETE", "/api/audits/{audit_id}"),
    (
        "DELETE",
        "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review",
    ),
    (
        "DELETE",
        "/api/audits/{audit_id}/steps/{step_position}/review",
    ),
    ("GET", "/api/audit-configs/{config_id}"),
    ("GET", "/api/audit-configs/{config_id}/stats"),
    ("GET", "/api/audit-configs/{config_id}/validate"),
    ("GET", "/api/audits/grouped"),
    ("GET", "/api/audits/grouped-by-fiches"),
    ("GET", "/api/audits/stuck"),
    ("GET", "/api/audits/{audit_id}/logs"),
    (
        "GET",
        "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}",
    ),
    ("PATCH", "/api/audits/{audit_id}"),
    (
        "PATCH",
        "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review",
    ),
    (
        "PATCH",
        "/api/audits/{audit_id}/steps/{step_position}/review",
    ),
    ("POST", "/api/audit-configs"),
    ("POST", "/api/audit-configs/{config_id}/steps"),
    ("POST", "/api/audits/{audit_id}/cancel"),
    ("POST", "/api/audits/{audit_id}/rerun-fallback"),
    (
        "POST",
        "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/rerun",
    ),
    ("POST", "/api/audits/{audit_id}/steps/{step_position}/rerun"),
    ("PUT", "/api/audit-configs/steps/{step_id}"),
    ("PUT", "/api/audit-configs/{config_id}"),
    ("PUT", "/api/audit-configs/{config_id}/steps/reorder"),
];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = noted();
    let guarded = GUARDED.iter();
    rows.extend(guarded.map(|(method, path)| Row::guarded(method, path)));
    rows
}

fn noted() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/audits", ROWS)
            .query(|_| "?limit=100".to_owned())
            .rpc(|_| {
                let filters = HashMap::from([("limit".to_owned(), "100".to_owned())]);
                let message = pb::ListAuditsRequest { filters };
                rpc("/vigie.audit.v1.AuditService/ListAudits", &message)
            }),
        Row::new("POST", "/api/audits", AUDIT).body(wish).rpc(run),
        Row::new("POST", "/api/audits/run", AUDIT).body(wish),
        Row::new("POST", "/api/audits/run-latest", AUDIT)
            .body(|ids| json!({ "fiche_id": ids.fiche }))
            .rpc(|ids| {
                let message = pb::RunLatestRequest {
                    fiche_id: ids.fiche.clone(),
                    ..pb::RunLatestRequest::default()
                };
                rpc("/vigie.audit.v1.AuditService/RunLatest", &message)
            }),
        Row::new("GET", "/api/audits/by-fiche/{fiche_id}", AUDIT).rpc(|ids| {
            let message = pb::ListByFicheRequest {
                fiche_id: ids.fiche.clone(),
                ..pb::ListByFicheRequest::default()
            };
            rpc("/vigie.audit.v1.AuditService/ListByFiche", &message)
        }),
        Row::new("GET", "/api/audits/control-points/statuses", OK),
        Row::new("GET", "/api/audits/{audit_id}", AUDIT).rpc(|ids| {
            let message = pb::GetAuditRequest {
                audit_id: ids.audit.clone(),
            };
            rpc("/vigie.audit.v1.AuditService/GetAudit", &message)
        }),
        Row::new("GET", "/api/audit-configs", OK).rpc(|_| {
            let message = pb::ListConfigsRequest::default();
            rpc("/vigie.audit.v1.AuditService/ListConfigs", &message)
        }),
    ]
}

/// What the other services ask for themselves.
pub(super) fn inner() -> Vec<Rpc> {
    vec![
        rpc(
            "/vigie.audit.v1.AuditService/GetAuditContext",
            &pb::GetAuditContextRequest::default(),
        ),
        rpc(
            "/vigie.audit.v1.AuditService/GetStepState",
            &pb::GetStepStateRequest::default(),
        ),
        rpc(
            "/vigie.audit.v1.AuditService/ListByTracking",
            &pb::ListByTrackingRequest::default(),
        ),
        rpc(
            "/vigie.audit.v1.AuditService/ResolveConfigs",
            &pb::ResolveConfigsRequest::default(),
        ),
    ]
}
