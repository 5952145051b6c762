//! `vigie.audit.v1.RescoreService`: stored audits under changed weights, batch by batch.

use crate::app::AppState;
use crate::store::rescore::{next, weights};
use crate::workflow::{Move, WorkflowError};
use std::cmp::Reverse;
use tonic::{Request, Response, Status};
use vigie_contracts::audit::v1::rescore_service_server::{RescoreService, RescoreServiceServer};
use vigie_contracts::audit::v1::{RescoreAuditsRequest, RescoreAuditsResponse, RescoreMove};
use vigie_identity::{Caller, Guard, Principal};
use vigie_service::{ErrorCode, ServiceError, status};

const WRITE: Guard = Guard::parse("audits.write");
const MOST: i32 = 500;
/// Moves that an answer shows.
const SHOWN: usize = 50;

#[derive(Debug, thiserror::Error)]
enum RescoreError {
    #[error("batch must be from 1 to 500")]
    Batch,
    #[error("Invalid {0}")]
    InvalidId(&'static str),
    #[error("Forbidden")]
    Forbidden,
    #[error("Audit config with ID '{0}' not found")]
    NoConfig(String),
    #[error("The configuration was changed meanwhile (revision {0})")]
    Changed(i32),
    #[error(transparent)]
    Store(#[from] sqlx::Error),
    #[error(transparent)]
    Workflow(#[from] WorkflowError),
}

impl ServiceError for RescoreError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Batch | Self::InvalidId(_) => ErrorCode::Validation,
            Self::Forbidden => ErrorCode::Authorization,
            Self::NoConfig(_) => ErrorCode::NotFound,
            Self::Changed(_) => ErrorCode::Conflict,
            Self::Store(_) | Self::Workflow(_) => ErrorCode::Internal,
        }
    }
}

/// The gRPC service.
pub fn service(state: AppState) -> RescoreServiceServer<RescoreRpc> {
    RescoreServiceServer::new(RescoreRpc::new(state))
}

/// Scores anew over this state.
#[derive(Clone)]
pub struct RescoreRpc(AppState);

impl RescoreRpc {
    /// The operation over this state.
    pub const fn new(state: AppState) -> Self {
        Self(state)
    }
}

#[tonic::async_trait]
impl RescoreService for RescoreRpc {
    async fn rescore_audits(
        &self,
        request: Request<RescoreAuditsRequest>,
    ) -> Result<Response<RescoreAuditsResponse>, Status> {
        let caller = Caller::from_request(&request)?;
        if !caller.require(WRITE)?.all() {
            return Err(status(RescoreError::Forbidden));
        }
        let principal = caller.principal.as_deref();
        let by = principal.and_then(Principal::user_id);
        let by = by.map(|id| id.to_string());
        rescore(&self.0, request.get_ref(), by.as_deref())
            .await
            .map_err(status)
            .map(Response::new)
    }
}

/// One transaction, a dozen statements, whatever the number of audits.
#[tracing::instrument(name = "rpc.audit.rescore", skip_all, err(level = "debug"))]
async fn rescore(
    state: &AppState,
    request: &RescoreAuditsRequest,
    by: Option<&str>,
) -> Result<RescoreAuditsResponse, RescoreError> {
    if !(1..=MOST).contains(&request.batch) {
        return Err(RescoreError::Batch);
    }
    let config = id("audit_config_id", &request.audit_config_id)?;
    let after = match request.after_id.as_str() {
        "" => 0,
        text => id("after_id", text)?,
    };
    let mut tx = state.db.begin().await?;
    let weights = weights(&mut tx, config).await?;
    let no_config = || RescoreError::NoConfig(request.audit_config_id.clone());
    let weights = weights.ok_or_else(no_config)?;
    if ![0, weights.revision].contains(&request.revision) {
        return Err(RescoreError::Changed(weights.revision));
    }
    let audits = next(&mut tx, config, after, request.batch.into()).await?;
    let looked = count(audits.len());
    let last_id = audits.last().map(|audit| audit.id.to_string());
    let workflow = &state.workflow;
    let moves = if request.apply {
        let moves = workflow.rescore(&mut tx, audits, &weights, by).await?;
        tx.commit().await?;
        moves
    } else {
        workflow.preview(&mut tx, audits, &weights).await?
    };
    Ok(RescoreAuditsResponse {
        last_id: last_id.unwrap_or_default(),
        looked,
        ..answer(weights.revision, moves)
    })
}

fn id(name: &'static str, text: &str) -> Result<i64, RescoreError> {
    text.parse().map_err(|_| RescoreError::InvalidId(name))
}

fn answer(revision: i32, mut moves: Vec<Move>) -> RescoreAuditsResponse {
    let reweighed = count(moves.len());
    moves.retain(Move::moved);
    moves.sort_by_key(|one| (Reverse(one.distance()), one.before.id));
    let changed = |test: fn(&Move) -> bool| count(moves.iter().filter(|one| test(one)).count());
    RescoreAuditsResponse {
        revision,
        reweighed,
        moved: count(moves.len()),
        score_changed: changed(|one| one.before.score != one.after.score),
        niveau_changed: changed(|one| one.before.niveau != one.after.niveau),
        compliance_changed: changed(|one| one.before.is_compliant != one.after.is_compliant),
        moves: moves.iter().take(SHOWN).map(encode).collect(),
        ..RescoreAuditsResponse::default()
    }
}

fn encode(one: &Move) -> RescoreMove {
    let percent = |hundredths: i32| f64::from(hundredths) / 100.0;
    RescoreMove {
        audit_id: one.before.id.to_string(),
        fiche_id: one.before.fiche_id.clone(),
        score_before: percent(one.before.score),
        score_after: percent(one.after.score),
        niveau_before: one.before.niveau.clone(),
        niveau_after: one.after.niveau.clone(),
        compliant_before: one.before.is_compliant,
        compliant_after: one.after.is_compliant,
    }
}

fn count(number: usize) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
