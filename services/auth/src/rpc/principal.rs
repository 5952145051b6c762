//! `vigie.auth.v1.PrincipalService`: who a user is now.

use super::session;
use crate::app::AppState;
use crate::domain::session::UserStatus;
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::principal_service_server::{
    PrincipalService, PrincipalServiceServer,
};
use vigie_events::ids::UserId;
use vigie_identity::{Caller, ServiceName};
use vigie_service::{ErrorCode, ServiceError, status};

/// Why there is no principal.
#[derive(Debug, thiserror::Error)]
pub enum PrincipalError {
    /// Not an id.
    #[error("Invalid user id")]
    InvalidId,
    /// No such account.
    #[error("User not found")]
    NotFound,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for PrincipalError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::InvalidId => ErrorCode::Validation,
            Self::NotFound => ErrorCode::NotFound,
            Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> PrincipalServiceServer<impl PrincipalService> {
    PrincipalServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

#[tonic::async_trait]
impl PrincipalService for Rpc {
    async fn get_principal(
        &self,
        request: Request<pb::GetPrincipalRequest>,
    ) -> Result<Response<pb::GetPrincipalResponse>, Status> {
        Caller::from_request(&request)?.require_service(&[ServiceName::Automation])?;
        read(&self.state, &request.into_inner().user_id)
            .await
            .map(Response::new)
            .map_err(status)
    }
}

#[tracing::instrument(name = "rpc.auth.get_principal", skip_all, err(level = "debug"))]
async fn read(state: &AppState, id: &str) -> Result<pb::GetPrincipalResponse, PrincipalError> {
    let id: UserId = id.parse().map_err(|_| PrincipalError::InvalidId)?;
    let mut conn = state.pool.acquire().await?;
    let (account, grants) = session::account(&mut conn, id.get())
        .await?
        .ok_or(PrincipalError::NotFound)?;
    if account.status != UserStatus::Active {
        return Ok(pb::GetPrincipalResponse {
            user_id: id.to_string(),
            ..pb::GetPrincipalResponse::default()
        });
    }
    let (groupe_names, version) = (account.groupe_names.clone(), account.version);
    let user = session::user(account, &grants);
    Ok(pb::GetPrincipalResponse {
        active: true,
        user_id: user.id,
        email: user.email,
        roles: user.roles,
        crm_user_id: user.crm_user_id,
        groupes: user.groupes,
        groupe_names,
        grants: user.permissions,
        version,
    })
}
