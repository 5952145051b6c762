//! Keys that sign tokens (identity.md 1.8).

use crate::app::{AppState, call};
use crate::http::failure::Failure;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::StatusCode;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::Caller;

/// Makes the next signing key. It is published at once and signs minutes later; until it does,
/// another rotation is a conflict.
#[utoipa::path(post, path = "/api/admin/keys/rotate", tag = "admin",
    responses((status = 201, body = Data<pb::RotateKeysResponse>)))]
pub async fn rotate(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
) -> Result<(StatusCode, Json<Data<pb::RotateKeysResponse>>), Failure> {
    let request = call(&caller, pb::RotateKeysRequest {});
    let answer = gateway.trust.clone().rotate_keys(request).await?;
    Ok((StatusCode::CREATED, data(answer.into_inner())))
}
