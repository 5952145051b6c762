//! Who may administer, and that nobody gives more than they hold.

use super::office::{Office, ask, assert_refused, new_user, refused, role_grants, texts};
use anyhow::Result;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

const MANAGER: &[(&str, &str, &str)] = &[("admin.users", "rw", "ALL"), ("fiches", "r", "GROUP")];

#[tokio::test]
async fn without_the_permission_nothing_is_read_or_written() -> Result<()> {
    let office = Office::open().await?;
    let (_, viewer) = office.member("viewer@demo.test", &["viewer"]).await?;
    let missing = (ErrorCode::Authorization, "Missing permission".to_owned());
    macro_rules! closed {
        ($($rpc:ident: $body:ty),*) => {$(
            assert_eq!(refused(ask!(office, &viewer, $rpc, <$body>::default())), missing);
        )*};
    }
    closed!(
        list_users: pb::ListUsersRequest, create_user: pb::CreateUserRequest,
        update_user: pb::UpdateUserRequest, import_crm_user: pb::ImportCrmUserRequest,
        issue_reset_link: pb::IssueResetLinkRequest, invite_user: pb::InviteUserRequest,
        log_out_user: pb::LogOutUserRequest, list_roles: pb::ListRolesRequest,
        get_role: pb::GetRoleRequest, create_role: pb::CreateRoleRequest,
        update_role: pb::UpdateRoleRequest, delete_role: pb::DeleteRoleRequest,
        list_permissions: pb::ListPermissionsRequest, list_teams: pb::ListTeamsRequest,
        upsert_team: pb::UpsertTeamRequest, update_team: pb::UpdateTeamRequest,
        delete_team: pb::DeleteTeamRequest, add_team_member: pb::AddTeamMemberRequest,
        remove_team_member: pb::RemoveTeamMemberRequest, sync_teams: pb::SyncTeamsRequest,
        list_directory_users: pb::ListDirectoryUsersRequest,
        list_directory_teams: pb::ListDirectoryTeamsRequest,
        list_service_tokens: pb::ListServiceTokensRequest,
        create_service_token: pb::CreateServiceTokenRequest,
        revoke_service_token: pb::RevokeServiceTokenRequest,
        list_audit_events: pb::ListAuditEventsRequest
    );
    let mut client = office.client();
    let outside = client.list_users(pb::ListUsersRequest::default()).await;
    assert_eq!(refused(outside).0, ErrorCode::Authentication);
    Ok(())
}

