//! `vigie.automation.v1.AutomationService`, one file an operation.

mod cancel;
mod create;
mod encode;
mod error;
pub mod links;
mod runs;
mod schedules;
mod trigger;

pub use error::RpcError;

use crate::app::AppState;
use crate::domain::access::Reach;
use tonic::{Request, Response, Status};
use vigie_contracts::automation::v1::automation_service_server::{
    AutomationService, AutomationServiceServer,
};
use vigie_contracts::automation::v1::{
    CancelRunRequest, CancelRunResponse, CreateScheduleRequest, CreateScheduleResponse,
    GetRunRequest, GetRunResponse, GetScheduleRequest, GetScheduleResponse, ListRunsRequest,
    ListRunsResponse, ListSchedulesRequest, ListSchedulesResponse, TriggerRequest, TriggerResponse,
};
use vigie_identity::{Caller, Guard, Principal};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

const READ: Guard = Guard::parse("automation.read");
const WRITE: Guard = Guard::parse("automation.write");

/// The gRPC service.
pub fn service(state: AppState) -> AutomationServiceServer<AutomationRpc> {
    AutomationServiceServer::new(AutomationRpc::new(state))
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

/// Decodes calls and hands them to their operation.
pub struct AutomationRpc(AppState);

impl AutomationRpc {
    /// Over these parts.
    pub fn new(state: AppState) -> Self {
        Self(state)
    }
}

/// Splits a request into who calls and what is asked.
fn open<T>(request: Request<T>) -> Result<(Caller, T), Status> {
    let caller = Caller::from_request(&request)?.clone();
    Ok((caller, request.into_inner()))
}

/// What the caller may read.
fn reading(caller: &Caller) -> Result<Reach, Status> {
    let scope = caller.require(READ)?;
    Ok(Reach::of(caller.principal()?, &scope))
}

/// What the caller may change. Writing asks for both flags.
fn writing(caller: &Caller) -> Result<(Reach, &Principal), Status> {
    caller.require(READ)?;
    let scope = caller.require(WRITE)?;
    let principal = caller.principal()?;
    Ok((Reach::of(principal, &scope), principal))
}

#[tonic::async_trait]
impl AutomationService for AutomationRpc {
    async fn create_schedule(
        &self,
        request: Request<CreateScheduleRequest>,
    ) -> Result<Response<CreateScheduleResponse>, Status> {
        let (caller, request) = open(request)?;
        let (_, principal) = writing(&caller)?;
        let answer = create::create_schedule(&self.0, principal, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn list_schedules(
        &self,
        request: Request<ListSchedulesRequest>,
    ) -> Result<Response<ListSchedulesResponse>, Status> {
        let (caller, request) = open(request)?;
        let reach = reading(&caller)?;
        let answer = schedules::list(&self.0, &reach, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_schedule(
        &self,
        request: Request<GetScheduleRequest>,
    ) -> Result<Response<GetScheduleResponse>, Status> {
        let (caller, request) = open(request)?;
        let reach = reading(&caller)?;
        let answer = schedules::get(&self.0, &reach, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn trigger(
        &self,
        request: Request<TriggerRequest>,
    ) -> Result<Response<TriggerResponse>, Status> {
        let (caller, request) = open(request)?;
        let (reach, principal) = writing(&caller)?;
        // The fiches of the run are in the caller's reading scope, or it does not start.
        let fiches = caller.require(trigger::FICHES)?;
        let answer = trigger::Trigger {
            state: &self.0,
            caller: &caller,
            principal,
            reach,
            fiches,
        };
        answer
            .run(&request)
            .await
            .map(Response::new)
            .map_err(status)
    }

    async fn list_runs(
        &self,
        request: Request<ListRunsRequest>,
    ) -> Result<Response<ListRunsResponse>, Status> {
        let (caller, request) = open(request)?;
        let reach = reading(&caller)?;
        let answer = runs::list(&self.0, &reach, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn get_run(
        &self,
        request: Request<GetRunRequest>,
    ) -> Result<Response<GetRunResponse>, Status> {
        let (caller, request) = open(request)?;
        let reach = reading(&caller)?;
        let answer = runs::get(&self.0, &reach, &request).await;
        answer.map(Response::new).map_err(status)
    }

    async fn cancel_run(
        &self,
        request: Request<CancelRunRequest>,
    ) -> Result<Response<CancelRunResponse>, Status> {
        let (caller, request) = open(request)?;
        let (reach, principal) = writing(&caller)?;
        let answer = cancel::cancel_run(&self.0, principal, &reach, &request).await;
        answer.map(Response::new).map_err(status)
    }
}
