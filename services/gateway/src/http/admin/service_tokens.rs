//! Tokens of machines (identity.md 2.7).

use super::{GrantBody, grants, path_id};
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

const MAX_NAME: usize = 200;
const MAX_INSTANT: usize = 40;

/// A new token.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct NewToken {
    name: String,
    /// Never more than its maker holds.
    permission_grants: Vec<GrantBody>,
    /// RFC 3339, in the future; without it the token does not end by itself.
    expires_at: Option<String>,
}

/// The tokens, without their secrets.
#[utoipa::path(get, path = "/api/admin/service-tokens", tag = "admin",
    responses((status = 200, body = Data<pb::ListServiceTokensResponse>)))]
pub async fn list(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Data<pb::ListServiceTokensResponse>>, Failure> {
    let request = call(&caller, pb::ListServiceTokensRequest {});
    let answer = gateway.admin.clone().list_service_tokens(request).await?;
    Ok(data(answer.into_inner()))
}

/// Makes a token, shown once.
#[utoipa::path(post, path = "/api/admin/service-tokens", tag = "admin", request_body = NewToken,
    responses((status = 201, body = Data<pb::CreateServiceTokenResponse>)))]
pub async fn create(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<(StatusCode, Json<Data<pb::CreateServiceTokenResponse>>), Failure> {
    let mut fields = Fields::new(&body, "Invalid service token input");
    if !fields.has("permission_grants") {
        fields.refuse("permission_grants", "is required");
    }
    let expires_at = fields.nullable_text("expires_at", MAX_INSTANT);
    let request = pb::CreateServiceTokenRequest {
        name: fields.text("name", MAX_NAME),
        permission_grants: grants(fields.grants("permission_grants")),
        expires_at: expires_at.and_then(|text| text.value),
    };
    fields.done()?;
    let request = call(&caller, request);
    let answer = gateway.admin.clone().create_service_token(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}

/// Ends a token.
#[utoipa::path(delete, path = "/api/admin/service-tokens/{service_token_id}", tag = "admin",
    params(("service_token_id" = String, Path)),
    responses((status = 200, body = Data<pb::RevokeServiceTokenResponse>)))]
pub async fn revoke(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Path(service_token_id): Path<String>,
) -> Result<Json<Data<pb::RevokeServiceTokenResponse>>, Failure> {
    let request = pb::RevokeServiceTokenRequest {
        service_token_id: path_id(service_token_id, "Invalid service token id")?,
    };
    let request = call(&caller, request);
    let answer = gateway.admin.clone().revoke_service_token(request).await?;
    Ok(data(answer.into_inner()))
}
