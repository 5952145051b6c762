mod samples;

use self::samples::{linked, role, service_token, team, team_ref, user};
use super::Service;
use crate::world::refused;
use tonic::{Request, Response, Status, async_trait};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::admin_service_server::AdminService;
use vigie_contracts::fiche::v1::{CrmGroup, CrmUser};
use vigie_service::ErrorCode;

/// An RPC that notes its request and answers with `$answer`.
macro_rules! rpc {
    ($self:ident, $request:ident, $name:literal, $answer:expr) => {{
        $self.0.enter($name, &$request)?;
        $self.0.note($name, $request.get_ref());
        Ok(Response::new($answer))
    }};
}

#[async_trait]
impl AdminService for Service {
    async fn list_users(
        &self,
        request: Request<pb::ListUsersRequest>,
    ) -> Result<Response<pb::ListUsersResponse>, Status> {
        rpc!(self, request, "ListUsers", {
            pb::ListUsersResponse {
                users: vec![user("12")],
                count: 1,
                next_cursor: None,
            }
        })
    }

    async fn create_user(
        &self,
        request: Request<pb::CreateUserRequest>,
    ) -> Result<Response<pb::CreateUserResponse>, Status> {
        rpc!(self, request, "CreateUser", {
            pb::CreateUserResponse {
                user: Some(user("13")),
            }
        })
    }

    async fn update_user(
        &self,
        request: Request<pb::UpdateUserRequest>,
    ) -> Result<Response<pb::UpdateUserResponse>, Status> {
        if request.get_ref().user_id == "99" {
            let message = "User with ID '99' not found";
            return Err(refused(ErrorCode::NotFound, message));
        }
        rpc!(self, request, "UpdateUser", {
            pb::UpdateUserResponse {
                user: Some(user("12")),
            }
        })
    }

    async fn import_crm_user(
        &self,
        request: Request<pb::ImportCrmUserRequest>,
    ) -> Result<Response<pb::ImportCrmUserResponse>, Status> {
        rpc!(self, request, "ImportCrmUser", {
            pb::ImportCrmUserResponse {
                user: Some(user("14")),
                team: Some(team_ref("3")),
                groupe: Some(team_ref("3")),
                invite_token: None,
            }
        })
    }

    async fn issue_reset_link(
        &self,
        request: Request<pb::IssueResetLinkRequest>,
    ) -> Result<Response<pb::IssueResetLinkResponse>, Status> {
        rpc!(self, request, "IssueResetLink", {
            pb::IssueResetLinkResponse {
                reset_token: "reset".to_owned(),
                expires_at: "2026-01-05T10:20:00.000Z".to_owned(),
            }
        })
    }

    async fn invite_user(
        &self,
        request: Request<pb::InviteUserRequest>,
    ) -> Result<Response<pb::InviteUserResponse>, Status> {
        rpc!(self, request, "InviteUser", {
            pb::InviteUserResponse {
                invite_token: "invite".to_owned(),
                expires_at: "2026-01-12T09:20:00.000Z".to_owned(),
            }
        })
    }

    async fn log_out_user(
        &self,
        request: Request<pb::LogOutUserRequest>,
    ) -> Result<Response<pb::LogOutUserResponse>, Status> {
        rpc!(self, request, "LogOutUser", {
            pb::LogOutUserResponse { revoked: 2 }
        })
    }

    async fn list_roles(
        &self,
        request: Request<pb::ListRolesRequest>,
    ) -> Result<Response<pb::ListRolesResponse>, Status> {
        rpc!(self, request, "ListRoles", {
            pb::ListRolesResponse {
                roles: vec![role("4")],
                count: 1,
            }
        })
    }

    async fn get_role(
        &self,
        request: Request<pb::GetRoleRequest>,
    ) -> Result<Response<pb::GetRoleResponse>, Status> {
        rpc!(self, request, "GetRole", {
            pb::GetRoleResponse {
                role: Some(role("4")),
            }
        })
    }

    async fn create_role(
        &self,
        request: Request<pb::CreateRoleRequest>,
    ) -> Result<Response<pb::CreateRoleResponse>, Status> {
        rpc!(self, request, "CreateRole", {
            pb::CreateRoleResponse {
                role: Some(role("4")),
            }
        })
    }

    async fn update_role(
        &self,
        request: Request<pb::UpdateRoleRequest>,
    ) -> Result<Response<pb::UpdateRoleResponse>, Status> {
        rpc!(self, request, "UpdateRole", {
            pb::UpdateRoleResponse {
                role: Some(role("4")),
            }
        })
    }

    async fn delete_role(
        &self,
        request: Request<pb::DeleteRoleRequest>,
    ) -> Result<Response<pb::DeleteRoleResponse>, Status> {
        rpc!(self, request, "DeleteRole", {
            pb::DeleteRoleResponse { deleted: true }
        })
    }

    async fn list_permissions(
        &self,
        request: Request<pb::ListPermissionsRequest>,
    ) -> Result<Response<pb::ListPermissionsResponse>, Status> {
        rpc!(self, request, "ListPermissions", {
            pb::ListPermissionsResponse::default()
        })
    }

