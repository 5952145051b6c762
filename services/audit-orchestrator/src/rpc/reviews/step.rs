//! Decisions about a step.

use super::target::{self, ReviewError};
use crate::app::AppState;
use crate::store::review::{self, Place};
use vigie_contracts::audit::v1::{
    ReviewStepRequest, ReviewStepResponse, RevokeStepReviewRequest, RevokeStepReviewResponse,
};
use vigie_identity::{Caller, FicheScope};
use vigie_scorecard::StepDecision;

const INVALID: &str = "Invalid review audit step result input";

fn parsed<T: std::str::FromStr>(word: &str) -> Result<T, ReviewError> {
    word.parse().map_err(|_| ReviewError::Invalid(INVALID))
}

fn decision(request: &ReviewStepRequest) -> Result<StepDecision, ReviewError> {
    if request.score.is_some_and(|score| score < 0) {
        return Err(ReviewError::Invalid(INVALID));
    }
    let niveau = request.niveau_conformite.as_deref();
    Ok(StepDecision {
        conforme: Some(parsed(&request.conforme)?),
        traite: request.traite,
        score: request.score,
        niveau_conformite: niveau.map(parsed).transpose()?,
    })
}

/// Puts a decision over a step.
pub(super) async fn review(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: ReviewStepRequest,
) -> Result<ReviewStepResponse, ReviewError> {
    let decision = decision(&request)?;
    let author = target::author(caller, request.reviewer, request.reason, INVALID)?;
    let mut tx = state.db.begin().await?;
    let position = request.step_position;
    let audit = target::lock(&mut tx, scope, &request.audit_id).await;
    let audit = audit.map_err(|error| error.of_step(position))?;
    let step = target::step(&mut tx, state, &audit, position, request.lock_version).await?;
    let place = Place {
        audit: audit.id.get(),
        position,
        point: None,
    };
    review::decide_step(&mut tx, place, &author, step.stored, decision).await?;
    let rejudged = target::apply(&mut tx, state, &audit, place, false, &author).await?;
    let (step, lock_version) = target::shown(&mut tx, place, &rejudged).await?;
    tx.commit().await?;
    Ok(ReviewStepResponse {
        step: Some(step),
        lock_version,
    })
}

/// Takes the decisions about a step back.
pub(super) async fn revoke(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: RevokeStepReviewRequest,
) -> Result<RevokeStepReviewResponse, ReviewError> {
    let author = target::author(caller, request.reviewer, request.reason, INVALID)?;
    let mut tx = state.db.begin().await?;
    let position = request.step_position;
    let audit = target::lock(&mut tx, scope, &request.audit_id).await;
    let audit = audit.map_err(|error| error.of_step(position))?;
    target::step(&mut tx, state, &audit, position, request.lock_version).await?;
    let place = Place {
        audit: audit.id.get(),
        position,
        point: None,
    };
    if review::revoke(&mut tx, place, &author).await? == 0 {
        return Err(ReviewError::NothingToRevoke);
    }
    let rejudged = target::apply(&mut tx, state, &audit, place, true, &author).await?;
    let (step, lock_version) = target::shown(&mut tx, place, &rejudged).await?;
    tx.commit().await?;
    Ok(RevokeStepReviewResponse {
        step: Some(step),
        lock_version,
    })
}
