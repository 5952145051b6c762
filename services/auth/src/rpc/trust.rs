//! `vigie.auth.v1.TrustService`: what verifiers of tokens rely on.

use crate::app::AppState;
use crate::domain::session::UserStatus;
use crate::store::trail::{self, Actor, Entry, Target};
use crate::store::{admins, changes};
use chrono::{DateTime, SecondsFormat, Utc};
use tonic::{Request, Response, Status};
use vigie_contracts::auth::v1 as pb;
use vigie_contracts::auth::v1::trust_service_server::{TrustService, TrustServiceServer};
use vigie_identity::{Caller, Guard, PrincipalKind, ServiceName};
use vigie_service::grpc::Origin;
use vigie_service::{ErrorCode, ServiceError, status};

const USERS_WRITE: Guard = Guard::parse("admin.users.write");

/// Why keys are not rotated, or changes not told.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// The caller's account has ended.
    #[error("User is disabled")]
    Ended,
    /// The last rotation has not come into force.
    #[error("The newest key does not sign yet: rotate again when it does")]
    UnderWay,
    /// No moment.
    #[error("since_ms is out of range")]
    Since,
    /// A key could not be made.
    #[error("a signing key could not be made")]
    Key(#[source] anyhow::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for TrustError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Ended => ErrorCode::Authentication,
            Self::UnderWay => ErrorCode::Conflict,
            Self::Since => ErrorCode::Validation,
            Self::Key(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> TrustServiceServer<impl TrustService> {
    TrustServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

#[tonic::async_trait]
impl TrustService for Rpc {
    async fn principal_changes(
        &self,
        request: Request<pb::PrincipalChangesRequest>,
    ) -> Result<Response<pb::PrincipalChangesResponse>, Status> {
        Caller::from_request(&request)?.require_service(&ServiceName::ALL)?;
        let answer = missed(&self.state, request.into_inner().since_ms).await;
        answer.map_err(status).map(Response::new)
    }

    async fn rotate_keys(
        &self,
        request: Request<pb::RotateKeysRequest>,
    ) -> Result<Response<pb::RotateKeysResponse>, Status> {
        let caller = Caller::from_request(&request)?.clone();
        caller.require(USERS_WRITE)?;
        let origin = Origin::of(&request);
        let answer = rotate(&self.state, &caller, &origin).await;
        answer.map_err(status).map(Response::new)
    }
}

#[tracing::instrument(name = "rpc.auth.principal_changes", skip_all, err(level = "debug"))]
async fn missed(
    state: &AppState,
    since_ms: i64,
) -> Result<pb::PrincipalChangesResponse, TrustError> {
    let since = DateTime::from_timestamp_millis(since_ms).ok_or(TrustError::Since)?;
    let rows = changes::since(&mut *state.pool.acquire().await?, since).await?;
    let changes = rows.into_iter().map(|row| pb::PrincipalChange {
        user_id: row.user_id.to_string(),
        version: row.version,
        sid: row.sid,
        reason: row.reason,
        at_ms: row.at.timestamp_millis(),
    });
    Ok(pb::PrincipalChangesResponse {
        changes: changes.collect(),
    })
}

#[tracing::instrument(name = "rpc.auth.rotate_keys", skip_all, err(level = "debug"))]
async fn rotate(
    state: &AppState,
    caller: &Caller,
    origin: &Origin,
) -> Result<pb::RotateKeysResponse, TrustError> {
    let mut tx = state.pool.begin().await?;
    if let Some(PrincipalKind::User(id)) = caller.principal.as_ref().map(|p| &p.kind)
        && admins::status(&mut tx, id.get()).await? != Some(UserStatus::Active)
    {
        return Err(TrustError::Ended);
    }
    let rotated = state.keys.rotate(&mut tx).await.map_err(TrustError::Key)?;
    let (kid, keys) = rotated.ok_or(TrustError::UnderWay)?;
    let entry = Entry {
        actor: &Actor::of(caller),
        action: "keys.rotated",
        target: Target::one("signing_key", &kid, &kid),
        before: None,
        after: None,
        origin,
    };
    trail::append(&mut tx, entry).await?;
    tx.commit().await?;
    state.keys.reload().await.map_err(TrustError::Key)?;
    tracing::info!(key.id = kid, "signing keys rotated");
    let keys = keys.into_iter().map(|key| pb::SigningKeyInfo {
        kid: key.kid,
        not_before: moment(key.not_before),
        retired_at: key.retired_at.map(moment),
    });
    Ok(pb::RotateKeysResponse {
        keys: keys.collect(),
    })
}

fn moment(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}
