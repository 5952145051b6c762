use super::audits::{AUDIT, ROWS, rpc};
use super::{Reach, Row, Rule};
use serde_json::json;
use std::collections::HashMap;
use vigie_contracts::audit::v1 as pb;

/// Ended, or ended before.
const ENDED: Rule = Rule::of(Reach::Scoped, &[200, 409], 403);

fn filters(group_by: Option<&str>) -> HashMap<String, String> {
    let limit = ("limit".to_owned(), "100".to_owned());
    let group_by = group_by.map(|by| ("group_by".to_owned(), by.to_owned()));
    group_by.into_iter().chain([limit]).collect()
}

pub(super) fn rows() -> Vec<Row> {
    let mut rows = lists();
    rows.extend(one());
    rows
}

fn lists() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/audits/grouped", ROWS)
            .query(|_| "?limit=100&group_by=fiche".to_owned())
            .rpc(|_| {
                let filters = filters(Some("fiche"));
                let message = pb::GroupAuditsRequest { filters };
                let path = "/vigie.audit.v1.AuditOperationsService/GroupAudits";
                rpc(path, &message)
            }),
        Row::new("GET", "/api/audits/grouped-by-fiches", ROWS)
            .query(|_| "?limit=100".to_owned())
            .rpc(|_| {
                let filters = filters(None);
                let message = pb::GroupByFichesRequest { filters };
                let path = "/vigie.audit.v1.AuditOperationsService/GroupByFiches";
                rpc(path, &message)
            }),
        Row::new("GET", "/api/audits/stuck", ROWS)
            .query(|_| "?limit=1000".to_owned())
            .rpc(|_| {
                let message = pb::ListStuckRequest { limit: 1000 };
                let path = "/vigie.audit.v1.AuditOperationsService/ListStuck";
                rpc(path, &message)
            }),
    ]
}

fn one() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/audits/{audit_id}/logs", AUDIT).rpc(|ids| {
            let message = pb::ListAuditLogsRequest {
                audit_id: ids.audit.clone(),
                limit: 10,
                ..pb::ListAuditLogsRequest::default()
            };
            let path = "/vigie.audit.v1.AuditOperationsService/ListAuditLogs";
            rpc(path, &message)
        }),
        Row::new("PATCH", "/api/audits/{audit_id}", AUDIT)
            .body(|_| json!({ "notes": "read" }))
            .rpc(|ids| {
                let message = pb::UpdateAuditRequest {
                    audit_id: ids.audit.clone(),
                    body_json: json!({ "notes": "read again" }).to_string(),
                };
                rpc(
                    "/vigie.audit.v1.AuditOperationsService/UpdateAudit",
                    &message,
                )
            }),
        Row::new("DELETE", "/api/audits/{audit_id}", AUDIT)
            .about_spare()
            .rpc(|ids| {
                let message = pb::UpdateAuditRequest {
                    audit_id: ids.spare.clone(),
                    body_json: json!({ "deleted": true }).to_string(),
                };
                rpc(
                    "/vigie.audit.v1.AuditOperationsService/UpdateAudit",
                    &message,
                )
            }),
        Row::new("POST", "/api/audits/{audit_id}/cancel", ENDED)
            .about_spare()
            .body(|_| json!({}))
            .rpc(|ids| {
                let audit_id = ids.spare.clone();
                let message = pb::CancelAuditRequest { audit_id };
                rpc(
                    "/vigie.audit.v1.AuditOperationsService/CancelAudit",
                    &message,
                )
            }),
        Row::new(
            "GET",
            "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}",
            AUDIT,
        )
        .rpc(|ids| {
            let message = pb::GetControlPointRequest {
                audit_id: ids.audit.clone(),
                step_position: "1".to_owned(),
                control_point_index: "1".to_owned(),
            };
            rpc(
                "/vigie.audit.v1.AuditOperationsService/GetControlPoint",
                &message,
            )
        }),
    ]
}
