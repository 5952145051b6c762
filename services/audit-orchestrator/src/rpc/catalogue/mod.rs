//! `vigie.audit.v1.ConfigService` (`audits.md` 7): the catalogue of configurations. It has no row scope.

mod changed;
mod edit;
mod encode;
mod error;
mod read;
mod steps;

use super::operations::user_of;
use crate::app::AppState;
use changed::Actor;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1 as pb;
use vigie_contracts::audit::v1::config_service_server::{ConfigService, ConfigServiceServer};
use vigie_identity::{Caller, Guard};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

const READ: Guard = Guard::parse("audit-configs.read");
const WRITE: Guard = Guard::parse("audit-configs.write");

/// The gRPC service.
pub fn service(state: AppState) -> ConfigServiceServer<CatalogueRpc> {
    ConfigServiceServer::new(CatalogueRpc::new(state)).max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Decodes calls and hands them to their operation.
#[derive(Clone)]
pub struct CatalogueRpc(AppState);

impl CatalogueRpc {
    /// The operations over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

/// What is asked, by one who may read.
fn reading<T>(request: Request<T>) -> Result<T, Status> {
    Caller::from_request(&request)?.require(READ)?;
    Ok(request.into_inner())
}

/// What is asked, by one who may change, and the user who asks.
fn writing<T>(request: Request<T>) -> Result<(Actor, T), Status> {
    let caller = Caller::from_request(&request)?;
    caller.require(WRITE)?;
    let actor = Actor(user_of(caller));
    Ok((actor, reading(request)?))
}

#[tonic::async_trait]
impl ConfigService for CatalogueRpc {
    async fn list_config_details(
        &self,
        request: Request<pb::ListConfigDetailsRequest>,
    ) -> Result<Response<pb::ListConfigDetailsResponse>, Status> {
        let answer = read::list(&self.0, &reading(request)?).await;
        answer.map(Response::new).map_err(status)
    }

    async fn list_config_stats(
        &self,
        request: Request<pb::ListConfigStatsRequest>,
    ) -> Result<Response<pb::ListConfigStatsResponse>, Status> {
        let answer = read::all_stats(&self.0, &reading(request)?).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_config(
        &self,
        request: Request<pb::GetConfigRequest>,
    ) -> Result<Response<pb::GetConfigResponse>, Status> {
        let answer = read::get(&self.0, &reading(request)?).await;
        answer.map(Response::new).map_err(status)
    }

    async fn create_config(
        &self,
        request: Request<pb::CreateConfigRequest>,
    ) -> Result<Response<pb::CreateConfigResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = edit::create(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn update_config(
        &self,
        request: Request<pb::UpdateConfigRequest>,
    ) -> Result<Response<pb::UpdateConfigResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = edit::update(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn delete_config(
        &self,
        request: Request<pb::DeleteConfigRequest>,
    ) -> Result<Response<pb::DeleteConfigResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = edit::delete(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn add_step(
        &self,
        request: Request<pb::AddStepRequest>,
    ) -> Result<Response<pb::AddStepResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = steps::add(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn update_step(
        &self,
        request: Request<pb::UpdateStepRequest>,
    ) -> Result<Response<pb::UpdateStepResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = steps::update(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn delete_step(
        &self,
        request: Request<pb::DeleteStepRequest>,
    ) -> Result<Response<pb::DeleteStepResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = steps::delete(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn reorder_steps(
        &self,
        request: Request<pb::ReorderStepsRequest>,
    ) -> Result<Response<pb::ReorderStepsResponse>, Status> {
        let (actor, request) = writing(request)?;
        let answer = steps::reorder(&self.0, actor, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn validate_config(
        &self,
        request: Request<pb::ValidateConfigRequest>,
    ) -> Result<Response<pb::ValidateConfigResponse>, Status> {
        let answer = read::validate(&self.0, &reading(request)?).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_config_stats(
        &self,
        request: Request<pb::GetConfigStatsRequest>,
    ) -> Result<Response<pb::GetConfigStatsResponse>, Status> {
        let answer = read::stats(&self.0, &reading(request)?).await;
        answer.map(Response::new).map_err(status)
    }
}
