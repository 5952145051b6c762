//! `POST /api/realtime/tickets`: for browsers, which cannot send headers with an event stream.

use super::channels;
use crate::app::{AppState, call};
use crate::http::edge::Payload;
use crate::http::failure::Failure;
use crate::http::reply::{Data, data};
use axum::Json;
use axum::extract::{Extension, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use vigie_contracts::auth::v1::IssueStreamTicketRequest;
use vigie_identity::Caller;

/// What the ticket is for.
#[derive(Deserialize, ToSchema)]
#[expect(dead_code, reason = "describes the body; it is read field by field")]
pub struct TicketBody {
    channels: Vec<String>,
}

/// A ticket, good once.
#[derive(Serialize, ToSchema)]
pub struct Ticket {
    ticket: String,
    expires_in: i64,
}

/// Issues a ticket for these channels.
#[utoipa::path(post, path = "/api/realtime/tickets", tag = "realtime", request_body = TicketBody,
    responses((status = 201, body = Data<Ticket>)))]
pub async fn issue(
    State(gateway): State<AppState>,
    Extension(caller): Extension<Caller>,
    Extension(body): Extension<Payload>,
) -> Result<Response, Failure> {
    let names = names(&body).ok_or_else(|| {
        Failure::validation("Invalid ticket input").with_detail("channels", "must list channels")
    })?;
    let wanted = channels::read(names)?;
    channels::permit(&gateway, &caller, &wanted).await?;
    let request = IssueStreamTicketRequest {
        channels: wanted.into_iter().map(|wanted| wanted.name).collect(),
    };
    let answer = gateway
        .auth
        .clone()
        .issue_stream_ticket(call(&caller, request))
        .await?;
    let answer = answer.into_inner();
    let ticket: Json<Data<Ticket>> = data(Ticket {
        ticket: answer.ticket,
        expires_in: answer.expires_in_seconds,
    });
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    Ok((StatusCode::CREATED, no_store, ticket).into_response())
}

fn names(body: &Payload) -> Option<Vec<&str>> {
    let names = body.get("channels")?.as_array()?;
    names.iter().map(Value::as_str).collect()
}
