//! Roles and permissions (identity.md 2.4).

use super::{GrantBody, path_id, sent};
use crate::app::{AppState, call};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

const INVALID_ID: &str = "Invalid role id";
const INVALID: &str = "Invalid role input";
const NOTHING: &str =
    "At least one of name, description, permission_keys, permission_grants is required";
const MAX_KEY: usize = 80;
const MAX_NAME: usize = 200;
const MAX_DESCRIPTION: usize = 5_000;

/// A new role.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct NewRole {
    /// Letters, digits, `.`, `_`, `:` and `-`; it stays.
    key: String,
    name: String,
    description: Option<String>,
    permission_grants: Option<Vec<GrantBody>>,
    /// Looked at only without `permission_grants`.
    permission_keys: Option<Vec<String>>,
}

/// What changes; at least one.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct RoleChange {
    name: Option<String>,
    description: Option<String>,
    /// Replaces the whole set.
    permission_grants: Option<Vec<GrantBody>>,
    /// Looked at only without `permission_grants`.
    permission_keys: Option<Vec<String>>,
}

/// The roles by key.
#[utoipa::path(get, path = "/api/admin/roles", tag = "admin",
    responses((status = 200, body = Data<pb::ListRolesResponse>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<pb::ListRolesResponse>>, Failure> {
    let request = call(&caller, pb::ListRolesRequest {});
    let answer = gateway.admin.clone().list_roles(request).await?;
    Ok(data(answer.into_inner()))
}

/// One role.
#[utoipa::path(get, path = "/api/admin/roles/{role_id}", tag = "admin",
    params(("role_id" = String, Path)),
    responses((status = 200, body = Data<pb::GetRoleResponse>)))]
pub async fn detail(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(role_id): Path<String>,
) -> Result<Json<Data<pb::GetRoleResponse>>, Failure> {
    let role_id = path_id(role_id, INVALID_ID)?;
    let request = call(&caller, pb::GetRoleRequest { role_id });
    let answer = gateway.admin.clone().get_role(request).await?;
    Ok(data(answer.into_inner()))
}

/// Makes a role.
#[utoipa::path(post, path = "/api/admin/roles", tag = "admin", request_body = NewRole,
    responses((status = 201, body = Data<pb::CreateRoleResponse>)))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::CreateRoleResponse>>), Failure> {
    let mut fields = Fields::new(&body, INVALID);
    let request = pb::CreateRoleRequest {
        key: fields.text("key", MAX_KEY),
        name: fields.text("name", MAX_NAME),
        description: fields.optional_prose("description", MAX_DESCRIPTION),
        permission_grants: fields.grants("permission_grants"),
        permission_keys: fields.texts("permission_keys", 0),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().create_role(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// Changes a role.
#[utoipa::path(patch, path = "/api/admin/roles/{role_id}", tag = "admin",
    params(("role_id" = String, Path)), request_body = RoleChange,
    responses((status = 200, body = Data<pb::UpdateRoleResponse>)))]
pub async fn update(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(role_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::UpdateRoleResponse>>, Failure> {
    let role_id = path_id(role_id, INVALID_ID)?;
    let mut fields = Fields::new(&body, INVALID);
    let parts = [
        "name",
        "description",
        "permission_grants",
        "permission_keys",
    ];
    if !sent(&fields, parts) {
        return Err(Failure::validation(NOTHING));
    }
    let request = pb::UpdateRoleRequest {
        role_id,
        name: fields.optional_text("name", MAX_NAME),
        description: fields.nullable_prose("description", MAX_DESCRIPTION),
        permission_grants: fields.grants("permission_grants"),
        permission_keys: fields.texts("permission_keys", 0),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().update_role(request).await?;
    Ok(data(answer.into_inner()))
}

/// Deletes a role that nobody has.
#[utoipa::path(delete, path = "/api/admin/roles/{role_id}", tag = "admin",
    params(("role_id" = String, Path)),
    responses((status = 200, body = Data<pb::DeleteRoleResponse>)))]
pub async fn delete(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(role_id): Path<String>,
) -> Result<Json<Data<pb::DeleteRoleResponse>>, Failure> {
    let role_id = path_id(role_id, INVALID_ID)?;
    let request = call(&caller, pb::DeleteRoleRequest { role_id });
    let answer = gateway.admin.clone().delete_role(request).await?;
    Ok(data(answer.into_inner()))
}

/// The permissions that roles can grant.
#[utoipa::path(get, path = "/api/admin/permissions", tag = "admin",
    responses((status = 200, body = Data<pb::ListPermissionsResponse>)))]
pub async fn permissions(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<pb::ListPermissionsResponse>>, Failure> {
    let request = call(&caller, pb::ListPermissionsRequest {});
    let answer = gateway.admin.clone().list_permissions(request).await?;
    Ok(data(answer.into_inner()))
}
