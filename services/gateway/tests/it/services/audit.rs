use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::audit_service_server::AuditService;

fn queued(fiche_id: String, config_id: i64) -> Response<pb::RunAuditResponse> {
    Response::new(pb::RunAuditResponse {
        event_id: "e".to_owned(),
        tracking_id: format!("audit-{fiche_id}-{config_id}-1"),
        audit_id: "9031".to_owned(),
        fiche_id,
        audit_config_id: config_id,
        audit_config_name: "Audit rapide".to_owned(),
        phase: "queued".to_owned(),
        queued_at: "2026-01-05T09:20:00.000Z".to_owned(),
    })
}

fn row(id: &str) -> pb::AuditRow {
    pb::AuditRow {
        id: id.to_owned(),
        score_percentage: "74".to_owned(),
        result_data_json: serde_json::json!({"audit_db_id": "9031", "audit": {"citations": [
            {"texte": "Bonjour", "recording_url": "https://records.test/7.mp3", "call_id": "7"}]}})
        .to_string(),
        ..pb::AuditRow::default()
    }
}

fn elsewhere<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not for the gateway"))
}

#[async_trait]
impl AuditService for Service {
    async fn run_audit(
        &self,
        request: Request<pb::RunAuditRequest>,
    ) -> Result<Response<pb::RunAuditResponse>, Status> {
        self.0.enter("RunAudit", &request)?;
        let request = request.into_inner();
        Ok(queued(
            request.fiche_id,
            request.audit_config_id.parse().unwrap(),
        ))
    }

    async fn run_latest(
        &self,
        request: Request<pb::RunLatestRequest>,
    ) -> Result<Response<pb::RunAuditResponse>, Status> {
        self.0.enter("RunLatest", &request)?;
        Ok(queued(request.into_inner().fiche_id, 21))
    }

    async fn list_audits(
        &self,
        request: Request<pb::ListAuditsRequest>,
    ) -> Result<Response<pb::ListAuditsResponse>, Status> {
        self.0.enter("ListAudits", &request)?;
        let limit = request
            .into_inner()
            .filters
            .get("limit")
            .map(|text| text.parse().unwrap());
        Ok(Response::new(pb::ListAuditsResponse {
            audits: vec![row("9031")],
            pagination: Some(pb::Pagination {
                total: 1,
                limit: limit.unwrap_or(100),
                ..pb::Pagination::default()
            }),
        }))
    }

    async fn list_by_fiche(
        &self,
        request: Request<pb::ListByFicheRequest>,
    ) -> Result<Response<pb::ListByFicheResponse>, Status> {
        self.0.enter("ListByFiche", &request)?;
        Ok(Response::new(pb::ListByFicheResponse {
            audits: vec![row("9031")],
        }))
    }

    async fn get_audit(
        &self,
        request: Request<pb::GetAuditRequest>,
    ) -> Result<Response<pb::GetAuditResponse>, Status> {
        self.0.enter("GetAudit", &request)?;
        Ok(Response::new(pb::GetAuditResponse {
            audit: Some(row(&request.into_inner().audit_id)),
            step_results: vec![pb::StepResult {
                step_position: 1,
                ..pb::StepResult::default()
            }],
        }))
    }

    async fn list_fiche_statuses(
        &self,
        request: Request<pb::ListFicheStatusesRequest>,
    ) -> Result<Response<pb::ListFicheStatusesResponse>, Status> {
        self.0.enter("ListFicheStatuses", &request)?;
        Ok(Response::new(pb::ListFicheStatusesResponse {
            audits: vec![pb::FicheAudit {
                fiche_id: "44".to_owned(),
                id: "912".to_owned(),
                status: "completed".to_owned(),
                score_percentage: "82.5".to_owned(),
                is_compliant: true,
                ..pb::FicheAudit::default()
            }],
        }))
    }

    async fn check_channel(
        &self,
        request: Request<pb::CheckChannelRequest>,
    ) -> Result<Response<pb::CheckChannelResponse>, Status> {
        self.0.enter("CheckChannel", &request)?;
        let channel = format!("audit-{}", request.into_inner().audit_key);
        let allowed = self.0.script().watchable.contains(&channel);
        Ok(Response::new(pb::CheckChannelResponse { allowed }))
    }

    async fn list_configs(
        &self,
        request: Request<pb::ListConfigsRequest>,
    ) -> Result<Response<pb::ListConfigsResponse>, Status> {
        self.0.enter("ListConfigs", &request)?;
        Ok(Response::new(pb::ListConfigsResponse {
            configs: Vec::new(),
        }))
    }

    async fn get_audit_context(
        &self,
        _request: Request<pb::GetAuditContextRequest>,
    ) -> Result<Response<pb::GetAuditContextResponse>, Status> {
        elsewhere()
    }

    async fn get_step_state(
        &self,
        _request: Request<pb::GetStepStateRequest>,
    ) -> Result<Response<pb::GetStepStateResponse>, Status> {
        elsewhere()
    }

    async fn list_by_tracking(
        &self,
        _request: Request<pb::ListByTrackingRequest>,
    ) -> Result<Response<pb::ListByTrackingResponse>, Status> {
        elsewhere()
    }

    async fn resolve_configs(
        &self,
        _request: Request<pb::ResolveConfigsRequest>,
    ) -> Result<Response<pb::ResolveConfigsResponse>, Status> {
        elsewhere()
    }
}
