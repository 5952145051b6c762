use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::config_service_server::ConfigService;

fn config(id: &str) -> pb::ConfigDetail {
    pb::ConfigDetail {
        id: id.to_owned(),
        name: "Essai".to_owned(),
        steps: vec![pb::ConfigStep::default()],
        ..pb::ConfigDetail::default()
    }
}

fn stats(id: &str) -> pb::ConfigStats {
    pb::ConfigStats {
        id: id.to_owned(),
        total_audits: 3,
        ..pb::ConfigStats::default()
    }
}

#[async_trait]
impl ConfigService for Service {
    async fn list_config_details(
        &self,
        request: Request<pb::ListConfigDetailsRequest>,
    ) -> Result<Response<pb::ListConfigDetailsResponse>, Status> {
        self.0.enter("ListConfigDetails", &request)?;
        let configs = vec![config("1")];
        Ok(Response::new(pb::ListConfigDetailsResponse { configs }))
    }

    async fn list_config_stats(
        &self,
        request: Request<pb::ListConfigStatsRequest>,
    ) -> Result<Response<pb::ListConfigStatsResponse>, Status> {
        self.0.enter("ListConfigStats", &request)?;
        let configs = vec![stats("1")];
        Ok(Response::new(pb::ListConfigStatsResponse { configs }))
    }

    async fn get_config(
        &self,
        request: Request<pb::GetConfigRequest>,
    ) -> Result<Response<pb::GetConfigResponse>, Status> {
        self.0.enter("GetConfig", &request)?;
        let request = request.into_inner();
        let mut config = config(&request.config_id);
        config.stats = request.include_stats.then(|| stats(&request.config_id));
        let config = Some(config);
        Ok(Response::new(pb::GetConfigResponse { config }))
    }

    async fn create_config(
        &self,
        request: Request<pb::CreateConfigRequest>,
    ) -> Result<Response<pb::CreateConfigResponse>, Status> {
        self.0.enter("CreateConfig", &request)?;
        Ok(Response::new(pb::CreateConfigResponse {
            id: "9".to_owned(),
            name: request.into_inner().body_json,
        }))
    }

    async fn update_config(
        &self,
        request: Request<pb::UpdateConfigRequest>,
    ) -> Result<Response<pb::UpdateConfigResponse>, Status> {
        self.0.enter("UpdateConfig", &request)?;
        Ok(Response::new(pb::UpdateConfigResponse {
            id: request.into_inner().config_id,
            name: "Essai".to_owned(),
            steps_count: 6,
        }))
    }

    async fn delete_config(
        &self,
        request: Request<pb::DeleteConfigRequest>,
    ) -> Result<Response<pb::DeleteConfigResponse>, Status> {
        self.0.enter("DeleteConfig", &request)?;
        Ok(Response::new(pb::DeleteConfigResponse {}))
    }

    async fn add_step(
        &self,
        request: Request<pb::AddStepRequest>,
    ) -> Result<Response<pb::AddStepResponse>, Status> {
        self.0.enter("AddStep", &request)?;
        Ok(Response::new(pb::AddStepResponse {
            id: "70".to_owned(),
            name: request.into_inner().body_json,
        }))
    }

    async fn update_step(
        &self,
        request: Request<pb::UpdateStepRequest>,
    ) -> Result<Response<pb::UpdateStepResponse>, Status> {
        self.0.enter("UpdateStep", &request)?;
        let step = Some(pb::ConfigStep {
            id: request.into_inner().step_id,
            ..pb::ConfigStep::default()
        });
        Ok(Response::new(pb::UpdateStepResponse { step }))
    }

    async fn delete_step(
        &self,
        request: Request<pb::DeleteStepRequest>,
    ) -> Result<Response<pb::DeleteStepResponse>, Status> {
        self.0.enter("DeleteStep", &request)?;
        Ok(Response::new(pb::DeleteStepResponse {}))
    }

    async fn reorder_steps(
        &self,
        request: Request<pb::ReorderStepsRequest>,
    ) -> Result<Response<pb::ReorderStepsResponse>, Status> {
        self.0.enter("ReorderSteps", &request)?;
        Ok(Response::new(pb::ReorderStepsResponse {}))
    }

    async fn validate_config(
        &self,
        request: Request<pb::ValidateConfigRequest>,
    ) -> Result<Response<pb::ValidateConfigResponse>, Status> {
        self.0.enter("ValidateConfig", &request)?;
        Ok(Response::new(pb::ValidateConfigResponse {
            valid: false,
            errors: vec!["Audit config is inactive".to_owned()],
        }))
    }

    async fn get_config_stats(
        &self,
        request: Request<pb::GetConfigStatsRequest>,
    ) -> Result<Response<pb::GetConfigStatsResponse>, Status> {
        self.0.enter("GetConfigStats", &request)?;
        let stats = Some(stats(&request.into_inner().config_id));
        Ok(Response::new(pb::GetConfigStatsResponse { stats }))
    }
}
