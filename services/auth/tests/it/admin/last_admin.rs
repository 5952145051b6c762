//! There is always one who may do everything.

use super::office::{Office, ask, assert_refused, role_grants, texts};
use anyhow::Result;
use vigie_contracts::auth::v1 as pb;
use vigie_service::ErrorCode;

const NONE_LEFT: &str = "This would leave no active administrator";

fn demote(id: &str) -> pb::UpdateUserRequest {
    pb::UpdateUserRequest {
        user_id: id.to_owned(),
        role_keys: Some(texts(&["viewer"])),
        ..pb::UpdateUserRequest::default()
    }
}

#[tokio::test]
async fn the_last_administrator_stays_one() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let root = office
        .one::<i64>("SELECT min(id) FROM users")
        .await?
        .to_string();
    let role = office
        .one::<i64>("SELECT id FROM roles WHERE key = 'admin'")
        .await?;
    let conflict = ErrorCode::Conflict;
    assert_refused(
        ask!(office, who, update_user, demote(&root)),
        conflict,
        NONE_LEFT,
    );
    for status in ["DISABLED", "INVITED"] {
        let request = pb::UpdateUserRequest {
            user_id: root.clone(),
            status: Some(status.to_owned()),
            ..pb::UpdateUserRequest::default()
        };
        assert_refused(ask!(office, who, update_user, request), conflict, NONE_LEFT);
    }
    let request = pb::UpdateRoleRequest {
        role_id: role.to_string(),
        permission_grants: Some(role_grants(&[])),
        ..pb::UpdateRoleRequest::default()
    };
    assert_refused(ask!(office, who, update_role, request), conflict, NONE_LEFT);
    // Nothing was left behind by the refusals, and with a second one it works.
    let second = office.user("second@demo.test", &["admin"]).await?;
    ask!(office, who, update_user, demote(&second))?;
    Ok(())
}

#[tokio::test]
async fn administrators_who_demote_each_other_at_once_leave_one() -> Result<()> {
    let office = Office::open().await?;
    let mut admins = Vec::new();
    for place in 0..6 {
        let email = format!("admin{place}@demo.test");
        admins.push(office.member(&email, &["admin"]).await?);
    }
    let root = office
        .one::<i64>("SELECT min(id) FROM users")
        .await?
        .to_string();
    ask!(office, &admins[0].1, update_user, demote(&root))?;

    // Each demotes the next one, all at once; then each disables the next one.
    for round in 0..2 {
        let changes = admins.iter().enumerate().map(|(place, (_, token))| {
            let next = &admins[(place + 1) % admins.len()].0;
            let mut request = demote(next);
            if round == 1 {
                request.role_keys = None;
                request.status = Some("DISABLED".to_owned());
            }
            let office = &office;
            async move { anyhow::Ok(ask!(office, token, update_user, request)) }
        });
        let outcomes = futures::future::try_join_all(changes).await?;
        if round == 0 {
            assert!(outcomes.iter().any(Result::is_ok));
        }
        let left = "SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id
                      JOIN roles r ON r.id = ur.role_id
                     WHERE r.key = 'admin' AND u.status = 'ACTIVE'";
        assert!(office.one::<i64>(left).await? >= 1);
    }
    Ok(())
}

#[tokio::test]
async fn parallel_role_edits_leave_an_administrator() -> Result<()> {
    let office = Office::open().await?;
    let who = &office.admin;
    let root = office
        .one::<i64>("SELECT min(id) FROM users")
        .await?
        .to_string();
    let role = office
        .one::<i64>("SELECT id FROM roles WHERE key = 'admin'")
        .await?;
    let keys = office.many::<String>("SELECT key FROM permissions").await?;
    let all: Vec<_> = keys.iter().map(|key| (&**key, "rw", "ALL")).collect();
    let twin_id = office.role("twin", &all).await?;
    let (_, twin) = office.member("twin@demo.test", &["twin"]).await?;

    let empty = |id: String| pb::UpdateRoleRequest {
        role_id: id,
        permission_grants: Some(role_grants(&[])),
        ..pb::UpdateRoleRequest::default()
    };
    let (first, second, third) = tokio::try_join!(
        async { anyhow::Ok(ask!(office, who, update_role, empty(twin_id))) },
        async { anyhow::Ok(ask!(office, &twin, update_role, empty(role.to_string()))) },
        async { anyhow::Ok(ask!(office, &twin, update_user, demote(&root))) },
    )?;
    let done = [first.is_ok(), second.is_ok(), third.is_ok()];
    assert!(done.contains(&true) && done.contains(&false), "{done:?}");
    let request = pb::ListUsersRequest::default();
    let administers = [
        ask!(office, who, list_users, request.clone()),
        ask!(office, &twin, list_users, request),
    ];
    assert!(administers.iter().any(Result::is_ok));
    let live = "SELECT count(DISTINCT ur.user_id) FROM user_roles ur
                  JOIN role_permissions rp USING (role_id)
                  JOIN permissions p ON p.id = rp.permission_id
                 WHERE p.key = 'admin.roles' AND rp.can_write";
    assert!(office.one::<i64>(live).await? >= 1);
    Ok(())
}