    async fn list_teams(
        &self,
        request: Request<pb::ListTeamsRequest>,
    ) -> Result<Response<pb::ListTeamsResponse>, Status> {
        let with_members = request.get_ref().include_users.then(|| pb::TeamMembers {
            members: Vec::new(),
            user_ids: vec!["731".to_owned()],
        });
        rpc!(self, request, "ListTeams", {
            pb::ListTeamsResponse {
                teams: vec![team("3", with_members)],
                count: 1,
            }
        })
    }

    async fn upsert_team(
        &self,
        request: Request<pb::UpsertTeamRequest>,
    ) -> Result<Response<pb::UpsertTeamResponse>, Status> {
        let created = request.get_ref().crm_group_id != "51";
        rpc!(self, request, "UpsertTeam", {
            pb::UpsertTeamResponse {
                team: Some(team("3", None)),
                created,
            }
        })
    }

    async fn update_team(
        &self,
        request: Request<pb::UpdateTeamRequest>,
    ) -> Result<Response<pb::UpdateTeamResponse>, Status> {
        rpc!(self, request, "UpdateTeam", {
            pb::UpdateTeamResponse {
                team: Some(team("3", None)),
            }
        })
    }

    async fn delete_team(
        &self,
        request: Request<pb::DeleteTeamRequest>,
    ) -> Result<Response<pb::DeleteTeamResponse>, Status> {
        rpc!(self, request, "DeleteTeam", {
            pb::DeleteTeamResponse {
                deleted: true,
                team: Some(team_ref("3")),
            }
        })
    }

    async fn add_team_member(
        &self,
        request: Request<pb::AddTeamMemberRequest>,
    ) -> Result<Response<pb::AddTeamMemberResponse>, Status> {
        rpc!(self, request, "AddTeamMember", {
            pb::AddTeamMemberResponse {
                added: true,
                team: Some(team_ref("3")),
                user: Some(linked("12")),
            }
        })
    }

    async fn remove_team_member(
        &self,
        request: Request<pb::RemoveTeamMemberRequest>,
    ) -> Result<Response<pb::RemoveTeamMemberResponse>, Status> {
        rpc!(self, request, "RemoveTeamMember", {
            pb::RemoveTeamMemberResponse { removed: true }
        })
    }

    async fn sync_teams(
        &self,
        request: Request<pb::SyncTeamsRequest>,
    ) -> Result<Response<pb::SyncTeamsResponse>, Status> {
        let dry_run = request.get_ref().dry_run;
        rpc!(self, request, "SyncTeams", {
            pb::SyncTeamsResponse {
                synced: true,
                dry_run,
                ..pb::SyncTeamsResponse::default()
            }
        })
    }

    async fn list_directory_users(
        &self,
        request: Request<pb::ListDirectoryUsersRequest>,
    ) -> Result<Response<pb::ListDirectoryUsersResponse>, Status> {
        let crm_user = CrmUser {
            id: "742".to_owned(),
            nom: "ROUX".to_owned(),
            actif: Some(true),
            ..CrmUser::default()
        };
        rpc!(self, request, "ListDirectoryUsers", {
            pb::ListDirectoryUsersResponse {
                utilisateurs: vec![pb::DirectoryUser {
                    crm_user: Some(crm_user),
                    app_user: None,
                }],
                count: 1,
            }
        })
    }

    async fn list_directory_teams(
        &self,
        request: Request<pb::ListDirectoryTeamsRequest>,
    ) -> Result<Response<pb::ListDirectoryTeamsResponse>, Status> {
        let group = CrmGroup {
            id: "51".to_owned(),
            nom: "EQUIPE LYON".to_owned(),
            ..CrmGroup::default()
        };
        rpc!(self, request, "ListDirectoryTeams", {
            pb::ListDirectoryTeamsResponse {
                groupes: vec![group],
                count: 1,
            }
        })
    }

    async fn list_service_tokens(
        &self,
        request: Request<pb::ListServiceTokensRequest>,
    ) -> Result<Response<pb::ListServiceTokensResponse>, Status> {
        rpc!(self, request, "ListServiceTokens", {
            pb::ListServiceTokensResponse {
                service_tokens: vec![service_token()],
                count: 1,
            }
        })
    }

    async fn create_service_token(
        &self,
        request: Request<pb::CreateServiceTokenRequest>,
    ) -> Result<Response<pb::CreateServiceTokenResponse>, Status> {
        rpc!(self, request, "CreateServiceToken", {
            pb::CreateServiceTokenResponse {
                token: "vgs_secret".to_owned(),
                service_token: Some(service_token()),
            }
        })
    }

    async fn revoke_service_token(
        &self,
        request: Request<pb::RevokeServiceTokenRequest>,
    ) -> Result<Response<pb::RevokeServiceTokenResponse>, Status> {
        rpc!(self, request, "RevokeServiceToken", {
            pb::RevokeServiceTokenResponse { revoked: true }
        })
    }

    async fn list_audit_events(
        &self,
        request: Request<pb::ListAuditEventsRequest>,
    ) -> Result<Response<pb::ListAuditEventsResponse>, Status> {
        let event = pb::AuditEvent {
            id: "7".to_owned(),
            action: "role.updated".to_owned(),
            before_json: "{\"name\":\"a\"}".to_owned(),
            ..pb::AuditEvent::default()
        };
        rpc!(self, request, "ListAuditEvents", {
            pb::ListAuditEventsResponse {
                events: vec![event],
                next_cursor: Some("next".to_owned()),
            }
        })
    }
}
