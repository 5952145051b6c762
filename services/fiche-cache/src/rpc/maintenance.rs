//! `vigie.fiche.v1.FicheMaintenanceService`: legacy rows, keys that changed, and a look at one row.

use super::{accesses, reseal};
use crate::app::AppState;
use crate::domain::cached::MailState;
use crate::domain::legacy::{Legacy, keys};
use crate::store;
use crate::store::legacy::LegacyRow;
use tonic::{Request, Response, Status};
use vigie_bus::{OutboxError, outbox};
use vigie_contracts::fiche::v1 as pb;
use vigie_contracts::fiche::v1::fiche_maintenance_service_server::{
    FicheMaintenanceService, FicheMaintenanceServiceServer,
};
use vigie_events::ids::FicheId;
use vigie_identity::{Caller, Guard};
use vigie_service::{ErrorCode, ServiceError, status};

const WRITE: Guard = Guard::parse("fiches.write");
/// As the trail of administration.
const TRAIL: Guard = Guard::parse("admin.users.read");
const MOST: i32 = 500;

#[derive(Debug, thiserror::Error)]
pub(super) enum MaintenanceError {
    #[error("{0}")]
    Invalid(&'static str),
    #[error("VIGIE_ENCRYPTION_KEY is not set")]
    NoKey,
    #[error("Fiche not cached")]
    NotCached,
    #[error("Forbidden")]
    Forbidden,
    #[error(transparent)]
    Outbox(#[from] OutboxError),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
}

impl ServiceError for MaintenanceError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Invalid(_) => ErrorCode::Validation,
            Self::NoKey => ErrorCode::Configuration,
            Self::NotCached => ErrorCode::NotFound,
            Self::Forbidden => ErrorCode::Authorization,
            Self::Outbox(_) | Self::Store(_) => ErrorCode::Internal,
        }
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> FicheMaintenanceServiceServer<impl FicheMaintenanceService> {
    FicheMaintenanceServiceServer::new(Rpc { state })
}

struct Rpc {
    state: AppState,
}

/// These rows are everybody's.
fn keeper<T>(request: &Request<T>) -> Result<(), Status> {
    let scope = Caller::from_request(request)?.require(WRITE)?;
    if scope.all() {
        Ok(())
    } else {
        Err(status(MaintenanceError::Forbidden))
    }
}

#[tonic::async_trait]
impl FicheMaintenanceService for Rpc {
    async fn backfill(
        &self,
        request: Request<pb::BackfillRequest>,
    ) -> Result<Response<pb::BackfillResponse>, Status> {
        keeper(&request)?;
        backfill(&self.state, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn reseal(
        &self,
        request: Request<pb::ResealRequest>,
    ) -> Result<Response<pb::ResealResponse>, Status> {
        keeper(&request)?;
        reseal::reseal(&self.state, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn inspect_row(
        &self,
        request: Request<pb::InspectRowRequest>,
    ) -> Result<Response<pb::InspectRowResponse>, Status> {
        keeper(&request)?;
        inspect(&self.state, &request.get_ref().fiche_id)
            .await
            .map_err(status)
            .map(Response::new)
    }

    async fn list_accesses(
        &self,
        request: Request<pb::ListAccessesRequest>,
    ) -> Result<Response<pb::ListAccessesResponse>, Status> {
        Caller::from_request(&request)?.require(TRAIL)?;
        accesses::list(&self.state, request.get_ref())
            .await
            .map_err(status)
            .map(Response::new)
    }
}

/// A stop between two rows leaves each of them whole.
#[tracing::instrument(name = "rpc.fiche.backfill", skip_all, err(level = "debug"))]
async fn backfill(
    state: &AppState,
    request: &pb::BackfillRequest,
) -> Result<pb::BackfillResponse, MaintenanceError> {
    if !(1..=MOST).contains(&request.batch) {
        return Err(MaintenanceError::Invalid("batch must be from 1 to 500"));
    }
    let mut conn = state.db.acquire().await?;
    let limit = i64::from(request.batch);
    let rows = store::legacy::list(&mut conn, request.after_id, limit).await?;
    drop(conn);
    let last = rows.last().map_or(request.after_id, |row| row.id);
    let mut answer = pb::BackfillResponse {
        last_id: last.to_string(),
        ..pb::BackfillResponse::default()
    };
    for row in rows {
        answer.looked += 1;
        let legacy = Legacy::of(row.raw_data.clone());
        if legacy.unreadable > 0 {
            tracing::warn!(
                fiche.id = row.fiche_id,
                pieces = legacy.unreadable,
                "document kept"
            );
            answer.unreadable += 1;
        } else if request.dry_run || migrate(state, &row).await? {
            answer.moved += 1;
        }
    }
    let mut conn = state.db.acquire().await?;
    answer.remaining = store::legacy::remaining(&mut conn, last).await?;
    Ok(answer)
}

/// One row, under its lock: what was fetched since it was listed stays.
async fn migrate(state: &AppState, row: &LegacyRow) -> Result<bool, MaintenanceError> {
    let Ok(fiche) = row.fiche_id.parse::<FicheId>() else {
        return Ok(false);
    };
    let mut tx = state.db.begin().await?;
    store::fiche::lock(&mut tx, &fiche).await?;
    let Some((id, document)) = store::legacy::document(&mut tx, &fiche).await? else {
        return Ok(false);
    };
    if Legacy::of(document.clone()).unreadable > 0 {
        return Ok(false);
    }
    if store::legacy::migrate(&mut tx, id, &document, &state.vault).await? {
        let summary = store::fiche::summary(&mut tx, &fiche).await?;
        if let Some(summary) = summary {
            outbox::send(&mut tx, &summary.updated().message()).await?;
        }
    }
    tx.commit().await?;
    metrics::counter!("fiche.backfilled").increment(1);
    Ok(true)
}

#[tracing::instrument(name = "rpc.fiche.inspect_row", skip_all, fields(fiche.id = fiche_id), err(level = "debug"))]
async fn inspect(
    state: &AppState,
    fiche_id: &str,
) -> Result<pb::InspectRowResponse, MaintenanceError> {
    let fiche: FicheId = fiche_id.parse().map_err(|_| MaintenanceError::NotCached)?;
    let mut conn = state.db.acquire().await?;
    let found = store::legacy::inspect(&mut conn, &fiche).await?;
    let row = found.ok_or(MaintenanceError::NotCached)?;
    let mail = match row.mail {
        MailState::Unknown => "unknown",
        MailState::None => "none",
        MailState::Present => "present",
    };
    let document = keys(&row.document).into_iter();
    Ok(pb::InspectRowResponse {
        fiche_id: fiche_id.to_owned(),
        state: row.state,
        version: row.version,
        mail_devis_state: mail.to_owned(),
        sections: row.sections,
        document: document
            .map(|(key, kind)| pb::DocumentKey {
                key,
                kind: kind.to_owned(),
            })
            .collect(),
    })
}
