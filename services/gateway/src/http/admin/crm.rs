//! People and groups of the CRM (identity.md 2.6).

use crate::app::{AppState, patient_call};
use crate::http::edge::Params;
use crate::http::failure::Failure;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, State};
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

/// The CRM's users, beside the accounts that they have.
#[utoipa::path(get, path = "/api/admin/crm/users", tag = "admin",
    responses((status = 200, body = Data<pb::ListDirectoryUsersResponse>)))]
pub async fn users(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<pb::ListDirectoryUsersResponse>>, Failure> {
    let request = patient_call(&caller, pb::ListDirectoryUsersRequest {});
    let answer = gateway.admin.clone().list_directory_users(request).await?;
    Ok(data(answer.into_inner()))
}

/// The CRM's groups.
#[utoipa::path(get, path = "/api/admin/crm/teams", tag = "admin",
    params(("include_users" = Option<bool>, Query)),
    responses((status = 200, body = Data<pb::ListDirectoryTeamsResponse>)))]
pub async fn teams(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    params: Params,
) -> Result<Json<Data<pb::ListDirectoryTeamsResponse>>, Failure> {
    let request = pb::ListDirectoryTeamsRequest {
        include_users: params.flag("include_users"),
    };
    let request = patient_call(&caller, request);
    let answer = gateway.admin.clone().list_directory_teams(request).await?;
    Ok(data(answer.into_inner()))
}
