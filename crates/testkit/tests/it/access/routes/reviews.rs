use super::audits::{AUDIT, rpc};
use super::{Reach, Row, Rule};
use serde_json::json;
use vigie_contracts::audit::v1 as pb;

/// Taken back, or there was nothing to take back.
const REVOKED: Rule = Rule::of(Reach::Scoped, &[200, 404], 403);
/// Queued, or queued a moment before, or nothing to do.
const AGAIN: Rule = Rule::of(Reach::Scoped, &[200, 409], 403);

const STEP: &str = "/api/audits/{audit_id}/steps/{step_position}/review";
const POINT: &str =
    "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/review";
const POINT_AGAIN: &str =
    "/api/audits/{audit_id}/steps/{step_position}/control-points/{control_point_index}/rerun";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = decisions();
    rows.extend(reruns());
    rows
}

fn decisions() -> Vec<Row> {
    vec![
        Row::new("PATCH", STEP, AUDIT)
            .body(|_| json!({ "conforme": "PARTIEL" }))
            .rpc(|ids| {
                let message = pb::ReviewStepRequest {
                    audit_id: ids.audit.clone(),
                    step_position: 1,
                    conforme: "CONFORME".to_owned(),
                    ..pb::ReviewStepRequest::default()
                };
                rpc("/vigie.audit.v1.ReviewService/ReviewStep", &message)
            }),
        Row::new("DELETE", STEP, REVOKED).rpc(|ids| {
            let message = pb::RevokeStepReviewRequest {
                audit_id: ids.audit.clone(),
                step_position: 1,
                ..pb::RevokeStepReviewRequest::default()
            };
            rpc("/vigie.audit.v1.ReviewService/RevokeStepReview", &message)
        }),
        Row::new("PATCH", POINT, AUDIT)
            .body(|_| json!({ "commentaire": "heard" }))
            .rpc(|ids| {
                let message = pb::ReviewControlPointRequest {
                    audit_id: ids.audit.clone(),
                    step_position: 1,
                    control_point_index: 1,
                    commentaire: Some("heard again".to_owned()),
                    ..pb::ReviewControlPointRequest::default()
                };
                rpc("/vigie.audit.v1.ReviewService/ReviewControlPoint", &message)
            }),
        Row::new("DELETE", POINT, REVOKED).rpc(|ids| {
            let message = pb::RevokeControlPointReviewRequest {
                audit_id: ids.audit.clone(),
                step_position: 1,
                control_point_index: 1,
                ..pb::RevokeControlPointReviewRequest::default()
            };
            let path = "/vigie.audit.v1.ReviewService/RevokeControlPointReview";
            rpc(path, &message)
        }),
    ]
}

fn reruns() -> Vec<Row> {
    vec![
        Row::new(
            "POST",
            "/api/audits/{audit_id}/steps/{step_position}/rerun",
            AGAIN,
        )
        .body(|_| json!({}))
        .rpc(|ids| {
            let message = pb::RerunStepRequest {
                audit_id: ids.audit.clone(),
                step_position: 1,
                ..pb::RerunStepRequest::default()
            };
            rpc("/vigie.audit.v1.ReviewService/RerunStep", &message)
        }),
        Row::new("POST", POINT_AGAIN, AGAIN)
            .body(|_| json!({}))
            .rpc(|ids| {
                let message = pb::RerunControlPointRequest {
                    audit_id: ids.audit.clone(),
                    step_position: 1,
                    control_point_index: 1,
                    ..pb::RerunControlPointRequest::default()
                };
                rpc("/vigie.audit.v1.ReviewService/RerunControlPoint", &message)
            }),
        Row::new("POST", "/api/audits/{audit_id}/rerun-fallback", AGAIN)
            .body(|_| json!({}))
            .rpc(|ids| {
                let audit_id = ids.audit.clone();
                let message = pb::RerunFallbackRequest { audit_id };
                rpc("/vigie.audit.v1.ReviewService/RerunFallback", &message)
            }),
    ]
}
