//! Users, and what an administrator does for them (identity.md 2.3, 2.7).

use super::{given, limit, path_id, sent};
use crate::app::{AppState, call, patient_call};
use crate::http::edge::{Params, Payload};
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

const INVALID_ID: &str = "Invalid user id";
const STATUSES: [&str; 3] = ["INVITED", "ACTIVE", "DISABLED"];
const NOTHING: &str = "At least one of status, password, role_keys is required";
/// The longest address there is.
const MAX_EMAIL: usize = 320;
const MAX_CRM_ID: usize = 200;

/// A new user.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct NewUser {
    email: String,
    /// 12 to 200 characters.
    password: String,
    /// `["viewer"]` by default.
    role_keys: Option<Vec<String>>,
    /// The CRM user that is linked.
    crm_user_id: Option<String>,
}

/// What changes; at least one.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct UserChange {
    /// `INVITED`, `ACTIVE` or `DISABLED`.
    status: Option<String>,
    /// 12 to 200 characters.
    password: Option<String>,
    /// Replaces the whole set.
    role_keys: Option<Vec<String>>,
    /// Null takes the link away.
    crm_user_id: Option<String>,
}

/// A user of the CRM who gets an account.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct CrmImport {
    crm_user_id: String,
    /// `["viewer"]` by default, for new users.
    role_keys: Option<Vec<String>>,
    crm_group_id: Option<String>,
    /// Confirms that an account with the same e-mail is the one.
    link_existing: Option<bool>,
}

/// The users by id.
#[utoipa::path(get, path = "/api/admin/users", tag = "admin",
    params(("limit" = Option<i64>, Query, description = "1 to 200; without it all users"),
        ("cursor" = Option<String>, Query, description = "next_cursor of the page before"),
        ("q" = Option<String>, Query, description = "part of the e-mail or the CRM id")),
    responses((status = 200, body = Data<pb::ListUsersResponse>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<pb::ListUsersResponse>>, Failure> {
    let request = pb::ListUsersRequest {
        limit: limit(&params)?,
        cursor: given(&params, "cursor"),
        q: given(&params, "q"),
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().list_users(request).await?;
    Ok(data(answer.into_inner()))
}

/// Makes an active user.
#[utoipa::path(post, path = "/api/admin/users", tag = "admin", request_body = NewUser,
    responses((status = 201, body = Data<pb::CreateUserResponse>)))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::CreateUserResponse>>), Failure> {
    let mut fields = Fields::new(&body, "Invalid user input");
    let request = pb::CreateUserRequest {
        email: fields.text("email", MAX_EMAIL),
        password: fields.secret("password"),
        role_keys: fields.texts("role_keys", 1),
        crm_user_id: fields.nullable_text("crm_user_id", MAX_CRM_ID),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().create_user(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// Changes a user.
#[utoipa::path(patch, path = "/api/admin/users/{user_id}", tag = "admin",
    params(("user_id" = String, Path)), request_body = UserChange,
    responses((status = 200, body = Data<pb::UpdateUserResponse>)))]
pub async fn update(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(user_id): Path<String>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Data<pb::UpdateUserResponse>>, Failure> {
    let user_id = path_id(user_id, INVALID_ID)?;
    let mut fields = Fields::new(&body, "Invalid user input");
    if !sent(&fields, ["status", "password", "role_keys", "crm_user_id"]) {
        return Err(Failure::validation(NOTHING));
    }
    let request = pb::UpdateUserRequest {
        user_id,
        status: fields.one_of("status", &STATUSES),
        password: fields.optional_secret("password"),
        role_keys: fields.texts("role_keys", 1),
        crm_user_id: fields.nullable_text("crm_user_id", MAX_CRM_ID),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().update_user(request).await?;
    Ok(data(answer.into_inner()))
}

/// Gives a user of the CRM an account, or links the one there is.
#[utoipa::path(post, path = "/api/admin/users/from-crm", tag = "admin", request_body = CrmImport,
    responses((status = 201, body = Data<pb::ImportCrmUserResponse>)))]
pub async fn from_crm(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::ImportCrmUserResponse>>), Failure> {
    let mut fields = Fields::new(&body, "Invalid user input");
    let request = pb::ImportCrmUserRequest {
        crm_user_id: fields.text("crm_user_id", MAX_CRM_ID),
        role_keys: fields.texts("role_keys", 1),
        crm_group_id: fields.optional_text("crm_group_id", MAX_CRM_ID),
        link_existing: fields.flag("link_existing"),
    };
    fields.done()?;
    let request = patient_call(&caller, request);
    let answer = gateway.admin.clone().import_crm_user(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// A link to set a new password, shown once.
#[utoipa::path(post, path = "/api/admin/users/{user_id}/reset-link", tag = "admin",
    params(("user_id" = String, Path)),
    responses((status = 201, body = Data<pb::IssueResetLinkResponse>)))]
pub async fn reset_link(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(user_id): Path<String>,
) -> Result<(StatusCode, Json<Data<pb::IssueResetLinkResponse>>), Failure> {
    let user_id = path_id(user_id, INVALID_ID)?;
    let request = call(&caller, pb::IssueResetLinkRequest { user_id });
    let answer = gateway.admin.clone().issue_reset_link(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// A new invite, shown once; the one before ends.
#[utoipa::path(post, path = "/api/admin/users/{user_id}/invite", tag = "admin",
    params(("user_id" = String, Path)),
    responses((status = 201, body = Data<pb::InviteUserResponse>)))]
pub async fn invite(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(user_id): Path<String>,
) -> Result<(StatusCode, Json<Data<pb::InviteUserResponse>>), Failure> {
    let user_id = path_id(user_id, INVALID_ID)?;
    let request = call(&caller, pb::InviteUserRequest { user_id });
    let answer = gateway.admin.clone().invite_user(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// Ends every session of a user.
#[utoipa::path(post, path = "/api/admin/users/{user_id}/logout-all", tag = "admin",
    params(("user_id" = String, Path)),
    responses((status = 200, body = Data<pb::LogOutUserResponse>)))]
pub async fn logout_all(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(user_id): Path<String>,
) -> Result<Json<Data<pb::LogOutUserResponse>>, Failure> {
    let user_id = path_id(user_id, INVALID_ID)?;
    let request = call(&caller, pb::LogOutUserRequest { user_id });
    let answer = gateway.admin.clone().log_out_user(request).await?;
    Ok(data(answer.into_inner()))
}
