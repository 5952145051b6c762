use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_operations_service_server::AuditOperationsService;

fn detail(id: String, body: &str) -> pb::GetAuditResponse {
    pb::GetAuditResponse {
        audit: Some(pb::AuditRow {
            id,
            notes: Some(body.to_owned()),
            ..pb::AuditRow::default()
        }),
        step_results: Vec::new(),
    }
}

#[async_trait]
impl AuditOperationsService for Service {
    /// One group without a key, and one with.
    async fn group_audits(
        &self,
        request: Request<pb::GroupAuditsRequest>,
    ) -> Result<Response<pb::GroupAuditsResponse>, Status> {
        self.0.enter("GroupAudits", &request)?;
        let group_by = request.into_inner().filters.remove("group_by");
        let with_key = pb::AuditGroup {
            key: Some("7".to_owned()),
            count: 2,
            avg_score: Some(78.5),
            status_counts: Some(pb::StatusCounts {
                completed: Some(2),
                ..pb::StatusCounts::default()
            }),
            automation_run: Some(pb::AutomationRunRef {
                id: "7".to_owned(),
                ..pb::AutomationRunRef::default()
            }),
            ..pb::AuditGroup::default()
        };
        Ok(Response::new(pb::GroupAuditsResponse {
            groups: vec![with_key, pb::AuditGroup::default()],
            pagination: Some(pb::Pagination::default()),
            group_by: group_by.unwrap_or_default(),
            bucket_size: 10,
        }))
    }

    async fn group_by_fiches(
        &self,
        request: Request<pb::GroupByFichesRequest>,
    ) -> Result<Response<pb::GroupByFichesResponse>, Status> {
        self.0.enter("GroupByFiches", &request)?;
        Ok(Response::new(pb::GroupByFichesResponse {
            fiches: vec![pb::FicheWithAudits {
                fiche: Some(pb::FicheOfAudits {
                    fiche_id: "44".to_owned(),
                    ..pb::FicheOfAudits::default()
                }),
                audits: vec![pb::AuditRow::default()],
                summary: Some(pb::AuditsSummary::default()),
            }],
            pagination: Some(pb::Pagination::default()),
        }))
    }

    async fn list_audit_logs(
        &self,
        request: Request<pb::ListAuditLogsRequest>,
    ) -> Result<Response<pb::ListAuditLogsResponse>, Status> {
        self.0.enter("ListAuditLogs", &request)?;
        let request = request.into_inner();
        self.0.note("ListAuditLogs", &request);
        Ok(Response::new(pb::ListAuditLogsResponse {
            logs: vec![pb::AuditLogEntry {
                trace_id: Some(request.audit_id),
                data_json: "{\"attempt\":1}".to_owned(),
                ..pb::AuditLogEntry::default()
            }],
        }))
    }

    async fn update_audit(
        &self,
        request: Request<pb::UpdateAuditRequest>,
    ) -> Result<Response<pb::UpdateAuditResponse>, Status> {
        self.0.enter("UpdateAudit", &request)?;
        let request = request.into_inner();
        Ok(Response::new(pb::UpdateAuditResponse {
            detail: Some(detail(request.audit_id, &request.body_json)),
        }))
    }

    async fn cancel_audit(
        &self,
        request: Request<pb::CancelAuditRequest>,
    ) -> Result<Response<pb::CancelAuditResponse>, Status> {
        self.0.enter("CancelAudit", &request)?;
        Ok(Response::new(pb::CancelAuditResponse {
            detail: Some(detail(request.into_inner().audit_id, "cancelled")),
        }))
    }

    async fn get_control_point(
        &self,
        request: Request<pb::GetControlPointRequest>,
    ) -> Result<Response<pb::GetControlPointResponse>, Status> {
        self.0.enter("GetControlPoint", &request)?;
        let request = request.into_inner();
        Ok(Response::new(pb::GetControlPointResponse {
            point: Some(pb::ControlPointView {
                audit_id: request.audit_id,
                step_position: 3,
                control_point_index: 2,
                point: "Budget".to_owned(),
                statut: "PARTIEL".to_owned(),
                commentaire: String::new(),
                verdict: "UNVERIFIABLE".to_owned(),
                verdict_source: "ai".to_owned(),
            }),
        }))
    }

    async fn list_stuck(
        &self,
        request: Request<pb::ListStuckRequest>,
    ) -> Result<Response<pb::ListStuckResponse>, Status> {
        self.0.enter("ListStuck", &request)?;
        Ok(Response::new(pb::ListStuckResponse {
            audits: vec![pb::StuckAudit {
                audit_id: "9".to_owned(),
                ..pb::StuckAudit::default()
            }],
        }))
    }
}
