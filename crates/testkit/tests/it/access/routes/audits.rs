use super::{Reach, Row, Rule, names_fiche};
use crate::access::direct::Rpc;
use crate::access::world::Ids;
use prost::Message;
use serde_json::{Value, json};
use std::collections::HashMap;
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::automation::v1::DescribeLinksRequest;
use vigie_testkit::stack::Service;

const OK: Rule = Rule::any(&[200]);
pub(super) const AUDIT: Rule = Rule::of(Reach::Scoped, &[200], 403);
/// Other weights are for everybody's audits.
const EVERYBODYS: Rule = Rule::of(Reach::OnlyAll, &[200], 403);
pub(super) const ROWS: Rule = Rule::rows(Reach::Scoped, names_fiche);

pub(super) fn rpc<M: Message>(path: &'static str, message: &M) -> Rpc {
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

pub(super) fn rows() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/audits", ROWS)
            .query(|_| "?limit=100".to_owned())
            .rpc(|_| {
                let filters = HashMap::from([("limit".to_owned(), "100".to_owned())]);
                let message = pb::ListAuditsRequest { filters };
                rpc("/vigie.audit.v1.AuditService/ListAudits", &message)
            }),
        // Names of schedules and runs, for whoever reads audits.
        Row::new("GET", "/api/audits", OK)
            .query(|_| "?limit=1".to_owned())
            .rpc(|_| {
                let path = "/vigie.automation.v1.LinkService/DescribeLinks";
                let message = DescribeLinksRequest::default();
                Rpc::new(Service::Automation, path, &message)
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
        Row::new("POST", "/api/audits/rescore", EVERYBODYS)
            .body(|ids| json!({ "auditConfigId": ids.config }))
            .rpc(|ids| {
                let message = pb::RescoreAuditsRequest {
                    audit_config_id: ids.config.clone(),
                    batch: 100,
                    ..pb::RescoreAuditsRequest::default()
                };
                rpc("/vigie.audit.v1.RescoreService/RescoreAudits", &message)
            }),
        Row::new("GET", "/api/audits/control-points/statuses", OK),
        Row::new("GET", "/api/audits/{audit_id}", AUDIT).rpc(|ids| {
            let message = pb::GetAuditRequest {
                audit_id: ids.audit.clone(),
            };
            rpc("/vigie.audit.v1.AuditService/GetAudit", &message)
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
        rpc(
            "/vigie.audit.v1.ReviewService/GetRerun",
            &pb::GetRerunRequest::default(),
        ),
    ]
}
