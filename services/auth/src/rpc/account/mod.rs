//! `vigie.auth.v1.AccountService`: what people do with their own account.

mod error;
mod links;
mod own;
mod password;
mod sessions;

pub use error::AccountError;

use crate::app::AppState;
use own::Own;
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::account_service_server::{AccountService, AccountServiceServer};
use vigie_service::status;

/// The gRPC service.
pub fn service(state: AppState) -> AccountServiceServer<impl AccountService> {
    AccountServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

#[tonic::async_trait]
impl AccountService for Rpc {
    async fn accept_invite(
        &self,
        request: Request<pb::AcceptInviteRequest>,
    ) -> Result<Response<pb::AcceptInviteResponse>, Status> {
        let answer = links::accept_invite(&self.state, request).await;
        answer.map_err(status).map(Response::new)
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        let answer = links::reset_password(&self.state, request).await;
        answer.map_err(status).map(Response::new)
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        let own = Own::of(&request)?;
        let answer = password::change(&self.state, &own, request.into_inner()).await;
        answer.map_err(status).map(Response::new)
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        let own = Own::of(&request)?;
        let answer = sessions::list(&self.state, &own).await;
        answer.map_err(status).map(Response::new)
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        let own = Own::of(&request)?;
        let answer = sessions::revoke(&self.state, &own, request.into_inner()).await;
        answer.map_err(status).map(Response::new)
    }

    async fn log_out_everywhere(
        &self,
        request: Request<pb::LogOutEverywhereRequest>,
    ) -> Result<Response<pb::LogOutEverywhereResponse>, Status> {
        let own = Own::of(&request)?;
        let answer = sessions::log_out_everywhere(&self.state, &own).await;
        answer.map_err(status).map(Response::new)
    }
}
