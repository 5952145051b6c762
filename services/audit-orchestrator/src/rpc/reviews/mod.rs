//! `vigie.audit.v1.ReviewService`: human decisions about results, and re-runs (`audits.md` 8).

mod point;
mod rerun;
mod step;
mod target;

pub use target::ReviewError;

use crate::app::AppState;
use crate::rpc::open;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::review_service_server::{ReviewService, ReviewServiceServer};
use vigie_identity::ServiceName;
use vigie_service::status;

/// The gRPC service.
pub fn service(state: AppState) -> ReviewServiceServer<ReviewRpc> {
    ReviewServiceServer::new(ReviewRpc::new(state))
}

/// Decodes calls and hands them to their operation.
#[derive(Clone)]
pub struct ReviewRpc(AppState);

impl ReviewRpc {
    /// The operations over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl ReviewService for ReviewRpc {
    async fn review_step(
        &self,
        request: Request<pb::ReviewStepRequest>,
    ) -> Result<Response<pb::ReviewStepResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::WRITE)?;
        let answer = step::review(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn revoke_step_review(
        &self,
        request: Request<pb::RevokeStepReviewRequest>,
    ) -> Result<Response<pb::RevokeStepReviewResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::WRITE)?;
        let answer = step::revoke(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn review_control_point(
        &self,
        request: Request<pb::ReviewControlPointRequest>,
    ) -> Result<Response<pb::ReviewControlPointResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::WRITE)?;
        let answer = point::review(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn revoke_control_point_review(
        &self,
        request: Request<pb::RevokeControlPointReviewRequest>,
    ) -> Result<Response<pb::RevokeControlPointReviewResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::WRITE)?;
        let answer = point::revoke(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn rerun_step(
        &self,
        request: Request<pb::RerunStepRequest>,
    ) -> Result<Response<pb::RerunStepResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::RERUN)?;
        let answer = rerun::step(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn rerun_control_point(
        &self,
        request: Request<pb::RerunControlPointRequest>,
    ) -> Result<Response<pb::RerunControlPointResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::RERUN)?;
        let answer = rerun::point(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn rerun_fallback(
        &self,
        request: Request<pb::RerunFallbackRequest>,
    ) -> Result<Response<pb::RerunFallbackResponse>, Status> {
        let (caller, request) = open(request)?;
        let scope = caller.require(target::RERUN)?;
        let answer = rerun::fallback(&self.0, &caller, &scope, request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_rerun(
        &self,
        request: Request<pb::GetRerunRequest>,
    ) -> Result<Response<pb::GetRerunResponse>, Status> {
        let (caller, request) = open(request)?;
        caller.require_service(&[ServiceName::StepAnalyzer])?;
        let answer = rerun::get(&self.0, &request).await;
        answer.map(Response::new).map_err(status)
    }
}
