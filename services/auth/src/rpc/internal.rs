//! What services ask for themselves: keys, their internal tokens, and tokens for machine callers.

use crate::app::AppState;
use chrono::TimeDelta;
use secrecy::{ExposeSecret, SecretString};
use tonic::{Request, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_identity::tokens::SigningError;
use vigie_identity::{Caller, Principal, PrincipalKind, ServiceName};
use vigie_service::{ErrorCode, ServiceError, status};

/// Life of the token that a machine token is exchanged for; the gateway caches it no longer.
const MACHINE_TOKEN_SECONDS: i64 = 60;

/// Why a service or machine gets no token.
#[derive(Debug, thiserror::Error)]
pub enum IssueError {
    /// Not a service of ours, or not its secret: one answer.
    #[error("unknown service or wrong secret")]
    Refused,
    /// Not one of the configured machine tokens.
    #[error("Authentication required")]
    UnknownToken,
    /// The token could not be signed.
    #[error(transparent)]
    Signing(#[from] SigningError),
}

impl ServiceError for IssueError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Refused | Self::UnknownToken => ErrorCode::Authentication,
            Self::Signing(_) => ErrorCode::Internal,
        }
    }
}

/// The public keys.
pub fn jwks(state: &AppState) -> pb::GetJwksResponse {
    let keys = state.keys.published.keys.iter();
    let keys = keys.map(|key| pb::JsonWebKey {
        kid: key.kid.clone(),
        x: key.x.clone(),
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
    let (token, expires_in_seconds) =
        state
            .keys
            .signer
            .internal(caller, called, state.clock.now())?;
    let token = token.expose_secret().to_owned();
    Ok(pb::IssueInternalTokenResponse {
        token,
        expires_in_seconds,
    })
}

/// An access token with the grants of a machine token.
pub fn exchange(
    state: &AppState,
    request: Request<pb::ExchangeApiTokenRequest>,
) -> Result<pb::ExchangeApiTokenResponse, Status> {
    Caller::from_request(&request)?.require_service(&[ServiceName::Gateway])?;
    let token = SecretString::from(request.into_inner().api_token);
    machine_token(state, &token).map_err(status)
}

fn machine_token(
    state: &AppState,
    token: &SecretString,
) -> Result<pb::ExchangeApiTokenResponse, IssueError> {
    let grants = state
        .machines
        .grants_of(token)
        .ok_or(IssueError::UnknownToken)?;
    let now = state.clock.now();
    let principal = Principal {
        kind: PrincipalKind::Machine("api".to_owned()),
        email: "api".to_owned(),
        roles: Vec::new(),
        crm_user_id: None,
        groupes: Vec::new(),
        groupe_names: Vec::new(),
        grants: grants.to_vec(),
        session: None,
        version: 1,
        expires_at: now + TimeDelta::seconds(MACHINE_TOKEN_SECONDS),
    };
    let access = state.keys.signer.access(&principal, now)?;
    Ok(pb::ExchangeApiTokenResponse {
        access_token: access.token.expose_secret().to_owned(),
        expires_in_seconds: MACHINE_TOKEN_SECONDS,
    })
}
