//! `vigie.auth.v1.AuthService`, one file an RPC or a noun; administration has a service of its own.

pub mod account;
pub mod admin;
mod internal;
mod login;
mod me;
pub mod principal;
mod refresh;
mod session;
mod throttle;
mod tickets;
pub mod trust;

use crate::app::AppState;
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::auth_service_server::{AuthService, AuthServiceServer};

/// RPCs that need no token: their credential is in the request.
pub const PUBLIC: &[&str] = &[
    "/vigie.auth.v1.AuthService/Login",
    "/vigie.auth.v1.AuthService/Refresh",
    "/vigie.auth.v1.AuthService/Logout",
    "/vigie.auth.v1.AuthService/GetJwks",
    "/vigie.auth.v1.AuthService/IssueInternalToken",
    "/vigie.auth.v1.AccountService/AcceptInvite",
    "/vigie.auth.v1.AccountService/ResetPassword",
];

/// The gRPC service.
pub fn service(state: AppState) -> AuthServiceServer<impl AuthService> {
    AuthServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

#[tonic::async_trait]
impl AuthService for Rpc {
    async fn login(
        &self,
        request: Request<pb::LoginRequest>,
    ) -> Result<Response<pb::LoginResponse>, Status> {
        login::login(&self.state, request)
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn refresh(
        &self,
        request: Request<pb::RefreshRequest>,
    ) -> Result<Response<pb::RefreshResponse>, Status> {
        refresh::refresh(&self.state, request)
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn logout(
        &self,
        request: Request<pb::LogoutRequest>,
    ) -> Result<Response<pb::LogoutResponse>, Status> {
        refresh::logout(&self.state, request)
            .await
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn get_me(
        &self,
        request: Request<pb::GetMeRequest>,
    ) -> Result<Response<pb::GetMeResponse>, Status> {
        me::get_me(&self.state, &request).await.map(Response::new)
    }

    async fn get_jwks(
        &self,
        _: Request<pb::GetJwksRequest>,
    ) -> Result<Response<pb::GetJwksResponse>, Status> {
        Ok(Response::new(internal::jwks(&self.state)))
    }

    async fn issue_internal_token(
        &self,
        request: Request<pb::IssueInternalTokenRequest>,
    ) -> Result<Response<pb::IssueInternalTokenResponse>, Status> {
        internal::issue(&self.state, request.into_inner())
            .map_err(vigie_service::status)
            .map(Response::new)
    }

    async fn exchange_api_token(
        &self,
        request: Request<pb::ExchangeApiTokenRequest>,
    ) -> Result<Response<pb::ExchangeApiTokenResponse>, Status> {
        internal::exchange(&self.state, request)
            .await
            .map(Response::new)
    }

    async fn issue_stream_ticket(
        &self,
        request: Request<pb::IssueStreamTicketRequest>,
    ) -> Result<Response<pb::IssueStreamTicketResponse>, Status> {
        tickets::issue(&self.state, request)
            .await
            .map(Response::new)
    }

    async fn redeem_stream_ticket(
        &self,
        request: Request<pb::RedeemStreamTicketRequest>,
    ) -> Result<Response<pb::RedeemStreamTicketResponse>, Status> {
        tickets::redeem(&self.state, request)
            .await
            .map(Response::new)
    }
}

/// The one issue of a refused field.
fn invalid(path: &str, message: &str) -> vigie_service::Detail {
    vigie_service::Detail {
        path: path.to_owned(),
        code: "invalid".to_owned(),
        message: message.to_owned(),
    }
}
