//! `POST /api/realtime/pusher/user-auth`: makes a connection known as the caller's, so that it can
//! be ended with their rights (W36).

use super::{account, socket};
use crate::app::{AppState, call};
use crate::domain::pusher::{UserSignature, sign_user};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use axum::Json;
use axum::extract::{Extension, State};
use serde::Deserialize;
use utoipa::ToSchema;
use vigie_contracts::auth::v1 as pb;
use vigie_identity::{Caller, authentication_required};

/// A connection; also as a form, as Pusher's own client sends it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct SignIn {
    socket_id: String,
}

/// Signs that a connection is the caller's.
#[utoipa::path(post, path = "/api/realtime/pusher/user-auth", tag = "realtime",
    request_body(content(
        (SignIn = "application/json"),
        (SignIn = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "not wrapped", body = UserSignature)))]
pub async fn sign_in(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<UserSignature>, Failure> {
    let mut fields = Fields::new(&body, "Invalid sign-in");
    let socket_id = fields.text("socket_id", usize::MAX);
    fields.done()?;
    let account = account(&gateway)?;
    let socket = socket(&socket_id)?;
    let user = caller.principal()?.user_id();
    let user = user.ok_or_else(authentication_required)?;
    // The end of an account or session is told to Pusher once: nobody may sign in after it.
    let me = call(&caller, pb::GetMeRequest {});
    gateway.auth.clone().get_me(me).await?;
    let credential = (account.key.as_str(), &account.secret);
    Ok(Json(sign_user(credential, socket, user)))
}
