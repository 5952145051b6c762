//! `GET /api/realtime/stream`.

use super::channels;
use crate::app::AppState;
use crate::domain::channel::Wanted;
use crate::http::edge::Params;
use crate::http::failure::Failure;
use crate::live::{Opening, Renewal, Session};
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use vigie_contracts::auth::v1::{RedeemStreamTicketRequest, TicketHolder};
use vigie_identity::{Caller, Guard, Principal, PrincipalKind};
use vigie_service::ErrorCode;

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How long a user listens before the token is verified again.
const RECHECK: Duration = Duration::from_secs(10);
const REALTIME: Guard = Guard::parse("realtime.auth");
const ACCEL: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Live events of some channels, resumed where the client left off.
#[utoipa::path(get, path = "/api/realtime/stream", tag = "realtime",
    params(("channels" = String, Query, description = "comma list of 1 to 50"),
        ("ticket" = Option<String>, Query, description = "in place of a credential"),
        ("last_event_id" = Option<String>, Query),
        ("Last-Event-ID" = Option<String>, Header)),
    responses((status = 200, description = "server-sent events", body = String,
        content_type = "text/event-stream")))]
pub async fn stream(
    State(gateway): State<AppState>,
    caller: Option<Extension<Caller>>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let names = params
        .get("channels")
        .unwrap_or_default()
        .split(',')
        .map(str::trim);
    let wanted = channels::read(names.filter(|name| !name.is_empty()))?;
    let (life, renewal) = if let Some(Extension(caller)) = caller {
        channels::permit(&gateway, &caller, &wanted).await?;
        let principal = caller.principal()?;
        let left = left(&gateway, principal.expires_at);
        if principal.user_id().is_some() {
            (left.min(RECHECK), Some(user_renewal(&gateway, &headers)))
        } else {
            let renewal = machine_renewal(&gateway, &headers, &wanted);
            (left, Some(renewal))
        }
    } else {
        let (until, holder) = redeem(&gateway, &params, &wanted).await?;
        let left = left(&gateway, until);
        match holder {
            Some(holder) => (
                left.min(RECHECK),
                Some(ticket_renewal(&gateway, until, holder)),
            ),
            None => (left, None),
        }
    };
    let header = headers.get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let last_seen = header.or_else(|| params.get("last_event_id"));
    let (names, wanted) = wanted
        .into_iter()
        .map(|wanted| (wanted.name, wanted.channel))
        .unzip();
    let opening = Opening {
        names,
        channels: wanted,
        last_seen: last_seen.filter(|id| !id.is_empty()),
        life,
        renewal,
        keep_alive: gateway.config.keep_alive,
        stop: gateway.stop.clone(),
    };
    let session = Session::open(&gateway.live, opening)
        .await
        .map_err(|error| {
            tracing::warn!(%error, "an event stream could not begin");
            Failure::new(ErrorCode::RealtimeUnavailable, "Realtime not available")
        })?;
    Ok(respond(session))
}

fn left(gateway: &AppState, until: DateTime<Utc>) -> Duration {
    (until - gateway.clock.now()).to_std().unwrap_or_default()
}

/// A user's token may be taken back before it ends; verifying it again costs microseconds.
fn user_renewal(gateway: &AppState, headers: &HeaderMap) -> Renewal {
    let (gateway, headers) = (gateway.clone(), headers.clone());
    Box::new(move || {
        let (gateway, headers) = (gateway.clone(), headers.clone());
        async move {
            let caller = gateway.credentials.find(&headers).await.ok()??;
            let until = caller.principal().ok()?.expires_at;
            Some(left(&gateway, until).min(RECHECK))
        }
        .boxed()
    })
}

/// The session that a ticket came from may be ended before its token is.
fn ticket_renewal(gateway: &AppState, until: DateTime<Utc>, holder: Principal) -> Renewal {
    let (gateway, holder) = (gateway.clone(), Arc::new(holder));
    Box::new(move || {
        let (gateway, holder) = (gateway.clone(), Arc::clone(&holder));
        async move {
            let goes_on = !gateway.credentials.ended(&holder);
            goes_on.then(|| left(&gateway, until).min(RECHECK))
        }
        .boxed()
    })
}

/// An API token does not end when what it was exchanged for does: it is exchanged and checked again.
fn machine_renewal(gateway: &AppState, headers: &HeaderMap, wanted: &[Wanted]) -> Renewal {
    let (gateway, headers, wanted) = (gateway.clone(), headers.clone(), wanted.to_vec());
    Box::new(move || {
        let (gateway, headers, wanted) = (gateway.clone(), headers.clone(), wanted.clone());
        async move {
            let caller = gateway.credentials.find(&headers).await.ok()??;
            caller.require(REALTIME).ok()?;
            channels::permit(&gateway, &caller, &wanted).await.ok()?;
            Some(left(&gateway, caller.principal().ok()?.expires_at))
        }
        .boxed()
    })
}

/// Takes the ticket: these channels must be among its own.
async fn redeem(
    gateway: &AppState,
    params: &Params,
    wanted: &[Wanted],
) -> Result<(DateTime<Utc>, Option<Principal>), Failure> {
    let ticket = params.filled("ticket").unwrap_or_default().to_owned();
    let request = RedeemStreamTicketRequest { ticket };
    let answer = gateway
        .auth
        .clone()
        .redeem_stream_ticket(request)
        .await
        .map_err(|status| {
            let failure = Failure::from(status);
            match failure.error().code {
                // Unknown, old or taken: no credential.
                ErrorCode::NotFound | ErrorCode::Validation => {
                    Failure::new(ErrorCode::Authentication, "Authentication required")
                }
                _ => failure,
            }
        })?;
    let answer = answer.into_inner();
    let bound = channels::read(answer.channels.iter().map(String::as_str))?;
    let bound: HashSet<_> = bound.into_iter().map(|bound| bound.channel).collect();
    if let Some(other) = wanted
        .iter()
        .find(|wanted| !bound.contains(&wanted.channel))
    {
        return Err(other.forbidden().into());
    }
    let until = DateTime::from_timestamp_millis(answer.session_expires_at_ms)
        .ok_or_else(|| Failure::incomplete("RedeemStreamTicket"))?;
    let holder = answer.holder.map(|holder| holder_of(holder, until));
    Ok((until, holder.transpose()?))
}

/// Whoever a ticket was issued to, as far as it says whether the session was ended.
fn holder_of(holder: TicketHolder, until: DateTime<Utc>) -> Result<Principal, Failure> {
    let id = holder.user_id.parse();
    let id = id.map_err(|_| Failure::incomplete("RedeemStreamTicket"))?;
    Ok(Principal {
        kind: PrincipalKind::User(id),
        email: String::new(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: Vec::new(),
        groupe_names: Vec::new(),
        grants: Vec::new(),
        session: holder.sid,
        version: holder.version,
        expires_at: until,
    })
}

fn respond(session: Session) -> Response {
    let frames = futures::stream::unfold(session, async |mut session| {
        let frame = session.next().await?;
        Some((Ok::<_, Infallible>(frame), session))
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("text/event-stream"),
        ),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-cache, no-transform"),
        ),
        (ACCEL, HeaderValue::from_static("no")),
    ];
    (headers, Body::from_stream(frames)).into_response()
}
