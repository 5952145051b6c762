use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::transcription::v1 as pb;
use vigie_contracts::transcription::v1::transcription_operations_service_server::TranscriptionOperationsService;

#[async_trait]
impl TranscriptionOperationsService for Service {
    async fn start_batch(
        &self,
        request: Request<pb::StartBatchRequest>,
    ) -> Result<Response<pb::StartBatchResponse>, Status> {
        self.0.enter("StartBatch", &request)?;
        let request = request.into_inner();
        let fiches = request
            .fiche_ids
            .into_iter()
            .map(|fiche_id| pb::BatchStart {
                event_id: format!("transcribe-{fiche_id}-7"),
                run_id: format!("run-{fiche_id}"),
                state: request.priority.clone(),
                fiche_id,
            });
        Ok(Response::new(pb::StartBatchResponse {
            batch_id: "b".to_owned(),
            fiches: fiches.collect(),
        }))
    }

    async fn get_batch(
        &self,
        request: Request<pb::GetBatchRequest>,
    ) -> Result<Response<pb::GetBatchResponse>, Status> {
        self.0.enter("GetBatch", &request)?;
        Ok(Response::new(pb::GetBatchResponse {
            batch_id: request.into_inner().batch_id,
            operation_type: "transcription".to_owned(),
            total: 2,
            completed: 1,
            progress_percentage: 50,
            sequence: 2,
            ..pb::GetBatchResponse::default()
        }))
    }

    /// One line, whose data tell what was asked for.
    async fn list_logs(
        &self,
        request: Request<pb::ListLogsRequest>,
    ) -> Result<Response<pb::ListLogsResponse>, Status> {
        self.0.enter("ListLogs", &request)?;
        let request = request.into_inner();
        let asked = serde_json::json!({"level": request.level, "since": request.since,
            "until": request.until, "limit": request.limit, "offset": request.offset});
        Ok(Response::new(pb::ListLogsResponse {
            logs: vec![pb::LogEntry {
                id: "90211".to_owned(),
                workflow: "transcription".to_owned(),
                level: "info".to_owned(),
                entity_type: Some("fiche".to_owned()),
                entity_id: Some(request.fiche_id),
                trace_id: request.run_id,
                event_id: Some("e".to_owned()),
                step_name: Some("plan".to_owned()),
                message: "plan ready".to_owned(),
                data_json: asked.to_string(),
                created_at: "2031-04-02T07:14:02.118Z".to_owned(),
                function_id: None,
            }],
        }))
    }
}
