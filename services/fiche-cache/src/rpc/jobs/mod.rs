//! `vigie.fiche.v1.FicheJobService`: days of sales and the jobs that fetch them.

mod days;
mod error;
mod job;
mod range;
mod select;

pub(super) use error::JobRpcError;
pub(super) use job::{limit, visible};

use super::{FICHES_READ, FICHES_WRITE, READERS};
use crate::app::AppState;
use crate::domain::jobs::Job;
use tonic::{Request, Response, Status};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_job_service_server::{
    FicheJobService, FicheJobServiceServer,
};
use vigie_identity::{Caller, FicheScope, Principal, PrincipalKind, ServiceName};
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

/// Services that have days fetched for themselves.
const REVALIDATORS: &[ServiceName] = &[ServiceName::Automation];

/// The gRPC service.
pub fn service(state: AppState) -> FicheJobServiceServer<impl FicheJobService> {
    FicheJobServiceServer::new(Rpc { state })
        .max_decoding_message_size(MAX_MESSAGE_BYTES)
        .max_encoding_message_size(MAX_MESSAGE_BYTES)
}

struct Rpc {
    state: AppState,
}

/// Somebody who asks for jobs.
pub(super) struct Owner {
    /// As it stands in a job's row.
    pub(super) key: String,
    /// What they see.
    pub(super) scope: FicheScope,
}

impl Owner {
    pub(super) fn of(principal: &Principal, scope: FicheScope) -> Self {
        let key = match &principal.kind {
            PrincipalKind::User(id) => format!("user:{id}"),
            PrincipalKind::Machine(name) => format!("machine:{name}"),
        };
        Self { key, scope }
    }

    /// Who sees a job: its creator, and who sees everything.
    pub(super) fn may_see(&self, job: &Job) -> bool {
        self.scope.all() || job.created_by == self.key
    }
}

fn reader<T>(request: &Request<T>) -> Result<Owner, Status> {
    let caller = Caller::from_request(request)?;
    let scope = caller.require(FICHES_READ)?;
    Ok(Owner::of(caller.principal()?, scope))
}

#[tonic::async_trait]
impl FicheJobService for Rpc {
    async fn list_by_date_range(
        &self,
        request: Request<pb::ListByDateRangeRequest>,
    ) -> Result<Response<pb::ListByDateRangeResponse>, Status> {
        let owner = reader(&request)?;
        if request.get_ref().refresh {
            Caller::from_request(&request)?.require(FICHES_WRITE)?;
        }
        range::list_by_date_range(&self.state, &owner, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_fetch_job(
        &self,
        request: Request<pb::GetFetchJobRequest>,
    ) -> Result<Response<pb::GetFetchJobResponse>, Status> {
        let owner = reader(&request)?;
        job::get_fetch_job(&self.state, &owner, &request.get_ref().job_id)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn poll_fetch_job(
        &self,
        request: Request<pb::PollFetchJobRequest>,
    ) -> Result<Response<pb::PollFetchJobResponse>, Status> {
        let owner = reader(&request)?;
        job::poll_fetch_job(&self.state, &owner, &request.get_ref().job_id)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn list_fetch_jobs(
        &self,
        request: Request<pb::ListFetchJobsRequest>,
    ) -> Result<Response<pb::ListFetchJobsResponse>, Status> {
        let owner = reader(&request)?;
        job::list_fetch_jobs(&self.state, &owner, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn select_fiches(
        &self,
        request: Request<pb::SelectFichesRequest>,
    ) -> Result<Response<pb::SelectFichesResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        let scope = caller.require_or_service(FICHES_READ, READERS)?;
        let own = caller.principal.is_some();
        select::select_fiches(&self.state, &scope, own, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn revalidate_days(
        &self,
        request: Request<pb::RevalidateDaysRequest>,
    ) -> Result<Response<pb::RevalidateDaysResponse>, Status> {
        Caller::from_request(&request)?.require_service(REVALIDATORS)?;
        days::revalidate_days(&self.state, request.into_inner())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn get_days(
        &self,
        request: Request<pb::GetDaysRequest>,
    ) -> Result<Response<pb::GetDaysResponse>, Status> {
        Caller::from_request(&request)?.require_or_service(FICHES_READ, READERS)?;
        days::get_days(&self.state, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }
}
