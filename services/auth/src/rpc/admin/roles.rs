//! Roles and their grants.

use super::announce::{self, Reason};
use super::call::{Admin, Call, LastAdminGuard};
use super::{AdminError, views};
use crate::app::AppState;
use crate::domain::admin::fields;
use crate::domain::admin::grants::{self, NamedGrant};
use crate::rpc::session::merged;
use crate::store::roles::{self, Role, RoleGrant};
use crate::store::trail::Target;
use serde_json::{Value, json};
use sqlx::PgConnection;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::grants::{StoredGrant, merge};

/// Roles that are never deleted, and whose grants only a full administrator edits.
const PROTECTED: [&str; 3] = ["admin", "operator", "viewer"];

const DESCRIPTION: std::ops::RangeInclusive<usize> = 0..=5000;

/// Every role.
#[tracing::instrument(name = "rpc.admin.list_roles", skip_all, err(level = "debug"))]
pub async fn list(state: &AppState) -> Result<pb::ListRolesResponse, AdminError> {
    let mut conn = state.pool.acquire().await?;
    let rows = roles::all(&mut conn).await?;
    let ids: Vec<i64> = rows.iter().map(|role| role.id).collect();
    let grants = roles::grants(&mut conn, &ids).await?;
    let roles: Vec<_> = rows
        .into_iter()
        .map(|role| views::role(role, &grants))
        .collect();
    Ok(pb::ListRolesResponse {
        count: views::count(&roles),
        roles,
    })
}

/// One role.
#[tracing::instrument(name = "rpc.admin.get_role", skip_all, err(level = "debug"))]
pub async fn get(
    state: &AppState,
    request: pb::GetRoleRequest,
) -> Result<pb::GetRoleResponse, AdminError> {
    let id = fields::id("role", &request.role_id)?;
    let (role, grants) = read(&mut *state.pool.acquire().await?, id).await?;
    Ok(pb::GetRoleResponse {
        role: Some(views::role(role, &grants)),
    })
}

/// Creates a role; it may have no grants.
#[tracing::instrument(name = "rpc.admin.create_role", skip_all, err(level = "debug"))]
pub async fn create(
    state: &AppState,
    call: Call,
    request: pb::CreateRoleRequest,
) -> Result<pb::CreateRoleResponse, AdminError> {
    let key = fields::role_key(&request.key)?;
    let name = fields::text("name", &request.name, 1..=200)?;
    let description = request.description;
    let description = description.map(|text| fields::text("description", &text, DESCRIPTION));
    let description = description.transpose()?;
    let wanted = named(request.permission_grants, request.permission_keys)?.unwrap_or_default();

    let (mut tx, admin) = call.begin(state).await?;
    let id = roles::insert(&mut tx, &key, &name, description.as_deref()).await?;
    give(&mut tx, &admin, id, &[], &wanted).await?;
    let (role, grants) = read(&mut tx, id).await?;
    let (target, after) = (target(&role), told(&role, &grants));
    admin
        .note(&mut tx, "role.created", target, None, Some(after))
        .await?;
    tx.commit().await?;
    Ok(pb::CreateRoleResponse {
        role: Some(views::role(role, &grants)),
    })
}

/// Changes a role; grants, when named, replace the whole set.
#[tracing::instrument(name = "rpc.admin.update_role", skip_all, err(level = "debug"))]
pub async fn update(
    state: &AppState,
    call: Call,
    request: pb::UpdateRoleRequest,
) -> Result<pb::UpdateRoleResponse, AdminError> {
    let id = fields::id("role", &request.role_id)?;
    let name = request
        .name
        .map(|name| fields::text("name", &name, 1..=200));
    let name = name.transpose()?;
    let description = request.description.map(|sent| {
        let text = sent.value;
        text.map(|text| fields::text("description", &text, DESCRIPTION))
            .transpose()
    });
    let description = description.transpose()?;
    let wanted = named(request.permission_grants, request.permission_keys)?;
    if name.is_none() && description.is_none() && wanted.is_none() {
        return Err(AdminError::rule(
            "",
            "At least one of name, description, permission_keys, permission_grants is required",
        ));
    }

    let (mut tx, admin) = call.begin(state).await?;
    let (before, held) = read(&mut tx, id).await?;
    let name = name.as_deref().unwrap_or(&before.name);
    let description = description.as_ref().unwrap_or(&before.description);
    roles::describe(&mut tx, id, name, description.as_deref()).await?;
    if let Some(wanted) = wanted {
        if PROTECTED.contains(&before.key.as_str()) {
            admin.must_be_full(&mut tx).await?;
        }
        let guard = LastAdminGuard::before(&mut tx).await?;
        give(&mut tx, &admin, id, &held, &wanted).await?;
        guard.check(&mut tx).await?;
    }
    let (role, grants) = read(&mut tx, id).await?;
    if grants != held {
        let holders = roles::holders(&mut tx, id).await?;
        announce::changed(&mut tx, &holders, Reason::Roles).await?;
    }
    let (told_before, told_after) = (told(&before, &held), told(&role, &grants));
    let target = target(&role);
    admin
        .note(
            &mut tx,
            "role.updated",
            target,
            Some(told_before),
            Some(told_after),
        )
        .await?;
    tx.commit().await?;
    Ok(pb::UpdateRoleResponse {
        role: Some(views::role(role, &grants)),
    })
}

