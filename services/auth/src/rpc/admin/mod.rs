//! `vigie.auth.v1.AdminService`, one file a noun. The guard is checked here, before anything else;
//! writes check it again against the database, under the lock of administration.

mod announce;
mod audit_events;
mod call;
mod directory;
mod error;
mod password;
mod roles;
mod service_tokens;
mod sync;
mod teams;
mod users;
mod views;

pub use directory::Directory;
pub use error::AdminError;

use crate::app::AppState;
use call::{Call, reading};
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::admin_service_server::{AdminService, AdminServiceServer};
use vigie_identity::Guard;
use vigie_service::grpc::MAX_MESSAGE_BYTES;
use vigie_service::status;

const USERS_READ: Guard = Guard::parse("admin.users.read");
const USERS_WRITE: Guard = Guard::parse("admin.users.write");
const ROLES_READ: Guard = Guard::parse("admin.roles.read");
const ROLES_WRITE: Guard = Guard::parse("admin.roles.write");
const PERMISSIONS_READ: Guard = Guard::parse("admin.permissions.read");

/// The gRPC service.
pub fn service(state: AppState, directory: Directory) -> AdminServiceServer<impl AdminService> {
    AdminServiceServer::new(Rpc { state, directory }).max_encoding_message_size(MAX_MESSAGE_BYTES)
}

struct Rpc {
    state: AppState,
    directory: Directory,
}

#[tonic::async_trait]
impl AdminService for Rpc {
    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = users::list(&self.state, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::create(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn update_user(
        &self,
        request: Request<pb::UpdateUserRequest>,
    ) -> Result<Response<pb::UpdateUserResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::update(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn import_crm_user(
        &self,
        request: Request<pb::ImportCrmUserRequest>,
    ) -> Result<Response<pb::ImportCrmUserResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::import(&self.state, &self.directory, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn issue_reset_link(
        &self,
        request: Request<pb::IssueResetLinkRequest>,
    ) -> Result<Response<pb::IssueResetLinkResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::reset_link(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn invite_user(
        &self,
        request: Request<pb::InviteUserRequest>,
    ) -> Result<Response<pb::InviteUserResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::invite(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn log_out_user(
        &self,
        request: Request<pb::LogOutUserRequest>,
    ) -> Result<Response<pb::LogOutUserResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = users::log_out(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_roles(
        &self,
        request: Request<pb::ListRolesRequest>,
    ) -> Result<Response<pb::ListRolesResponse>, Status> {
        reading(&request, ROLES_READ)?;
        let answer = roles::list(&self.state);
        answer.await.map_err(status).map(Response::new)
    }

    async fn get_role(
        &self,
        request: Request<pb::GetRoleRequest>,
    ) -> Result<Response<pb::GetRoleResponse>, Status> {
        reading(&request, ROLES_READ)?;
        let answer = roles::get(&self.state, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn create_role(
        &self,
        request: Request<pb::CreateRoleRequest>,
    ) -> Result<Response<pb::CreateRoleResponse>, Status> {
        let call = Call::open(&self.state, &request, ROLES_WRITE).await?;
        let answer = roles::create(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn update_role(
        &self,
        request: Request<pb::UpdateRoleRequest>,
    ) -> Result<Response<pb::UpdateRoleResponse>, Status> {
        let call = Call::open(&self.state, &request, ROLES_WRITE).await?;
        let answer = roles::update(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn delete_role(
        &self,
        request: Request<pb::DeleteRoleRequest>,
    ) -> Result<Response<pb::DeleteRoleResponse>, Status> {
        let call = Call::open(&self.state, &request, ROLES_WRITE).await?;
        let answer = roles::delete(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_permissions(
        &self,
        request: Request<pb::ListPermissionsRequest>,
    ) -> Result<Response<pb::ListPermissionsResponse>, Status> {
        reading(&request, PERMISSIONS_READ)?;
        let answer = roles::permissions(&self.state);
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_teams(
        &self,
        request: Request<pb::ListTeamsRequest>,
    ) -> Result<Response<pb::ListTeamsResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = teams::list(&self.state, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn upsert_team(
        &self,
        request: Request<pb::UpsertTeamRequest>,
    ) -> Result<Response<pb::UpsertTeamResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = teams::upsert(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn update_team(
        &self,
        request: Request<pb::UpdateTeamRequest>,
    ) -> Result<Response<pb::UpdateTeamResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = teams::update(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn delete_team(
        &self,
        request: Request<pb::DeleteTeamRequest>,
    ) -> Result<Response<pb::DeleteTeamResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = teams::delete(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn add_team_member(
        &self,
        request: Request<pb::AddTeamMemberRequest>,
    ) -> Result<Response<pb::AddTeamMemberResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = teams::add_member(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn remove_team_member(
        &self,
        request: Request<pb::RemoveTeamMemberRequest>,
    ) -> Result<Response<pb::RemoveTeamMemberResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = teams::remove_member(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn sync_teams(
        &self,
        request: Request<pb::SyncTeamsRequest>,
    ) -> Result<Response<pb::SyncTeamsResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = sync::sync(&self.state, &self.directory, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_directory_users(
        &self,
        request: Request<pb::ListDirectoryUsersRequest>,
    ) -> Result<Response<pb::ListDirectoryUsersResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = directory::users(&self.state, &self.directory);
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_directory_teams(
        &self,
        request: Request<pb::ListDirectoryTeamsRequest>,
    ) -> Result<Response<pb::ListDirectoryTeamsResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = directory::teams(&self.directory, request.get_ref().include_users);
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_service_tokens(
        &self,
        request: Request<pb::ListServiceTokensRequest>,
    ) -> Result<Response<pb::ListServiceTokensResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = service_tokens::list(&self.state);
        answer.await.map_err(status).map(Response::new)
    }

    async fn create_service_token(
        &self,
        request: Request<pb::CreateServiceTokenRequest>,
    ) -> Result<Response<pb::CreateServiceTokenResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = service_tokens::create(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn revoke_service_token(
        &self,
        request: Request<pb::RevokeServiceTokenRequest>,
    ) -> Result<Response<pb::RevokeServiceTokenResponse>, Status> {
        let call = Call::open(&self.state, &request, USERS_WRITE).await?;
        let answer = service_tokens::revoke(&self.state, call, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Result<Response<pb::ListAuditEventsResponse>, Status> {
        reading(&request, USERS_READ)?;
        let answer = audit_events::list(&self.state, request.into_inner());
        answer.await.map_err(status).map(Response::new)
    }
}
