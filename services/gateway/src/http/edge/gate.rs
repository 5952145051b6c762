use super::body::{self, Limit};
use super::credentials::bearer;
use super::extract::Params;
use crate::app::AppState;
use crate::http::failure::Failure;
use crate::http::route::Access;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vigie_identity::Caller;
use vigie_service::ErrorCode;

const INVALID_TOKEN: &str = "Invalid or expired access token";

/// What stands before one route.
#[derive(Clone)]
pub struct Gate {
    /// The gateway.
    pub state: AppState,
    /// Who may pass.
    pub access: Access,
    /// Whether its body may be a form.
    pub takes_forms: bool,
}

/// Lets a request through to its handler, with its [`Caller`] and its [`Payload`](super::Payload).
pub async fn admit(State(gate): State<Gate>, mut request: Request, next: Next) -> Response {
    match pass(&gate.state, gate.access, gate.takes_forms, &mut request).await {
        Ok(()) => next.run(request).await,
        Err(failure) => failure.into_response(),
    }
}

/// As [`admit`], for paths and methods that do not exist: under `/api` only callers learn that.
pub async fn admit_nowhere(state: &AppState, request: &mut Request) -> Result<(), Failure> {
    let path = request.uri().path();
    let access = if path == "/api" || path.starts_with("/api/") {
        Access::Authenticated
    } else {
        Access::Public
    };
    pass(state, access, false, request).await
}

/// The contract's order: the body's JSON, the credential, the permission.
async fn pass(
    state: &AppState,
    access: Access,
    takes_forms: bool,
    request: &mut Request,
) -> Result<(), Failure> {
    let max = state.config.max_body_bytes;
    let caller = match access {
        Access::Public => None,
        _ => state.credentials.find(request.headers()).await?,
    };
    let limit = match (&caller, access) {
        (Some(_), _) => Limit::known(max),
        (None, Access::Public) => Limit::public(max),
        (None, _) => Limit::refused(max),
    };
    let payload = body::read(request, limit, takes_forms).await?;
    check(access, caller.as_ref(), request)?;
    request.extensions_mut().insert(payload);
    if let Some(caller) = caller {
        request.extensions_mut().insert(caller);
    }
    Ok(())
}

fn check(access: Access, caller: Option<&Caller>, request: &Request) -> Result<(), Failure> {
    let Some(caller) = caller else {
        return match access {
            Access::Public => Ok(()),
            Access::Ticket(_) if has_ticket(request) => Ok(()),
            Access::Account => Err(unauthenticated(match bearer(request.headers()) {
                Some(_) => INVALID_TOKEN,
                None => "Missing access token",
            })),
            Access::Authenticated | Access::User(_) | Access::Needs(_) | Access::Ticket(_) => {
                Err(unauthenticated("Authentication required"))
            }
        };
    };
    if access.is_for_users() && caller.principal()?.user_id().is_none() {
        return Err(unauthenticated(match access {
            Access::Account => INVALID_TOKEN,
            _ => "User authentication required",
        }));
    }
    for guard in access.guards() {
        caller.require(*guard)?;
    }
    Ok(())
}

fn unauthenticated(message: &str) -> Failure {
    Failure::new(ErrorCode::Authentication, message)
}

fn has_ticket(request: &Request) -> bool {
    let query = request.uri().query().unwrap_or_default();
    Params::parse(query).filled("ticket").is_some()
}
