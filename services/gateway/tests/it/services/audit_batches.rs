use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::batch_service_server::BatchService;

fn batch(batch_id: String, status: &str) -> pb::AuditBatch {
    pb::AuditBatch {
        batch_id,
        status: status.to_owned(),
        sequence: 3,
        total: 2,
        completed: 1,
        succeeded: 1,
        failed: 0,
        audit_config_id: 21,
        started_at: "2031-04-02T07:14:02.118Z".to_owned(),
        completed_at: None,
        items: vec![pb::AuditBatchItem {
            fiche_id: "44".to_owned(),
            tracking_id: "batch-b-audit-44-21".to_owned(),
            audit_id: Some("9031".to_owned()),
            status: "completed".to_owned(),
            error: None,
        }],
    }
}

#[async_trait]
impl BatchService for Service {
    async fn start_batch(
        &self,
        request: Request<pb::StartBatchRequest>,
    ) -> Result<Response<pb::StartBatchResponse>, Status> {
        self.0.enter("StartAuditBatch", &request)?;
        let request = request.into_inner();
        self.0.note("StartAuditBatch", &request);
        Ok(Response::new(pb::StartBatchResponse {
            batch_id: "batch-1767604800000-2".to_owned(),
            fiche_ids: request.fiche_ids,
            audit_config_id: 21,
            event_ids: vec!["batch-1767604800000-2".to_owned()],
        }))
    }

    async fn get_batch(
        &self,
        request: Request<pb::GetBatchRequest>,
    ) -> Result<Response<pb::GetBatchResponse>, Status> {
        self.0.enter("GetAuditBatch", &request)?;
        let request = request.into_inner();
        self.0.note("GetAuditBatch", &request);
        let batch = Some(batch(request.batch_id, "running"));
        Ok(Response::new(pb::GetBatchResponse { batch }))
    }

    async fn cancel_batch(
        &self,
        request: Request<pb::CancelBatchRequest>,
    ) -> Result<Response<pb::CancelBatchResponse>, Status> {
        self.0.enter("CancelAuditBatch", &request)?;
        let batch = Some(batch(request.into_inner().batch_id, "cancelled"));
        Ok(Response::new(pb::CancelBatchResponse { batch }))
    }
}
