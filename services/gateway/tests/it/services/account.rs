use super::Service;
use crate::world::refused;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::account_service_server::AccountService;
use vigie_service::ErrorCode;

#[async_trait]
impl AccountService for Service {
    async fn accept_invite(
        &self,
        request: Request<pb::AcceptInviteRequest>,
    ) -> Result<Response<pb::AcceptInviteResponse>, Status> {
        self.0.enter("AcceptInvite", &request)?;
        let request = request.into_inner();
        if request.invite_token.starts_with("used") {
            let message = "Invite token already used";
            return Err(refused(ErrorCode::Authentication, message));
        }
        let session = Some(self.session(request.client));
        Ok(Response::new(pb::AcceptInviteResponse { session }))
    }

    async fn reset_password(
        &self,
        request: Request<pb::ResetPasswordRequest>,
    ) -> Result<Response<pb::ResetPasswordResponse>, Status> {
        self.0.enter("ResetPassword", &request)?;
        let session = Some(self.session(request.into_inner().client));
        Ok(Response::new(pb::ResetPasswordResponse { session }))
    }

    async fn change_password(
        &self,
        request: Request<pb::ChangePasswordRequest>,
    ) -> Result<Response<pb::ChangePasswordResponse>, Status> {
        self.0.enter("ChangePassword", &request)?;
        if request.get_ref().current_password != "right" {
            let message = "Invalid current password";
            return Err(refused(ErrorCode::Authentication, message));
        }
        Ok(Response::new(pb::ChangePasswordResponse { changed: true }))
    }

    async fn list_sessions(
        &self,
        request: Request<pb::ListSessionsRequest>,
    ) -> Result<Response<pb::ListSessionsResponse>, Status> {
        self.0.enter("ListSessions", &request)?;
        let session = pb::SessionInfo {
            sid: "s".to_owned(),
            current: true,
            ..pb::SessionInfo::default()
        };
        Ok(Response::new(pb::ListSessionsResponse {
            sessions: vec![session],
            count: 1,
        }))
    }

    async fn revoke_session(
        &self,
        request: Request<pb::RevokeSessionRequest>,
    ) -> Result<Response<pb::RevokeSessionResponse>, Status> {
        self.0.enter("RevokeSession", &request)?;
        Ok(Response::new(pb::RevokeSessionResponse { revoked: true }))
    }

    async fn log_out_everywhere(
        &self,
        request: Request<pb::LogOutEverywhereRequest>,
    ) -> Result<Response<pb::LogOutEverywhereResponse>, Status> {
        self.0.enter("LogOutEverywhere", &request)?;
        Ok(Response::new(pb::LogOutEverywhereResponse { revoked: 3 }))
    }
}
