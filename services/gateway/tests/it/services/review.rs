use super::Service;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::ReviewService;

fn point(
    audit_id: String,
    step_position: i32,
    index: i32,
    statut: &str,
) -> pb::ReviewedControlPoint {
    pb::ReviewedControlPoint {
        audit_id,
        step_position,
        control_point_index: index,
        point: "Budget mensuel demandé".to_owned(),
        statut: statut.to_owned(),
        commentaire: "Budget évoqué sans montant.".to_owned(),
        verdict: statut.to_owned(),
        verdict_source: "human".to_owned(),
        lock_version: 3,
    }
}

fn queued(step_position: i32) -> pb::QueuedRerun {
    pb::QueuedRerun {
        step_position,
        rerun_id: format!("rerun-9031-{step_position}-e"),
        event_id: "e".to_owned(),
    }
}

#[async_trait]
impl ReviewService for Service {
    async fn review_step(
        &self,
        request: Request<pb::ReviewStepRequest>,
    ) -> Result<Response<pb::ReviewStepResponse>, Status> {
        self.0.enter("ReviewStep", &request)?;
        self.0.note("ReviewStep", request.get_ref());
        let request = request.into_inner();
        Ok(Response::new(pb::ReviewStepResponse {
            step: Some(pb::StepResult {
                audit_id: request.audit_id,
                step_position: request.step_position,
                conforme: request.conforme,
                ..pb::StepResult::default()
            }),
            lock_version: 4,
        }))
    }

    async fn revoke_step_review(
        &self,
        request: Request<pb::RevokeStepReviewRequest>,
    ) -> Result<Response<pb::RevokeStepReviewResponse>, Status> {
        self.0.enter("RevokeStepReview", &request)?;
        self.0.note("RevokeStepReview", request.get_ref());
        Ok(Response::new(pb::RevokeStepReviewResponse {
            step: Some(pb::StepResult::default()),
            lock_version: 5,
        }))
    }

    async fn review_control_point(
        &self,
        request: Request<pb::ReviewControlPointRequest>,
    ) -> Result<Response<pb::ReviewControlPointResponse>, Status> {
        self.0.enter("ReviewControlPoint", &request)?;
        let request = request.into_inner();
        let statut = request.statut.unwrap_or_default();
        let (position, index) = (request.step_position, request.control_point_index);
        Ok(Response::new(pb::ReviewControlPointResponse {
            control_point: Some(point(request.audit_id, position, index, &statut)),
        }))
    }

    async fn revoke_control_point_review(
        &self,
        request: Request<pb::RevokeControlPointReviewRequest>,
    ) -> Result<Response<pb::RevokeControlPointReviewResponse>, Status> {
        self.0.enter("RevokeControlPointReview", &request)?;
        let request = request.into_inner();
        let (position, index) = (request.step_position, request.control_point_index);
        Ok(Response::new(pb::RevokeControlPointReviewResponse {
            control_point: Some(point(request.audit_id, position, index, "PARTIEL")),
        }))
    }

    async fn rerun_step(
        &self,
        request: Request<pb::RerunStepRequest>,
    ) -> Result<Response<pb::RerunStepResponse>, Status> {
        self.0.enter("RerunStep", &request)?;
        self.0.note("RerunStep", request.get_ref());
        let rerun = Some(queued(request.get_ref().step_position));
        Ok(Response::new(pb::RerunStepResponse { rerun }))
    }

    async fn rerun_control_point(
        &self,
        request: Request<pb::RerunControlPointRequest>,
    ) -> Result<Response<pb::RerunControlPointResponse>, Status> {
        self.0.enter("RerunControlPoint", &request)?;
        let rerun = Some(queued(request.get_ref().step_position));
        Ok(Response::new(pb::RerunControlPointResponse { rerun }))
    }

    async fn rerun_fallback(
        &self,
        request: Request<pb::RerunFallbackRequest>,
    ) -> Result<Response<pb::RerunFallbackResponse>, Status> {
        self.0.enter("RerunFallback", &request)?;
        let reruns = vec![queued(2), queued(5)];
        Ok(Response::new(pb::RerunFallbackResponse { reruns }))
    }

    async fn get_rerun(
        &self,
        _: Request<pb::GetRerunRequest>,
    ) -> Result<Response<pb::GetRerunResponse>, Status> {
        Err(Status::unimplemented("not for the gateway"))
    }
}
