use super::office::{Office, ask, assert_invalid, assert_refused, role_grants, texts};
use anyhow::Result;
use serde_json::json;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

fn lead() -> pb::CreateRoleRequest {
    pb::CreateRoleRequest {
        key: "team-lead".to_owned(),
        name: "Team lead".to_owned(),
        permission_grants: Some(role_grants(&[
            ("fiches", "r", "GROUP"),
            ("audits", "r", "SELF"),
            ("audits", "w", "GROUP"),
        ])),
        ..pb::CreateRoleRequest::default()
    }
}

#[tokio::test]
async fn a_role_is_shown_as_the_contract_says() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let answer = ask!(office, who, create_role, lead())?;
    let json = serde_json::to_value(&answer)?;
    let id = answer.role.expect("a role").id;
    assert_eq!(
        json,
        json!({"role": {"id": id, "key": "team-lead", "name": "Team lead", "description": null,
            "permissions": ["audits", "fiches"],
            "permission_grants": [
                {"key": "audits", "read": true, "write": true, "scope": "GROUP"},
                {"key": "fiches", "read": true, "write": false, "scope": "GROUP"}]}})
    );
    let request = pb::GetRoleRequest {
        role_id: id.clone(),
    };
    let got = ask!(office, who, get_role, request)?;
    assert_eq!(serde_json::to_value(&got)?, json);
    let listed = ask!(office, who, list_roles, pb::ListRolesRequest {})?;
    let keys: Vec<_> = listed.roles.iter().map(|role| &*role.key).collect();
    assert_eq!(keys, ["admin", "operator", "team-lead", "viewer"]);
    assert_eq!(listed.count, 4);
    assert_refused(
        ask!(office, who, create_role, lead()),
        ErrorCode::Conflict,
        "A role with this key already exists",
    );
    Ok(())
}

#[tokio::test]
async fn grants_are_replaced_and_legacy_keys_still_read() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = ask!(office, who, create_role, lead())?
        .role
        .expect("a role")
        .id;
    let update = |grants, keys: &[&str]| pb::UpdateRoleRequest {
        role_id: id.clone(),
        permission_grants: grants,
        permission_keys: Some(texts(keys)),
        ..pb::UpdateRoleRequest::default()
    };
    let legacy = ["audits.read", "audits.run", "realtime.auth", "chat"];
    let role = ask!(office, who, update_role, update(None, &legacy))?
        .role
        .expect("a role");
    assert_eq!(
        serde_json::to_value(&role.permission_grants)?,
        json!([
            {"key": "audits", "read": true, "write": true, "scope": "GROUP"},
            {"key": "chat", "read": true, "write": true, "scope": "GROUP"},
            {"key": "realtime", "read": true, "write": false, "scope": "GROUP"}])
    );
    // An empty list of grants counts as present.
    let request = update(Some(role_grants(&[])), &legacy);
    let role = ask!(office, who, update_role, request)?
        .role
        .expect("a role");
    assert!(role.permissions.is_empty() && role.permission_grants.is_empty());
    for unknown in [
        update(Some(role_grants(&[("nothing", "r", "ALL")])), &[]),
        update(None, &["nothing.read"]),
    ] {
        assert_invalid(
            ask!(office, who, update_role, unknown),
            "Unknown permission key(s)",
        );
    }
    assert_invalid(
        ask!(
            office,
            who,
            update_role,
            update(Some(role_grants(&[("chat", "", "ALL")])), &[])
        ),
        "Permission grant must enable read and/or write",
    );
    Ok(())
}

#[tokio::test]
async fn a_role_is_described_and_undescribed() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = ask!(office, who, create_role, lead())?
        .role
        .expect("a role")
        .id;
    for description in [Some("Leads".to_owned()), None] {
        let request = pb::UpdateRoleRequest {
            role_id: id.clone(),
            description: Some(pb::NullableText {
                value: description.clone(),
            }),
            ..pb::UpdateRoleRequest::default()
        };
        let role = ask!(office, who, update_role, request)?
            .role
            .expect("a role");
        assert_eq!(role.description, description);
        assert_eq!(role.permissions.len(), 2);
    }
    let nothing = pb::UpdateRoleRequest {
        role_id: id,
        ..pb::UpdateRoleRequest::default()
    };
    assert_invalid(
        ask!(office, who, update_role, nothing),
        "At least one of name, description, permission_keys, permission_grants is required",
    );
    let unknown = pb::GetRoleRequest {
        role_id: "77".to_owned(),
    };
    assert_refused(
        ask!(office, who, get_role, unknown),
        ErrorCode::NotFound,
        "Role with ID '77' not found",
    );
    let invalid = pb::GetRoleRequest {
        role_id: "x".to_owned(),
    };
    assert_invalid(ask!(office, who, get_role, invalid), "Invalid role id");
    Ok(())
}

#[tokio::test]
async fn only_free_roles_of_ones_own_are_deleted() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = ask!(office, who, create_role, lead())?
        .role
        .expect("a role")
        .id;
    for place in 0..2 {
        office
            .user(&format!("lead{place}@demo.test"), &["team-lead", "viewer"])
            .await?;
    }
    let delete = |id: &str| pb::DeleteRoleRequest {
        role_id: id.to_owned(),
    };
    assert_invalid(
        ask!(office, who, delete_role, delete(&id)),
        "Role is assigned to 2 user(s); remove it from users first",
    );
    sqlx::query("DELETE FROM user_roles WHERE role_id = $1")
        .bind(id.parse::<i64>()?)
        .execute(&office.pool)
        .await?;
    assert!(ask!(office, who, delete_role, delete(&id))?.deleted);
    assert_refused(
        ask!(office, who, delete_role, delete(&id)),
        ErrorCode::NotFound,
        &format!("Role with ID '{id}' not found"),
    );
    for protected in office.many::<i64>("SELECT id FROM roles").await? {
        assert_invalid(
            ask!(office, who, delete_role, delete(&protected.to_string())),
            "Cannot delete protected role",
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_change_of_grants_gives_every_holder_a_new_version() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let id = ask!(office, who, create_role, lead())?
        .role
        .expect("a role")
        .id;
    for place in 0..3 {
        office
            .user(&format!("lead{place}@demo.test"), &["team-lead"])
            .await?;
    }
    office.user("other@demo.test", &["viewer"]).await?;
    let request = pb::UpdateRoleRequest {
        role_id: id,
        permission_grants: Some(role_grants(&[("audits", "r", "ALL")])),
        ..pb::UpdateRoleRequest::default()
    };
    ask!(office, who, update_role, request)?;
    let versions = office
        .many::<i64>("SELECT version FROM users WHERE email LIKE '%@demo.test' ORDER BY email")
        .await?;
    assert_eq!(versions, [2, 2, 2, 1]);
    Ok(())
}

#[tokio::test]
async fn permissions_are_the_twelve() -> Result<()> {
    let office = Office::open().await?;
    let request = pb::ListPermissionsRequest {};
    let listed = ask!(office, &office.admin, list_permissions, request)?;
    assert_eq!((listed.count, listed.permissions.len()), (12, 12));
    assert_eq!(listed.permissions[0].key, "admin.permissions");
    Ok(())
}