#[tokio::test]
async fn writes_ask_the_database_and_not_the_token() -> Result<()> {
    let office = Office::open().await?;
    office.role("manager", MANAGER).await?;
    let (_, manager) = office.member("manager@demo.test", &["manager"]).await?;
    let request = || new_user("nora@demo.test", &["manager"]);
    // Behind the back of the service, so that nobody is told: the token goes on saying otherwise.
    sqlx::query(
        "DELETE FROM user_roles ur USING roles r WHERE r.id = ur.role_id AND r.key = 'manager'",
    )
    .execute(&office.pool)
    .await?;
    assert_refused(
        ask!(office, &manager, create_user, request()),
        ErrorCode::Authorization,
        "Missing permission",
    );
    for status in ["DISABLED", "INVITED"] {
        sqlx::query("UPDATE users SET status = $1::user_status WHERE email LIKE 'manager@%'")
            .bind(status)
            .execute(&office.pool)
            .await?;
        assert_refused(
            ask!(office, &manager, create_user, request()),
            ErrorCode::Authentication,
            "User is disabled",
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_user_manager_gives_and_takes_over_no_more_than_it_holds() -> Result<()> {
    let office = Office::open().await?;
    office.role("manager", MANAGER).await?;
    office.role("reader", &[("fiches", "r", "GROUP")]).await?;
    let (own, manager) = office.member("manager@demo.test", &["manager"]).await?;
    let root = office
        .one::<i64>("SELECT min(id) FROM users")
        .await?
        .to_string();
    let too_much = "Cannot grant more than you hold";
    let forbidden = ErrorCode::Authorization;

    // W16: not to itself, not to others.
    let promote = pb::UpdateUserRequest {
        user_id: own,
        role_keys: Some(texts(&["manager", "admin"])),
        ..pb::UpdateUserRequest::default()
    };
    assert_refused(
        ask!(office, &manager, update_user, promote),
        forbidden,
        too_much,
    );
    let request = new_user("nora@demo.test", &["viewer"]);
    assert_refused(
        ask!(office, &manager, create_user, request),
        forbidden,
        too_much,
    );
    let request = new_user("nora@demo.test", &["reader"]);
    ask!(office, &manager, create_user, request)?;

    // Nor by way of an administrator's credentials.
    let request = pb::UpdateUserRequest {
        user_id: root.clone(),
        password: Some("a phrase of the manager".to_owned()),
        ..pb::UpdateUserRequest::default()
    };
    let theirs = "This user holds more than you do";
    assert_refused(
        ask!(office, &manager, update_user, request),
        forbidden,
        theirs,
    );
    let request = pb::IssueResetLinkRequest {
        user_id: root.clone(),
    };
    assert_refused(
        ask!(office, &manager, issue_reset_link, request),
        forbidden,
        theirs,
    );

    // Nor does it send a full administrator away.
    for change in [
        pb::UpdateUserRequest {
            status: Some("DISABLED".to_owned()),
            ..pb::UpdateUserRequest::default()
        },
        pb::UpdateUserRequest {
            role_keys: Some(texts(&["reader"])),
            ..pb::UpdateUserRequest::default()
        },
    ] {
        let request = pb::UpdateUserRequest {
            user_id: root.clone(),
            ..change
        };
        assert_refused(
            ask!(office, &manager, update_user, request),
            forbidden,
            "Only a full administrator may change a full administrator",
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_role_editor_widens_no_role_beyond_its_own() -> Result<()> {
    let office = Office::open().await?;
    let editor: &[_] = &[("admin.roles", "rw", "ALL"), ("audits", "r", "GROUP")];
    let editor_id = office.role("editor", editor).await?;
    let (_, who) = office.member("editor@demo.test", &["editor"]).await?;
    let too_much = "Cannot grant more than you hold";
    let forbidden = ErrorCode::Authorization;

    let mut wider = editor.to_vec();
    wider.push(("admin.users", "rw", "ALL"));
    let request = pb::UpdateRoleRequest {
        role_id: editor_id.clone(),
        permission_grants: Some(role_grants(&wider)),
        ..pb::UpdateRoleRequest::default()
    };
    assert_refused(
        ask!(office, &who, update_role, request),
        forbidden,
        too_much,
    );
    for grants in [&[("audits", "r", "ALL")], &[("audits", "w", "GROUP")]] {
        let request = pb::CreateRoleRequest {
            key: "wider".to_owned(),
            name: "Wider".to_owned(),
            permission_grants: Some(role_grants(grants)),
            ..pb::CreateRoleRequest::default()
        };
        assert_refused(
            ask!(office, &who, create_role, request),
            forbidden,
            too_much,
        );
    }
    // What a role has already may stay.
    let other = office.role("other", &[("chat", "rw", "ALL")]).await?;
    let request = pb::UpdateRoleRequest {
        role_id: other,
        permission_grants: Some(role_grants(&[
            ("chat", "r", "GROUP"),
            ("audits", "r", "GROUP"),
        ])),
        ..pb::UpdateRoleRequest::default()
    };
    ask!(office, &who, update_role, request)?;
    // The grants of built-in roles are for full administrators.
    let viewer = office
        .one::<i64>("SELECT id FROM roles WHERE key = 'viewer'")
        .await?;
    let request = pb::UpdateRoleRequest {
        role_id: viewer.to_string(),
        permission_grants: Some(role_grants(&[])),
        ..pb::UpdateRoleRequest::default()
    };
    assert_refused(
        ask!(office, &who, update_role, request.clone()),
        forbidden,
        "Only a full administrator may change the grants of a built-in role",
    );
    ask!(office, &office.admin, update_role, request)?;
    Ok(())
}
