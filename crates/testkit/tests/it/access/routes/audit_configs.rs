use super::audits::rpc;
use super::{NONE, Row, Rule};
use serde_json::json;
use vigie_contracts::audit::v1 as pb;

const OK: Rule = Rule::any(&[200]);
const REFUSED: Rule = Rule::any(&[400]);
const MISSING: Rule = Rule::any(&[404]);
/// The audits of the world use it.
const IN_USE: Rule = Rule::any(&[409]);

fn nothing() -> String {
    "{}".to_owned()
}

/// Configurations have no scope; changing them takes both flags (identity.md 1.5).
pub(super) fn rows() -> Vec<Row> {
    let mut rows = read();
    rows.extend(changes());
    rows.extend(steps());
    rows
}

fn read() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/audit-configs", OK)
            .rpc(|_| {
                let message = pb::ListConfigsRequest::default();
                rpc("/vigie.audit.v1.AuditService/ListConfigs", &message)
            })
            .rpc(|_| {
                let message = pb::ListConfigDetailsRequest::default();
                rpc("/vigie.audit.v1.ConfigService/ListConfigDetails", &message)
            })
            .rpc(|_| {
                let message = pb::ListConfigStatsRequest::default();
                rpc("/vigie.audit.v1.ConfigService/ListConfigStats", &message)
            }),
        Row::new("GET", "/api/audit-configs/{config_id}", OK).rpc(|ids| {
            let message = pb::GetConfigRequest {
                config_id: ids.config.clone(),
                include_stats: true,
                include_lexical: false,
            };
            rpc("/vigie.audit.v1.ConfigService/GetConfig", &message)
        }),
        Row::new("GET", "/api/audit-configs/{config_id}/validate", OK).rpc(|ids| {
            let config_id = ids.config.clone();
            let message = pb::ValidateConfigRequest { config_id };
            rpc("/vigie.audit.v1.ConfigService/ValidateConfig", &message)
        }),
        Row::new("GET", "/api/audit-configs/{config_id}/stats", OK).rpc(|ids| {
            let config_id = ids.config.clone();
            let message = pb::GetConfigStatsRequest {
                config_id,
                include_lexical: false,
            };
            rpc("/vigie.audit.v1.ConfigService/GetConfigStats", &message)
        }),
    ]
}

fn changes() -> Vec<Row> {
    vec![
        Row::new("POST", "/api/audit-configs", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                let body_json = nothing();
                let message = pb::CreateConfigRequest { body_json };
                rpc("/vigie.audit.v1.ConfigService/CreateConfig", &message)
            }),
        Row::new("PUT", "/api/audit-configs/{config_id}", REFUSED)
            .body(|_| json!({ "name": 7 }))
            .rpc(|ids| {
                let message = pb::UpdateConfigRequest {
                    config_id: ids.config.clone(),
                    body_json: json!({ "name": 7 }).to_string(),
                };
                rpc("/vigie.audit.v1.ConfigService/UpdateConfig", &message)
            }),
        Row::new("DELETE", "/api/audit-configs/{config_id}", IN_USE).rpc(|ids| {
            let config_id = ids.config.clone();
            let message = pb::DeleteConfigRequest { config_id };
            rpc("/vigie.audit.v1.ConfigService/DeleteConfig", &message)
        }),
    ]
}

fn steps() -> Vec<Row> {
    let reorder = "/api/audit-configs/{config_id}/steps/reorder";
    vec![
        Row::new("POST", "/api/audit-configs/{config_id}/steps", REFUSED)
            .body(|_| json!({}))
            .rpc(|ids| {
                let message = pb::AddStepRequest {
                    config_id: ids.config.clone(),
                    body_json: nothing(),
                };
                rpc("/vigie.audit.v1.ConfigService/AddStep", &message)
            }),
        Row::new("PUT", "/api/audit-configs/steps/{step_id}", MISSING)
            .body(|_| json!({ "name": "x" }))
            .rpc(|_| {
                let message = pb::UpdateStepRequest {
                    step_id: NONE.to_owned(),
                    body_json: json!({ "name": "x" }).to_string(),
                };
                rpc("/vigie.audit.v1.ConfigService/UpdateStep", &message)
            }),
        Row::new("DELETE", "/api/audit-configs/steps/{step_id}", MISSING).rpc(|_| {
            let step_id = NONE.to_owned();
            let message = pb::DeleteStepRequest { step_id };
            rpc("/vigie.audit.v1.ConfigService/DeleteStep", &message)
        }),
        Row::new("PUT", reorder, REFUSED)
            .body(|_| json!({}))
            .rpc(|ids| {
                let message = pb::ReorderStepsRequest {
                    config_id: ids.config.clone(),
                    body_json: nothing(),
                };
                rpc("/vigie.audit.v1.ConfigService/ReorderSteps", &message)
            }),
    ]
}
