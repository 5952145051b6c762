use super::{NONE, Row, Rule, auth};
use crate::access::direct::Rpc;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;

const OK: Rule = Rule::any(&[200]);
const REFUSED: Rule = Rule::any(&[400]);
const MISSING: Rule = Rule::any(&[404]);

/// Scopes do not count in administration (identity.md 1.5).
pub(super) fn rows() -> Vec<Row> {
    let mut rows = people();
    rows.extend(rights());
    rows
}

fn none() -> String {
    NONE.to_owned()
}

fn admin<M: prost::Message>(path: &'static str, message: &M) -> Rpc {
    auth(path, message)
}

#[expect(clippy::too_many_lines, reason = "a table, a row a route")]
fn people() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/admin/users", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListUsers",
                &pb::ListUsersRequest::default(),
            )
        }),
        Row::new("POST", "/api/admin/users", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/CreateUser",
                    &pb::CreateUserRequest::default(),
                )
            }),
        Row::new("POST", "/api/admin/users/from-crm", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/ImportCrmUser",
                    &pb::ImportCrmUserRequest::default(),
                )
            }),
        Row::new("PATCH", "/api/admin/users/{user_id}", MISSING)
            .body(|_| json!({ "status": "DISABLED" }))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/UpdateUser",
                    &pb::UpdateUserRequest {
                        user_id: none(),
                        status: Some("DISABLED".to_owned()),
                        ..Default::default()
                    },
                )
            }),
        Row::new("POST", "/api/admin/users/{user_id}/reset-link", MISSING)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/IssueResetLink",
                    &pb::IssueResetLinkRequest { user_id: none() },
                )
            }),
        Row::new("POST", "/api/admin/users/{user_id}/invite", MISSING)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/InviteUser",
                    &pb::InviteUserRequest { user_id: none() },
                )
            }),
        Row::new("POST", "/api/admin/users/{user_id}/logout-all", MISSING)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/LogOutUser",
                    &pb::LogOutUserRequest { user_id: none() },
                )
            }),
        Row::new("GET", "/api/admin/teams", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListTeams",
                &pb::ListTeamsRequest::default(),
            )
        }),
        Row::new("POST", "/api/admin/teams", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/UpsertTeam",
                    &pb::UpsertTeamRequest::default(),
                )
            }),
        Row::new("POST", "/api/admin/teams/sync-from-crm", OK)
            .body(|_| json!({ "dry_run": true }))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/SyncTeams",
                    &pb::SyncTeamsRequest {
                        dry_run: true,
                        ..Default::default()
                    },
                )
            }),
        Row::new("PATCH", "/api/admin/teams/{team_id}", MISSING)
            .body(|_| json!({ "name": "x" }))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/UpdateTeam",
                    &pb::UpdateTeamRequest {
                        team_id: none(),
                        name: Some("x".to_owned()),
                        ..Default::default()
                    },
                )
            }),
        Row::new("DELETE", "/api/admin/teams/{team_id}", MISSING).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/DeleteTeam",
                &pb::DeleteTeamRequest {
                    team_id: none(),
                    force: false,
                },
            )
        }),
        Row::new("POST", "/api/admin/teams/{team_id}/members", MISSING)
            .body(|_| json!({ "user_id": NONE }))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/AddTeamMember",
                    &pb::AddTeamMemberRequest {
                        team_id: none(),
                        user_id: none(),
                    },
                )
            }),
        Row::new("DELETE", "/api/admin/teams/{team_id}/members/{user_id}", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/RemoveTeamMember",
                &pb::RemoveTeamMemberRequest {
                    team_id: none(),
                    user_id: none(),
                },
            )
        }),
        Row::new("GET", "/api/admin/crm/users", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListDirectoryUsers",
                &pb::ListDirectoryUsersRequest {},
            )
        }),
        Row::new("GET", "/api/admin/crm/teams", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListDirectoryTeams",
                &pb::ListDirectoryTeamsRequest::default(),
            )
        }),
    ]
}

fn rights() -> Vec<Row> {
    vec![
        Row::new("GET", "/api/admin/roles", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListRoles",
                &pb::ListRolesRequest {},
            )
        }),
        Row::new("POST", "/api/admin/roles", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/CreateRole",
                    &pb::CreateRoleRequest::default(),
                )
            }),
        Row::new("GET", "/api/admin/roles/{role_id}", MISSING).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/GetRole",
                &pb::GetRoleRequest { role_id: none() },
            )
        }),
        Row::new("PATCH", "/api/admin/roles/{role_id}", MISSING)
            .body(|_| json!({ "name": "x" }))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/UpdateRole",
                    &pb::UpdateRoleRequest {
                        role_id: none(),
                        name: Some("x".to_owned()),
                        ..Default::default()
                    },
                )
            }),
        Row::new("DELETE", "/api/admin/roles/{role_id}", MISSING).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/DeleteRole",
                &pb::DeleteRoleRequest { role_id: none() },
            )
        }),
        Row::new("GET", "/api/admin/permissions", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListPermissions",
                &pb::ListPermissionsRequest {},
            )
        }),
        Row::new("GET", "/api/admin/service-tokens", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListServiceTokens",
                &pb::ListServiceTokensRequest {},
            )
        }),
        Row::new("POST", "/api/admin/service-tokens", REFUSED)
            .body(|_| json!({}))
            .rpc(|_| {
                admin(
                    "/vigie.auth.v1.AdminService/CreateServiceToken",
                    &pb::CreateServiceTokenRequest::default(),
                )
            }),
        Row::new(
            "DELETE",
            "/api/admin/service-tokens/{service_token_id}",
            MISSING,
        )
        .rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/RevokeServiceToken",
                &pb::RevokeServiceTokenRequest {
                    service_token_id: none(),
                },
            )
        }),
        Row::new("GET", "/api/admin/audit-events", OK).rpc(|_| {
            admin(
                "/vigie.auth.v1.AdminService/ListAuditEvents",
                &pb::ListAuditEventsRequest::default(),
            )
        }),
        // The first of them rotates; until its key signs, the others are too early.
        Row::new(
            "POST",
            "/api/admin/keys/rotate",
            Rule::any(&[200, 201, 409]),
        )
        .body(|_| json!({}))
        .rpc(|_| {
            auth(
                "/vigie.auth.v1.TrustService/RotateKeys",
                &pb::RotateKeysRequest {},
            )
        }),
    ]
}
