//! `vigie.audit.v1.ProjectionService`: what audits know of fiches, asked for anew.

use crate::app::AppState;
use crate::neighbours::NeighbourError;
use crate::store;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1::projection_service_server::{
    ProjectionService, ProjectionServiceServer,
};
use vigie_contracts::audit::v1::{RebuildProjectionRequest, RebuildProjectionResponse};
use vigie_identity::{Caller, Guard};
use vigie_service::{ErrorCode, ServiceError, status};

const WRITE: Guard = Guard::parse("audits.write");
const MOST: i32 = 5_000;

#[derive(Debug, thiserror::Error)]
enum RebuildError {
    #[error("batch must be from 1 to 5000")]
    Batch,
    #[error("Forbidden")]
    Forbidden,
    #[error(transparent)]
    Neighbour(#[from] NeighbourError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for RebuildError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Batch => ErrorCode::Validation,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Neighbour(_) => ErrorCode::Unavailable,
            Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> ProjectionServiceServer<impl ProjectionService> {
    ProjectionServiceServer::new(Rpc(state))
}

struct Rpc(AppState);

#[tonic::async_trait]
impl ProjectionService for Rpc {
    async fn rebuild_projection(
        &self,
        request: Request<RebuildProjectionRequest>,
    ) -> Result<Response<RebuildProjectionResponse>, Status> {
        let scope = Caller::from_request(&request)?.require(WRITE)?;
        if !scope.all() {
            return Err(status(RebuildError::Forbidden));
        }
        rebuild(&self.0, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }
}

/// One call to fiche-cache and one statement, whatever the number of fiches.
#[tracing::instrument(name = "rpc.audit.rebuild_projection", skip_all, err(level = "debug"))]
async fn rebuild(
    state: &AppState,
    request: &RebuildProjectionRequest,
) -> Result<RebuildProjectionResponse, RebuildError> {
    if !(1..=MOST).contains(&request.batch) {
        return Err(RebuildError::Batch);
    }
    let mut conn = state.db.acquire().await?;
    let limit = i64::from(request.batch);
    let ids = store::projection::audited(&mut conn, &request.after, limit).await?;
    let Some(last) = ids.last().cloned() else {
        return Ok(RebuildProjectionResponse::default());
    };
    let looked = i32::try_from(ids.len()).unwrap_or(i32::MAX);
    let fiches = state.neighbours.summaries(ids).await?;
    let written = store::projection::put_all(&mut conn, &fiches).await?;
    Ok(RebuildProjectionResponse {
        remaining: store::projection::remaining(&mut conn, &last).await?,
        last,
        looked,
        written: i32::try_from(written).unwrap_or(i32::MAX),
    })
}
