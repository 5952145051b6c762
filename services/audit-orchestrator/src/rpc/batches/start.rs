use super::{BatchError, who};
use crate::app::AppState;
use crate::domain::audit::uses_tools;
use crate::domain::batch::{InvalidFiches, fiches};
use crate::rpc::pace;
use crate::rpc::run::{latest_config, usable_config};
use crate::store::config::ConfigState;
use crate::store::fiche::Fiche;
use crate::store::projection;
use crate::workflow::BatchWish;
use tonic::Status;
use vigie_contracts::audit::v1 as pb;
use vigie_events::ids::{AuditConfigId, FicheId};
use vigie_identity::{Caller, FicheScope, Guard, PrincipalKind};
use vigie_service::status;

const GUARD: Guard = Guard::parse("audits.run");

/// Queues an audit of each fiche, all or none.
pub(super) async fn start_batch(
    state: &AppState,
    caller: &Caller,
    request: pb::StartBatchRequest,
) -> Result<pb::StartBatchResponse, Status> {
    let scope = caller.require(GUARD)?;
    start(state, caller, &scope, request).await.map_err(status)
}

async fn start(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: pb::StartBatchRequest,
) -> Result<pb::StartBatchResponse, BatchError> {
    let fiches = fiches(&request.fiche_ids)?;
    let config = config(state, request.audit_config_id.as_deref()).await?;
    let known = visible(state, caller, scope, &fiches).await?;
    // Only machines may speak for somebody else.
    let user = match caller.principal.as_deref().map(|principal| &principal.kind) {
        Some(PrincipalKind::User(id)) => Some(id.to_string()),
        Some(PrincipalKind::Machine(_)) | None => {
            request.user_id.filter(|user| !user.trim().is_empty())
        }
    };
    let wish = BatchWish {
        config: config.id,
        fiches: &fiches,
        by: &who(caller),
        trigger_user: user.as_deref(),
        asked_rlm: request.use_rlm,
        use_rlm: uses_tools(request.use_rlm, &state.workflow.settings().engine),
    };
    let mut tx = state.db.begin().await?;
    // One request, however many fiches.
    pace::admit::<BatchError>(&mut tx, state, caller).await?;
    let batch = state.workflow.open_batch(&mut tx, wish).await?;
    if !known.is_empty() {
        projection::put_all(&mut tx, &known).await?;
    }
    tx.commit().await?;
    tracing::info!(
        batch.id = batch.batch_id,
        fiches = fiches.len(),
        "batch queued"
    );
    Ok(pb::StartBatchResponse {
        // The command's id is the batch's.
        event_ids: vec![batch.batch_id.clone()],
        batch_id: batch.batch_id,
        fiche_ids: fiches.iter().map(ToString::to_string).collect(),
        audit_config_id: config.id.get(),
    })
}

/// The configuration asked for, else the installation's default, else the newest active one.
async fn config(state: &AppState, asked: Option<&str>) -> Result<ConfigState, BatchError> {
    let default = state.workflow.settings().batches.config;
    let asked: Option<AuditConfigId> = match asked {
        Some(id) => Some(id.trim().parse().map_err(|_| InvalidFiches)?),
        None => default,
    };
    Ok(match asked {
        Some(id) => usable_config(state, id).await?,
        None => latest_config(state).await?,
    })
}

/// The fiches as far as they are known, if the caller may audit all of them. Who sees everything
/// may audit unknown ones too: F1 ends their audits.
async fn visible(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    fiches: &[FicheId],
) -> Result<Vec<Fiche>, BatchError> {
    match state.neighbours.in_scope(caller, fiches, true).await {
        Ok(known) if scope.all() || known.len() == fiches.len() => Ok(known),
        Ok(_) => Err(BatchError::Forbidden),
        Err(error) if scope.all() => {
            // The scope is decided; names and groupes come with the fetches.
            tracing::warn!(%error, "batch queued without the summaries of its fiches");
            Ok(Vec::new())
        }
        Err(error) => Err(error.into()),
    }
}
