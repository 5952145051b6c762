//! What services ask for themselves: keys, their internal tokens, and tokens for machine callers.

use crate::app::AppState;
use crate::domain::admin::grants as named;
use crate::domain::{machine, secret};
use crate::store::service_tokens;
use chrono::{DateTime, TimeDelta, Utc};
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_identity::{Caller, Grant, Principal, PrincipalKind, ServiceName};
use vigie_service::{ErrorCode, ServiceError, status};

/// Life of the token that a machine token is exchanged for; the gateway caches it no longer.
const MACHINE_TOKEN_SECONDS: i64 = 60;

/// Why a service or machine gets no token.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Not a service of ours, or not its secret: one answer.
    #[error("unknown service or wrong secret")]
    Refused,
    /// Neither a configured machine token nor a live service token.
    #[error("Authentication required")]
    UnknownToken,
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for IssueError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused | Self::UnknownToken => ErrorCode::Authentication,
            Self::Signing(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The public keys as this replica knows them, from memory: anybody may ask, as often as they like.
/// A key is published minutes before it signs, and every replica reads the table each minute.
pub fn jwks(state: &AppState) -> pb::GetJwksResponse {
    let keys = state.keys.published(state.clock.now()).keys.into_iter();
    let keys = keys.map(|key| pb::JsonWebKey {
        kid: key.kid,
        x: key.x,
    });
    pb::GetJwksResponse {
        keys: keys.collect(),
    }
}

/// A token with which one service calls another.
pub fn issue(
    state: &AppState,
    request: pb::IssueInternalTokenRequest,
) -> Result<pb::IssueInternalTokenResponse, IssueError> {
    let caller: ServiceName = request.service.parse().map_err(|_| IssueError::Refused)?;
    let called: ServiceName = request.audience.parse().map_err(|_| IssueError::Refused)?;
    let secret = SecretString::from(request.secret);
    if !state.clients.accepts(caller, &secret) {
        tracing::warn!(service = caller.as_str(), "internal token refused");
        return Err(IssueError::Refused);
    }
    let now = state.clock.now();
    let (token, expires_in_seconds) = state.keys.signer(now).internal(caller, called, now)?;
    let token = token.expose_secret().to_owned();
    Ok(pb::IssueInternalTokenResponse {
        token,
        expires_in_seconds,
    })
}

/// An access token with the grants of a machine token.
pub async fn exchange(
    state: &AppState,
    request: Request<pb::ExchangeApiTokenRequest>,
) -> Result<pb::ExchangeApiTokenResponse, Status> {
    Caller::from_request(&request)?.require_service(&[ServiceName::Gateway])?;
    let token = SecretString::from(request.into_inner().api_token);
    machine_token(state, &token).await.map_err(status)
}

/// A machine caller that was recognised.
struct Machine {
    principal: String,
    name: String,
    grants: Vec<Grant>,
    expires_at: Option<DateTime<Utc>>,
}

#[tracing::instrument(name = "rpc.auth.exchange_api_token", skip_all, err(level = "debug"))]
async fn machine_token(
    state: &AppState,
    token: &SecretString,
) -> Result<pb::ExchangeApiTokenResponse, IssueError> {
    let machine = if machine::is_service_token(token) {
        service_token(state, token).await?
    } else {
        configured(state, token)
    };
    let machine = machine.ok_or(IssueError::UnknownToken)?;
    let now = state.clock.now();
    let latest = now + TimeDelta::seconds(MACHINE_TOKEN_SECONDS);
    let expires_at = machine.expires_at.map_or(latest, |end| end.min(latest));
    let expires_in_seconds = (expires_at - now).num_seconds();
    if expires_in_seconds < 1 {
        return Err(IssueError::UnknownToken);
    }
    // Nobody's fiches and no groupes: a grant of SELF or GROUP shows a machine nothing.
    let principal = Principal {
        kind: PrincipalKind::Machine(machine.principal),
        email: machine.name,
        roles: Vec::new(),
        crm_user_id: None,
        groupes: Vec::new(),
        groupe_names: Vec::new(),
        grants: machine.grants,
        session: None,
        version: 1,
        expires_at,
    };
    let access = state.keys.signer(now).access(&principal, now)?;
    Ok(pb::ExchangeApiTokenResponse {
        access_token: access.token.expose_secret().to_owned(),
        expires_in_seconds,
    })
}

/// A token of the environment.
fn configured(state: &AppState, token: &SecretString) -> Option<Machine> {
    let grants = state.machines.grants_of(token)?;
    Some(Machine {
        principal: "api".to_owned(),
        name: "api".to_owned(),
        grants: grants.to_vec(),
        expires_at: None,
    })
}

/// A service token that was neither revoked nor has ended.
async fn service_token(
    state: &AppState,
    token: &SecretString,
) -> Result<Option<Machine>, IssueError> {
    let mut conn = state.pool.acquire().await?;
    let found = service_tokens::present(&mut conn, &secret::hash(token)).await?;
    Ok(found.map(|token| Machine {
        principal: machine::service_token_principal(token.id),
        name: token.name,
        grants: named::effective(&token.permission_grants.0),
        expires_at: token.expires_at,
    }))
}
