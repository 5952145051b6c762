//! Single-use tickets for browsers, which cannot send headers with an event stream.

use crate::app::AppState;
use crate::domain::secret;
use crate::store;
use crate::store::tickets::Holder;
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tonic::{Request, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_identity::{Caller, Guard, PrincipalKind, ServiceName};
use vigie_service::{ErrorCode, ServiceError, status};

const GUARD: Guard = Guard::parse("realtime.auth");

/// Time from issue to use (`events-and-config.md` E7).
const TICKET_LIFE: Duration = Duration::from_secs(30);

/// Why there is no ticket.
#[derive(Debug, thiserror::Error)]
pub enum TicketError {
    /// Unknown, expired or taken before.
    #[error("Authentication required")]
    Unknown,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for TicketError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Unknown => ErrorCode::Authentication,
            Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// Issues a ticket for channels that the gateway has checked.
pub async fn issue(
    state: &AppState,
    request: Request<pb::IssueStreamTicketRequest>,
) -> Result<pb::IssueStreamTicketResponse, Status> {
    let caller = Caller::from_request(&request)?.clone();
    caller.require_service(&[ServiceName::Gateway])?;
    caller.require(GUARD)?;
    let principal = caller.principal()?;
    let name = match &principal.kind {
        PrincipalKind::User(id) => id.to_string(),
        PrincipalKind::Machine(name) => format!("machine:{name}"),
    };
    let holder = Holder {
        name: &name,
        user_id: principal.user_id().map(vigie_events::ids::UserId::get),
        version: principal.version,
        session: principal.session.as_deref(),
    };
    let ticket = secret::generate();
    let channels = request.into_inner().channels;
    let expires_at = principal.expires_at;
    store(state, &ticket, &holder, &channels, expires_at)
        .await
        .map_err(status)?;
    Ok(pb::IssueStreamTicketResponse {
        ticket: ticket.expose_secret().to_owned(),
        expires_in_seconds: TICKET_LIFE.as_secs().cast_signed(),
    })
}

async fn store(
    state: &AppState,
    ticket: &SecretString,
    holder: &Holder<'_>,
    channels: &[String],
    session_expires_at: chrono::DateTime<chrono::Utc>,
) -> Result<(), TicketError> {
    let mut conn = state.pool.acquire().await?;
    let hash = secret::hash(ticket);
    store::tickets::issue(
        &mut conn,
        &hash,
        holder,
        channels,
        session_expires_at,
        TICKET_LIFE,
    )
    .await?;
    Ok(())
}

/// Takes a ticket.
pub async fn redeem(
    state: &AppState,
    request: Request<pb::RedeemStreamTicketRequest>,
) -> Result<pb::RedeemStreamTicketResponse, Status> {
    Caller::from_request(&request)?.require_service(&[ServiceName::Gateway])?;
    let ticket = SecretString::from(request.into_inner().ticket);
    let ticket = take(state, &ticket).await.map_err(status)?;
    Ok(pb::RedeemStreamTicketResponse {
        holder: holder(&ticket),
        session_expires_at_ms: ticket.session_expires_at.timestamp_millis(),
        channels: ticket.channels,
    })
}

fn holder(ticket: &store::tickets::Ticket) -> Option<pb::TicketHolder> {
    Some(pb::TicketHolder {
        user_id: ticket.user_id?.to_string(),
        version: ticket.user_version?,
        sid: ticket.session_id.clone(),
    })
}

async fn take(
    state: &AppState,
    ticket: &SecretString,
) -> Result<store::tickets::Ticket, TicketError> {
    let mut conn = state.pool.acquire().await?;
    store::tickets::redeem(&mut conn, &secret::hash(ticket))
        .await?
        .ok_or(TicketError::Unknown)
}
