//! Decisions about a control point.

use super::target::{self, ReviewError};
use crate::app::AppState;
use crate::domain::audit::Audit;
use crate::store::layers::{PointNow, StepLayers};
use crate::store::review::{self, Author, Place, PointBefore};
use crate::workflow::Rejudged;
use sqlx::PgConnection;
use vigie_contracts::audit::v1::{
    ReviewControlPointRequest, ReviewControlPointResponse, ReviewedControlPoint,
    RevokeControlPointReviewRequest, RevokeControlPointReviewResponse,
};
use vigie_identity::{Caller, FicheScope};
use vigie_scorecard::PointDecision;

const INVALID: &str = "Invalid review audit control point input";
const MAX_COMMENT_CHARS: usize = 20_000;

fn decision(request: &ReviewControlPointRequest) -> Result<PointDecision, ReviewError> {
    let invalid = || ReviewError::Invalid(INVALID);
    let comment = request.commentaire.as_deref();
    let too_long = |text: &str| text.chars().count() > MAX_COMMENT_CHARS || text.contains('\0');
    if request.statut.is_none() && comment.is_none() || comment.is_some_and(too_long) {
        return Err(invalid());
    }
    let statut = request.statut.as_deref().map(str::parse).transpose();
    Ok(PointDecision {
        statut: statut.map_err(|_| invalid())?,
        commentaire: request.commentaire.clone(),
    })
}

fn point_of<'a>(
    audit: &Audit,
    position: i32,
    step: &'a StepLayers,
    index: i32,
) -> Result<&'a PointNow, ReviewError> {
    let point = step.points.iter().find(|point| point.index == index);
    point.ok_or_else(|| ReviewError::NoPoint(audit.id.to_string(), position, index))
}

/// A missing step is a missing point here.
fn no_point(error: ReviewError, index: i32) -> ReviewError {
    match error {
        ReviewError::NoStep(audit, position) => ReviewError::NoPoint(audit, position, index),
        other => other,
    }
}

/// Puts a decision over a control point.
pub(super) async fn review(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: ReviewControlPointRequest,
) -> Result<ReviewControlPointResponse, ReviewError> {
    let decision = decision(&request)?;
    let author = target::author(caller, request.reviewer, request.reason, INVALID)?;
    let mut tx = state.db.begin().await?;
    let (position, index) = (request.step_position, request.control_point_index);
    let audit = target::lock(&mut tx, scope, &request.audit_id).await;
    let audit = audit.map_err(|error| no_point(error.of_step(position), index))?;
    let step = target::step(&mut tx, state, &audit, position, request.lock_version).await;
    let step = step.map_err(|error| no_point(error, index))?;
    let point = point_of(&audit, position, &step, index)?;
    let before = PointBefore {
        point: &point.point,
        statut: &point.statut,
        commentaire: &point.commentaire,
    };
    let place = Place {
        audit: audit.id.get(),
        position,
        point: Some(index),
    };
    review::decide_point(&mut tx, place, &author, before, &decision).await?;
    let control_point = finish(&mut tx, state, &audit, place, false, &author).await?;
    tx.commit().await?;
    Ok(ReviewControlPointResponse {
        control_point: Some(control_point),
    })
}

/// Takes the decisions about a control point back.
pub(super) async fn revoke(
    state: &AppState,
    caller: &Caller,
    scope: &FicheScope,
    request: RevokeControlPointReviewRequest,
) -> Result<RevokeControlPointReviewResponse, ReviewError> {
    let author = target::author(caller, request.reviewer, request.reason, INVALID)?;
    let mut tx = state.db.begin().await?;
    let (position, index) = (request.step_position, request.control_point_index);
    let audit = target::lock(&mut tx, scope, &request.audit_id).await;
    let audit = audit.map_err(|error| no_point(error.of_step(position), index))?;
    let step = target::step(&mut tx, state, &audit, position, request.lock_version).await;
    let step = step.map_err(|error| no_point(error, index))?;
    point_of(&audit, position, &step, index)?;
    let place = Place {
        audit: audit.id.get(),
        position,
        point: Some(index),
    };
    if review::revoke(&mut tx, place, &author).await? == 0 {
        return Err(ReviewError::NothingToRevoke);
    }
    let control_point = finish(&mut tx, state, &audit, place, true, &author).await?;
    tx.commit().await?;
    Ok(RevokeControlPointReviewResponse {
        control_point: Some(control_point),
    })
}

async fn finish(
    tx: &mut PgConnection,
    state: &AppState,
    audit: &Audit,
    place: Place,
    revoked: bool,
    author: &Author,
) -> Result<ReviewedControlPoint, ReviewError> {
    let rejudged = target::apply(tx, state, audit, place, revoked, author).await?;
    let index = place.point.unwrap_or_default();
    let ai = review::ai_verdict(tx, place).await?;
    shown(audit, place.position, index, &rejudged, ai)
}

fn shown(
    audit: &Audit,
    position: i32,
    index: i32,
    rejudged: &Rejudged,
    ai_verdict: String,
) -> Result<ReviewedControlPoint, ReviewError> {
    let gone = || ReviewError::NoPoint(audit.id.to_string(), position, index);
    let step = rejudged.steps.get(&position).ok_or_else(gone)?;
    let points = step.points.iter().zip(&step.layered.points);
    let mut points = points.filter(|(now, _)| now.index == index);
    let (now, layered) = points.next().ok_or_else(gone)?;
    let human = layered.is_human();
    Ok(ReviewedControlPoint {
        audit_id: audit.id.to_string(),
        step_position: position,
        control_point_index: index,
        point: now.point.clone(),
        statut: now.statut.clone(),
        commentaire: now.commentaire.clone(),
        verdict: if human {
            now.statut.clone()
        } else {
            ai_verdict
        },
        verdict_source: if human { "human" } else { "ai" }.to_owned(),
        lock_version: step.lock_version,
    })
}
