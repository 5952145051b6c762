//! `POST /api/realtime/pusher/auth`: the checks stand in the contract's order.

use super::{account, socket};
use crate::app::AppState;
use crate::domain::channel::{Refused, parse_private};
use crate::domain::pusher::{MAX_USER_INFO_BYTES, Signature, channel_data, is_presence, sign};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::realtime::channels;
use axum::Json;
use axum::extract::{Extension, State};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use vigie_identity::Caller;

/// A subscription; also as a form, as Pusher's own client sends it.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct Subscription {
    socket_id: String,
    channel_name: String,
    /// Not looked at: who asks is known.
    user_id: Option<String>,
    /// Of presence channels: `name`, `color` and `initials`, as texts.
    #[schema(value_type = Option<Object>)]
    user_info: Option<Map<String, Value>>,
}

/// Signs a subscription of the caller.
#[utoipa::path(post, path = "/api/realtime/pusher/auth", tag = "realtime",
    request_body(content(
        (Subscription = "application/json"),
        (Subscription = "application/x-www-form-urlencoded"))),
    responses((status = 200, description = "not wrapped", body = Signature)))]
pub async fn authorize(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Json<Signature>, Failure> {
    let mut fields = Fields::new(&body, "Invalid subscription");
    let socket_id = fields.text("socket_id", usize::MAX);
    let channel_name = fields.text("channel_name", usize::MAX);
    fields.optional_text("user_id", usize::MAX);
    let info = user_info(&mut fields, &body);
    fields.done()?;

    let wanted = parse_private(&channel_name).map_err(|refused| plainly(&refused))?;
    let account = account(&gateway)?;
    let permitted = channels::permit(&gateway, &caller, std::slice::from_ref(&wanted)).await;
    permitted.map_err(|refused| plainly(&refused))?;
    let socket = socket(&socket_id)?;
    let present = if is_presence(&wanted) {
        let principal = caller.principal()?;
        let id = principal.user_id().map(|id| id.to_string());
        let id = id.unwrap_or_default();
        Some(channel_data(&id, &principal.email, info.as_ref()))
    } else {
        None
    };
    let credential = (account.key.as_str(), &account.secret);
    Ok(Json(sign(credential, socket, &channel_name, present)))
}

/// An object, or in a form its JSON text.
fn user_info(fields: &mut Fields<'_>, body: &Payload) -> Option<Map<String, Value>> {
    let info = match body.get("user_info")? {
        Value::Object(info) => Some(info.clone()),
        Value::String(text) => serde_json::from_str(text).ok(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    };
    let small = |info: &Map<String, Value>| {
        serde_json::to_string(info).is_ok_and(|text| text.len() <= MAX_USER_INFO_BYTES)
    };
    if !info.as_ref().is_some_and(small) {
        fields.refuse("user_info", "must be an object of at most 2048 bytes");
    }
    info
}

/// The contract's words alone: there is one channel, and the client knows which.
fn plainly(refused: &Refused) -> Failure {
    Failure::new(refused.code, refused.reason)
}
