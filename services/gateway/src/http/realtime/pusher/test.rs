//! `POST /api/realtime/pusher/test`: one event on the test channel, the way that all events go.

use super::account;
use crate::app::AppState;
use crate::domain::channel::{Subject, TEST_CHANNEL, parse};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::fields::Fields;
use crate::http::no_such_route;
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::Uri;
use chrono::SecondsFormat;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use vigie_events::MessageId;
use vigie_service::ErrorCode;

const EVENT: &str = "realtime.test";
const MAX_EVENT_CHARS: usize = 200;

/// What to publish.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct TestBody {
    /// The test channel, with or without `private-`.
    channel: Option<String>,
    event: Option<String>,
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// What was published.
#[derive(Serialize, ToSchema)]
pub struct Published {
    success: bool,
    channel: String,
    event: String,
    /// As it was sent.
    #[schema(value_type = Object)]
    payload: Value,
}

/// Publishes one event on the test channel.
#[utoipa::path(post, path = "/api/realtime/pusher/test", tag = "realtime",
    request_body = TestBody, responses((status = 200, body = Published)))]
pub async fn publish(
    State(gateway): State<AppState>,
    uri: Uri,
    Extension(body): Extension<Payload>,
) -> Result<Json<Published>, Failure> {
    if !gateway.config.pusher.test_route {
        return Err(no_such_route(&uri));
    }
    let mut fields = Fields::new(&body, "Invalid test input");
    let channel = fields.optional_text("channel", usize::MAX);
    let event = fields.optional_text("event", usize::MAX);
    fields.done()?;
    let channel = channel.unwrap_or_else(|| own_channel(&gateway));
    let event = event.unwrap_or_else(|| EVENT.to_owned());
    check_channel(&channel)?;
    check_event(&event)?;
    account(&gateway)?;

    let payload = body.get("payload").cloned().unwrap_or_else(|| {
        let now = gateway.clock.now();
        let now = now.to_rfc3339_opts(SecondsFormat::Millis, true);
        json!({"message": "Realtime works", "ts": now})
    });
    let id = MessageId::new(format!("rt-test-{}", uuid::Uuid::new_v4()));
    let bus = &gateway.live.bus;
    let shown = bus.show_test(&id, TEST_CHANNEL, &event, &payload).await;
    shown.map_err(|error| {
        tracing::warn!(%error, "a test event could not be published");
        Failure::new(ErrorCode::RealtimeUnavailable, "Realtime not available")
    })?;
    Ok(Json(Published {
        success: true,
        channel,
        event,
        payload,
    }))
}

fn own_channel(gateway: &AppState) -> String {
    let private = gateway.config.pusher.private_channels;
    format!("{}{TEST_CHANNEL}", if private { "private-" } else { "" })
}

/// Syntax is told as of any channel; of the others only the test channel is one here (W29).
fn check_channel(name: &str) -> Result<(), Failure> {
    match parse([name]) {
        Err(refused) if refused.code == ErrorCode::Validation => {
            Err(Failure::validation(refused.reason).with_detail("channel", refused.reason))
        }
        Ok(wanted) if wanted.iter().all(|wanted| wanted.subject == Subject::Test) => Ok(()),
        Ok(_) | Err(_) => Err(Failure::new(
            ErrorCode::Authorization,
            "Channel not allowed",
        )),
    }
}

fn check_event(event: &str) -> Result<(), Failure> {
    let problem = if event.chars().count() > MAX_EVENT_CHARS {
        "event too long (max 200 chars)"
    } else if event.starts_with("pusher:") {
        "event name cannot start with 'pusher:'"
    } else if event.chars().any(char::is_control) {
        "event contains invalid characters"
    } else {
        return Ok(());
    };
    Err(Failure::validation(problem).with_detail("event", problem))
}