/// Deletes a role that nobody holds.
#[tracing::instrument(name = "rpc.admin.delete_role", skip_all, err(level = "debug"))]
pub async fn delete(
    state: &AppState,
    call: Call,
    request: pb::DeleteRoleRequest,
) -> Result<pb::DeleteRoleResponse, AdminError> {
    let id = fields::id("role", &request.role_id)?;
    let (mut tx, admin) = call.begin(state).await?;
    let (role, grants) = read(&mut tx, id).await?;
    if PROTECTED.contains(&role.key.as_str()) {
        return Err(AdminError::rule("", "Cannot delete protected role"));
    }
    let holders = roles::holders(&mut tx, id).await?.len();
    if holders > 0 {
        let message = format!("Role is assigned to {holders} user(s); remove it from users first");
        return Err(AdminError::rule("", message));
    }
    roles::delete(&mut tx, id).await?;
    let (target, before) = (target(&role), told(&role, &grants));
    admin
        .note(&mut tx, "role.deleted", target, Some(before), None)
        .await?;
    tx.commit().await?;
    Ok(pb::DeleteRoleResponse { deleted: true })
}

/// Every permission.
#[tracing::instrument(name = "rpc.admin.list_permissions", skip_all, err(level = "debug"))]
pub async fn permissions(state: &AppState) -> Result<pb::ListPermissionsResponse, AdminError> {
    let rows = roles::permissions(&mut *state.pool.acquire().await?).await?;
    let permissions: Vec<_> = rows
        .into_iter()
        .map(|permission| pb::Permission {
            id: permission.id.to_string(),
            key: permission.key,
            description: permission.description,
        })
        .collect();
    Ok(pb::ListPermissionsResponse {
        count: views::count(&permissions),
        permissions,
    })
}

/// The named grants, if any are named: an empty list of grants counts, and goes before the keys.
fn named(
    named: Option<pb::RoleGrants>,
    keys: Option<pb::Texts>,
) -> Result<Option<Vec<StoredGrant>>, AdminError> {
    if let Some(named) = named {
        return Ok(Some(grants::parse(&from_request(named.grants))?));
    }
    let keys = keys.map(|keys| grants::parse_keys(&keys.values));
    Ok(keys.transpose()?)
}

/// Grants as a request names them.
pub(super) fn from_request(grants: Vec<pb::RoleGrant>) -> Vec<NamedGrant> {
    let named = |grant: pb::RoleGrant| NamedGrant {
        key: grant.key,
        read: grant.read,
        write: grant.write,
        scope: grant.scope,
    };
    grants.into_iter().map(named).collect()
}

/// Refuses keys that no permission has.
pub(super) async fn known(
    conn: &mut PgConnection,
    wanted: &[StoredGrant],
) -> Result<(), AdminError> {
    let keys = roles::permission_keys(conn).await?;
    if wanted.iter().all(|grant| keys.contains(&grant.key)) {
        return Ok(());
    }
    Err(AdminError::rule(
        "permission_grants",
        "Unknown permission key(s)",
    ))
}

/// Replaces the grants of a role. What it had before may stay; more the caller must hold.
async fn give(
    conn: &mut PgConnection,
    admin: &Admin,
    role: i64,
    held: &[RoleGrant],
    wanted: &[StoredGrant],
) -> Result<(), AdminError> {
    known(conn, wanted).await?;
    let held = merged(held.iter().cloned().map(Into::into).collect());
    let more: Vec<_> = merge(wanted.iter().cloned())
        .into_iter()
        .filter(|grant| !grants::covers(&held, std::slice::from_ref(grant)))
        .collect();
    admin.may_give(&more)?;
    roles::replace_grants(conn, role, wanted).await?;
    Ok(())
}

async fn read(conn: &mut PgConnection, id: i64) -> Result<(Role, Vec<RoleGrant>), AdminError> {
    let role = roles::one(conn, id)
        .await?
        .ok_or_else(|| AdminError::not_found("Role", id))?;
    let grants = roles::grants(conn, &[id]).await?;
    Ok((role, grants))
}

/// What the trail keeps of a role.
fn told(role: &Role, grants: &[RoleGrant]) -> Value {
    let grants = grants.iter().map(|grant| {
        json!({
            "key": grant.key, "read": grant.can_read, "write": grant.can_write, "scope": grant.scope,
        })
    });
    json!({
        "key": role.key,
        "name": role.name,
        "description": role.description,
        "permission_grants": grants.collect::<Vec<_>>(),
    })
}

fn target(role: &Role) -> Target {
    Target::one("role", role.id, &role.key)
}
